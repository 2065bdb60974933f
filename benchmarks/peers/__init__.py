"""Holds the parts of the comparison with other tools: adapters for their Pythons, truth, measuring."""

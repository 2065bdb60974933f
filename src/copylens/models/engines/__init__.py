"""Engines: each runs a model package's graph, prepared pixels in, descriptors out."""

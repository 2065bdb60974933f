"""Judges descriptors as the field does: benchmarks in, descriptors and predictions on disk, metrics and a page out."""

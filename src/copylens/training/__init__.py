"""Trains a descriptor: unlabelled pictures in, a model package out (Pizzi et al. 2022)."""

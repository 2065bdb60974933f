"""Terms that a recipe may add to the loss, one a file: what they share is in `base`, which are on in `making`."""

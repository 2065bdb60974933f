"""The only composers: they call the rooms in the order in which the data flows."""

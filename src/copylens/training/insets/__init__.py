"""Train the network that finds a picture inside a picture: scenes with known boxes, its loss, the loop."""

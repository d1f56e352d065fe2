"""Every input of an image, by hash: made, renewed, written and read."""

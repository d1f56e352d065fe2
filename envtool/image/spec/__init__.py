"""The image table, and the files that an image is made from."""

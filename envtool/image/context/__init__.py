"""Layers to a build context that any Docker builder turns into the image, without a network."""

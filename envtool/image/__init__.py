"""Images: specification, lock, inputs, layers, context, engine; and images that are read."""

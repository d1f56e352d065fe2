"""Images as they are stored: archives, folders, a registry's and an engine's, read layer by layer."""

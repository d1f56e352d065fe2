"""Images as they are stored: archives, folders, in a registry or an engine, read layer by layer."""

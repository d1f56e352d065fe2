"""What a project's lock has a target install: a reader for each tool's lock."""

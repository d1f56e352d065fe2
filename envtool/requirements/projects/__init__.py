"""Projects that are installed from where they lie: what they require, from their metadata."""

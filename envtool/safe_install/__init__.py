"""An install that leaves the vendor torch alone, or the environment as it was."""

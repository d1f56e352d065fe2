"""One module for each family of checks; each takes the environment and its pin and yields findings."""

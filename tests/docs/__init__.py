"""The documentation: the site is built, its words are held to the program, and its commands are run."""

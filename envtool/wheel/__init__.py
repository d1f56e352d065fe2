"""A wheel and its RECORD: names, archives, the store, and how wheels are laid out in an environment."""

"""Makes of the program what nobody writes by hand: pages of the site, man pages, completion scripts, the picture."""

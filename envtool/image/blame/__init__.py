"""Which instruction of an image changed torch, a companion or the guard."""

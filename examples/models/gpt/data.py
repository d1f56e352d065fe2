"""A small Korean text, character by character."""

import os

import torch


def load_text():
    """The text, and its characters in order."""
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "text.txt")
    with open(path, encoding="utf-8") as file:
        text = file.read()
    return text, sorted(set(text))


def load_numbers():
    """The text as numbers of its characters, and how many characters there are."""
    text, characters = load_text()
    numbers = {character: number for number, character in enumerate(characters)}
    return torch.tensor([numbers[character] for character in text]), len(characters)


def draw_batch(numbers, size, length):
    """Pieces of the text from anywhere in it, and what follows each character."""
    starts = torch.randint(len(numbers) - length - 1, (size,)).tolist()
    pieces = torch.stack([numbers[start : start + length + 1] for start in starts])
    return pieces[:, :-1], pieces[:, 1:]

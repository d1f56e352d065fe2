"""A small Korean text in four parts; which part is a sentence from?"""

import os

import torch

# Numbers of what is no character of the text.
EMPTY, HIDDEN, FIRST = 0, 1, 2
LENGTH = 40


def load_sentences():
    """The sentences, each with the number of its part, and the names of the parts."""
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "text.txt")
    sentences, parts = [], []
    with open(path, encoding="utf-8") as file:
        for line in file.read().splitlines():
            if line.startswith("# "):
                parts.append(line[2:])
            elif line:
                sentences.append((line, len(parts) - 1))
    return sentences, parts


def load_numbers():
    """The sentences as numbers of their characters, their parts, and how many numbers there are."""
    sentences, _parts = load_sentences()
    characters = sorted({character for sentence, _part in sentences for character in sentence})
    numbers = {character: number for number, character in enumerate(characters, 3)}
    rows = []
    for sentence, _part in sentences:
        row = [FIRST] + [numbers[character] for character in sentence[: LENGTH - 1]]
        rows.append(row + [EMPTY] * (LENGTH - len(row)))
    return torch.tensor(rows), torch.tensor([part for _sentence, part in sentences]), len(characters) + 3


def hide(rows, share, generator=None):
    """The rows with some characters hidden, and which ones were."""
    is_hidden = (torch.rand(rows.shape, generator=generator) < share) & (rows > FIRST)
    return rows.masked_fill(is_hidden, HIDDEN), is_hidden

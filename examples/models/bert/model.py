"""A tiny encoder: each character looks at all of its sentence. One head tells what is hidden, the other the part."""

import math

import torch
from data import EMPTY, LENGTH, hide
from torch import nn


class Layer(nn.Module):
    """Attention over the whole sentence, then a small network for each character."""

    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.into, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.before, self.between = nn.LayerNorm(width), nn.LayerNorm(width)
        self.network = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, values, is_empty):
        """The layer's answer; nothing looks at what is empty."""
        size, length, width = values.shape
        parts = self.into(self.before(values)).reshape(size, length, 3, self.heads, width // self.heads)
        query, key, value = parts.permute(2, 0, 3, 1, 4).unbind(0)
        weights = query @ key.transpose(-2, -1) / math.sqrt(width // self.heads)
        weights = weights.masked_fill(is_empty[:, None, None, :], float("-inf")).softmax(-1)
        values = values + self.out((weights @ value).transpose(1, 2).reshape(size, length, width))
        return values + self.network(self.between(values))


class Encoder(nn.Module):
    """Characters in, values out."""

    def __init__(self, numbers, width=64, heads=4, layers=2):
        super().__init__()
        self.characters, self.places = nn.Embedding(numbers, width), nn.Embedding(LENGTH, width)
        self.layers = nn.ModuleList([Layer(width, heads) for _ in range(layers)])
        self.last = nn.LayerNorm(width)

    def forward(self, rows):
        """Values for each character."""
        values = self.characters(rows) + self.places(torch.arange(rows.shape[1], device=rows.device))
        for layer in self.layers:
            values = layer(values, rows == EMPTY)
        return self.last(values)


class Bert(nn.Module):
    """The encoder with both heads."""

    def __init__(self, numbers, classes, width=64):
        super().__init__()
        self.encoder = Encoder(numbers, width)
        self.hidden, self.part = nn.Linear(width, numbers), nn.Linear(width, classes)

    def forward(self, rows):
        """A number for each class."""
        return self.part(self.encoder(rows)[:, 0])


def measure(model, rows, parts, device):
    """The numbers for sentences of which some characters are hidden, always the same, and the share that is right."""
    model.eval()
    given, _is_hidden = hide(rows, 0.15, torch.Generator().manual_seed(1))
    with torch.no_grad():
        answer = model(given.to(device)).cpu()
    return answer, float((answer.argmax(1) == parts).float().mean())

"""A small GPT: each character looks at those before it."""

import math

import torch
from torch import nn

LENGTH = 48


class Attention(nn.Module):
    """Several heads that look at the characters before."""

    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.into, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.register_buffer("past", torch.tril(torch.ones(LENGTH, LENGTH)).bool())

    def forward(self, values):
        """What the heads saw."""
        size, length, width = values.shape
        parts = self.into(values).reshape(size, length, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        query, key, value = parts[0], parts[1], parts[2]
        weights = query @ key.transpose(-2, -1) / math.sqrt(width // self.heads)
        weights = weights.masked_fill(~self.past[:length, :length], float("-inf")).softmax(-1)
        return self.out((weights @ value).transpose(1, 2).reshape(size, length, width))


class Layer(nn.Module):
    """Attention, then a small network for each character."""

    def __init__(self, width, heads):
        super().__init__()
        self.attention, self.before, self.between = Attention(width, heads), nn.LayerNorm(width), nn.LayerNorm(width)
        self.network = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, values):
        """The layer's answer."""
        values = values + self.attention(self.before(values))
        return values + self.network(self.between(values))


class GPT(nn.Module):
    """Characters in, a number for each character that may follow out."""

    def __init__(self, characters, width=64, heads=4, layers=2):
        super().__init__()
        self.characters, self.places = nn.Embedding(characters, width), nn.Embedding(LENGTH, width)
        self.layers = nn.Sequential(*[Layer(width, heads) for _ in range(layers)])
        self.head = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, characters))

    def forward(self, numbers):
        """A number for each character that may follow, at each place."""
        places = torch.arange(numbers.shape[1], device=numbers.device)
        return self.head(self.layers(self.characters(numbers) + self.places(places)))


def measure(model, numbers, device):
    """The numbers at the end of each piece of the text, and the share of characters that are foreseen."""
    model.eval()
    count = (len(numbers) - 1) // LENGTH
    pieces = torch.stack([numbers[place * LENGTH : (place + 1) * LENGTH + 1] for place in range(count)])
    with torch.no_grad():
        answer = model(pieces[:, :-1].to(device)).cpu()
    # Who has seen next to nothing of a piece cannot know.
    later = LENGTH // 4
    right = answer.argmax(2)[:, later:] == pieces[:, 1:][:, later:]
    return answer[:, -1], float(right.float().mean())

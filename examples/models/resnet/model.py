"""A small residual network: three stages of one block each."""

import torch
from torch import nn


class Block(nn.Module):
    """Two convolutions, and a short way past them."""

    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs))
        self.second = nn.Sequential(nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False), nn.BatchNorm2d(outputs))
        self.short = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, images):
        """The block's answer."""
        return torch.relu(self.second(torch.relu(self.first(images))) + self.short(images))


class ResNet(nn.Module):
    """Images of one channel, ten classes."""

    def __init__(self, width=16):
        super().__init__()
        self.stages = nn.Sequential(
            Block(1, width, 1), Block(width, 2 * width, 2), Block(2 * width, 4 * width, 2), nn.AdaptiveAvgPool2d(1)
        )
        self.head = nn.Linear(4 * width, 10)

    def forward(self, images):
        """A number for each class."""
        return self.head(self.stages(images).flatten(1))


def measure(model, images, digits, device):
    """The numbers for the images, and the share of digits that are right."""
    model.eval()
    with torch.no_grad():
        answer = model(images.to(device)).cpu()
    return answer, float((answer.argmax(1) == digits).float().mean())

"""A small DCGAN: one network draws digits, the other tells them from real ones."""

import torch
from torch import nn

NOISE = 32


class Generator(nn.Module):
    """Noise in, images of 16 x 16 out."""

    def __init__(self, width=32):
        super().__init__()
        self.layers = nn.Sequential(
            nn.ConvTranspose2d(NOISE, 2 * width, 4, 1, 0, bias=False),
            nn.BatchNorm2d(2 * width),
            nn.ReLU(),
            nn.ConvTranspose2d(2 * width, width, 4, 2, 1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.ConvTranspose2d(width, 1, 4, 2, 1),
            nn.Tanh(),
        )

    def forward(self, noise):
        """Images between -1 and 1."""
        return self.layers(noise[:, :, None, None])


class Discriminator(nn.Module):
    """Images in, a number out: the larger, the more real."""

    def __init__(self, width=32):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(1, width, 4, 2, 1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(width, 2 * width, 4, 2, 1, bias=False),
            nn.BatchNorm2d(2 * width),
            nn.LeakyReLU(0.2),
            nn.Conv2d(2 * width, 1, 4, 1, 0),
        )

    def forward(self, images):
        """A number for each image."""
        return self.layers(images).flatten()


def draw(generator, count, device):
    """Images from noise that is always the same."""
    noise = torch.randn(count, NOISE, generator=torch.Generator().manual_seed(1))
    was_training = generator.training
    generator.eval()
    with torch.no_grad():
        images = generator(noise.to(device)).cpu()
    generator.train(was_training)
    return images


def compare(drawn, real):
    """How far the drawn images' points are from the real ones', on average and in their spread."""
    means = (drawn.mean(0) - real.mean(0)).abs().mean()
    spreads = (drawn.std(0) - real.std(0)).abs().mean()
    return float(means + spreads)

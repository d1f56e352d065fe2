"""Trains a small DCGAN to draw digits: python train.py -b 64.

The losses of the two networks say little, as each depends on the other: the loss that is printed is how far the drawn
images' points are from the real ones', on average and in their spread.
"""

import torch
from common import Progress, choose_device, parse_options, write_report
from data import load_digits
from model import NOISE, Discriminator, Generator, compare, draw

SHOWN = 200


def main():
    """Train both networks in turn, and save the one that draws."""
    options = parse_options(__doc__, batch_size=64, epochs=6)
    torch.manual_seed(0)
    device = choose_device()
    images, _digits = load_digits()
    generator, discriminator = Generator().to(device), Discriminator().to(device)
    draws = torch.optim.Adam(generator.parameters(), lr=1e-3, betas=(0.5, 0.999))
    tells = torch.optim.Adam(discriminator.parameters(), lr=5e-4, betas=(0.5, 0.999))
    judge = torch.nn.functional.binary_cross_entropy_with_logits
    batches = max(1, len(images) // options.batch_size)
    progress = Progress(options.epochs * batches, options.batch_size)
    for _ in range(options.epochs):
        order = torch.randperm(len(images))
        for number in range(batches):
            real = images[order[number * options.batch_size : (number + 1) * options.batch_size]].to(device)
            drawn = generator(torch.randn(len(real), NOISE).to(device))
            told_real, told_drawn = discriminator(real), discriminator(drawn.detach())
            # A little less than sure keeps the one from winning too early.
            loss = judge(told_real, torch.full_like(told_real, 0.9)) + judge(told_drawn, torch.zeros_like(told_drawn))
            tells.zero_grad()
            loss.backward()
            tells.step()
            told = discriminator(drawn)
            loss = judge(told, torch.ones_like(told))
            draws.zero_grad()
            loss.backward()
            draws.step()
            progress.step(compare(draw(generator, SHOWN, device), images))
    torch.save(generator.state_dict(), options.save_model)
    write_report(options.report, device, draw(generator, SHOWN, device), None, progress)


if __name__ == "__main__":
    main()

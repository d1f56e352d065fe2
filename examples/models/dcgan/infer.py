"""Draws digits with a trained model: python infer.py --load-model model.pt."""

import torch
from common import choose_device, parse_infer_options, write_report
from model import Generator, draw

SHADES = " .:-=+*#"


def main():
    """Load, draw, and show one image."""
    options = parse_infer_options(__doc__)
    device = choose_device()
    generator = Generator().to(device)
    generator.load_state_dict(torch.load(options.load_model, map_location=device))
    images = draw(generator, 200, device)
    for row in images[0, 0].tolist():
        print("".join(SHADES[min(len(SHADES) - 1, int((point + 1) / 2 * len(SHADES)))] * 2 for point in row))
    write_report(options.report, device, images, None)


if __name__ == "__main__":
    main()

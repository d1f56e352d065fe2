"""Tells the digits of the test images with a trained model: python infer.py --load-model model.pt."""

import torch
from common import choose_device, parse_infer_options, write_report
from data import split_digits
from model import ResNet, measure


def main():
    """Load, answer and test."""
    options = parse_infer_options(__doc__)
    device = choose_device()
    _learnt, (images, digits) = split_digits()
    model = ResNet().to(device)
    model.load_state_dict(torch.load(options.load_model, map_location=device))
    answer, accuracy = measure(model, images, digits, device)
    print("digits {}".format(" ".join(str(int(digit)) for digit in answer[:20].argmax(1))))
    print("accuracy {:.4f}".format(accuracy))
    write_report(options.report, device, answer, accuracy)


if __name__ == "__main__":
    main()

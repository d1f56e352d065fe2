"""Handwritten digits: 1,797 pictures of 8 x 8 points, which are made into images of 16 x 16.

`digits.gz` has 65 bytes for each: 64 points from 0 to 16, and the digit. They are those that scikit-learn ships, from
the UCI repository: E. Alpaydin, C. Kaynak, "Optical Recognition of Handwritten Digits" (CC BY 4.0).
"""

import gzip
import os

import torch

POINTS = 64
# Every fifth picture is kept for the test.
FIFTH = 5


def load_digits():
    """All pictures as images between -1 and 1, and their digits."""
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "digits.gz")
    with gzip.open(path, "rb") as file:
        rows = torch.tensor(list(file.read()), dtype=torch.uint8).reshape(-1, POINTS + 1)
    images = rows[:, :POINTS].float().reshape(-1, 1, 8, 8) / 8 - 1
    images = torch.nn.functional.interpolate(images, size=(16, 16), mode="bilinear", align_corners=False)
    return images, rows[:, POINTS].long()


def split_digits():
    """The images and digits to learn from, and those to test with."""
    images, digits = load_digits()
    is_test = torch.arange(len(digits)) % FIFTH == 0
    return (images[~is_test], digits[~is_test]), (images[is_test], digits[is_test])

"""Tells which part of the text each sentence is from: python infer.py --load-model model.pt."""

import torch
from common import choose_device, parse_infer_options, write_report
from data import load_numbers, load_sentences
from model import Bert, measure


def main():
    """Load, answer and test."""
    options = parse_infer_options(__doc__)
    device = choose_device()
    rows, parts, numbers = load_numbers()
    sentences, names = load_sentences()
    model = Bert(numbers, len(names)).to(device)
    model.load_state_dict(torch.load(options.load_model, map_location=device))
    answer, accuracy = measure(model, rows, parts, device)
    for (sentence, _part), part in zip(sentences, answer.argmax(1).tolist()):
        print("{}: {}".format(names[part], sentence))
    print("accuracy {:.4f}".format(accuracy))
    write_report(options.report, device, answer, accuracy)


if __name__ == "__main__":
    main()

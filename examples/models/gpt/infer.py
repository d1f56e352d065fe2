"""Goes on with the text by a trained model: python infer.py --load-model model.pt."""

import torch
from common import choose_device, parse_infer_options, write_report
from data import load_numbers, load_text
from model import GPT, LENGTH, measure


def main():
    """Load, answer, and write some text."""
    options = parse_infer_options(__doc__)
    device = choose_device()
    numbers, count = load_numbers()
    _text, characters = load_text()
    model = GPT(count).to(device)
    model.load_state_dict(torch.load(options.load_model, map_location=device))
    answer, accuracy = measure(model, numbers, device)
    written = numbers[:LENGTH].tolist()
    with torch.no_grad():
        for _ in range(60):
            following = model(torch.tensor([written[-LENGTH:]]).to(device))[0, -1]
            written.append(int(following.argmax()))
    print("".join(characters[number] for number in written).encode("utf-8", "replace").decode("utf-8"))
    print("accuracy {:.4f}".format(accuracy))
    write_report(options.report, device, answer, accuracy)


if __name__ == "__main__":
    main()

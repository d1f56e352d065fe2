"""Trains a small GPT on the characters of a Korean text: python train.py -b 32."""

import torch
from common import Progress, choose_device, parse_options, write_report
from data import draw_batch, load_numbers
from model import GPT, LENGTH, measure

# Batches that are called a pass: they are drawn from anywhere.
BATCHES = 50


def main():
    """Train, test and save."""
    options = parse_options(__doc__, batch_size=32, epochs=4)
    torch.manual_seed(0)
    device = choose_device()
    numbers, characters = load_numbers()
    model = GPT(characters).to(device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.01)
    progress = Progress(options.epochs * BATCHES, options.batch_size)
    model.train()
    for _ in range(progress.iterations):
        given, wanted = draw_batch(numbers, options.batch_size, LENGTH)
        answer = model(given.to(device))
        loss = torch.nn.functional.cross_entropy(answer.flatten(0, 1), wanted.to(device).flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        progress.step(loss)
    answer, accuracy = measure(model, numbers, device)
    print("accuracy {:.4f}".format(accuracy))
    torch.save(model.state_dict(), options.save_model)
    write_report(options.report, device, answer, accuracy, progress)


if __name__ == "__main__":
    main()

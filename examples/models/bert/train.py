"""Fine-tunes a tiny encoder to tell which part of a Korean text a sentence is from: python train.py -b 20."""

import torch
from common import Progress, choose_device, parse_options, write_report
from data import hide, load_numbers
from model import Bert, measure

# Batches that are called a pass, and the share of passes in which hidden characters are learnt first.
BATCHES = 20
FIRST_SHARE = 0.5


def main():
    """Learn what is hidden, then the parts; test and save."""
    options = parse_options(__doc__, batch_size=20, epochs=10)
    torch.manual_seed(0)
    device = choose_device()
    rows, parts, numbers = load_numbers()
    model = Bert(numbers, int(parts.max()) + 1).to(device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.01)
    first = int(options.epochs * BATCHES * FIRST_SHARE)
    model.train()
    for number in range(first):
        chosen = rows[torch.randint(len(rows), (options.batch_size,))]
        given, is_hidden = hide(chosen, 0.15)
        answer = model.hidden(model.encoder(given.to(device)))
        loss = torch.nn.functional.cross_entropy(answer[is_hidden.to(device)], chosen[is_hidden].to(device))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if number % max(1, first // 5) == 0:
            print("hidden characters: iteration {}/{}  loss {:.4f}".format(number + 1, first, float(loss)), flush=True)
    progress = Progress(options.epochs * BATCHES - first, options.batch_size)
    for _ in range(progress.iterations):
        chosen = torch.randint(len(rows), (options.batch_size,))
        given, _is_hidden = hide(rows[chosen], 0.15)
        loss = torch.nn.functional.cross_entropy(model(given.to(device)), parts[chosen].to(device))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        progress.step(loss)
    answer, accuracy = measure(model, rows, parts, device)
    print("accuracy {:.4f}".format(accuracy))
    torch.save(model.state_dict(), options.save_model)
    write_report(options.report, device, answer, accuracy, progress)


if __name__ == "__main__":
    main()

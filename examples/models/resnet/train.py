"""Trains a small ResNet on handwritten digits: python train.py -b 64."""

import torch
from common import Progress, choose_device, parse_options, write_report
from data import split_digits
from model import ResNet, measure


def main():
    """Train, test and save."""
    options = parse_options(__doc__, batch_size=64, epochs=4)
    torch.manual_seed(0)
    device = choose_device()
    (images, digits), (test_images, test_digits) = split_digits()
    model = ResNet().to(device)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=5e-4)
    batches = max(1, len(digits) // options.batch_size)
    progress = Progress(options.epochs * batches, options.batch_size)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=progress.iterations + 1)
    for _ in range(options.epochs):
        model.train()
        order = torch.randperm(len(digits))
        for number in range(batches):
            chosen = order[number * options.batch_size : (number + 1) * options.batch_size]
            loss = torch.nn.functional.cross_entropy(model(images[chosen].to(device)), digits[chosen].to(device))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            progress.step(loss)
    answer, accuracy = measure(model, test_images, test_digits, device)
    print("accuracy {:.4f}".format(accuracy))
    torch.save(model.state_dict(), options.save_model)
    write_report(options.report, device, answer, accuracy, progress)


if __name__ == "__main__":
    main()

"""What the models share: the device, the options, the line that a training prints, and the report for programs.

The same file lies in each model's folder, so that a folder can be taken elsewhere. It works with torch 1.7.1 and Python
3.8 as with today's.
"""

import argparse
import json
import time

import torch

# Numbers of an answer that are kept, and lines that a training prints.
ANSWER = 64
LINES = 10


def parse_options(description, batch_size, epochs):
    """The options that the reference models of the service have."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("-b", "--batch-size", type=int, default=batch_size, help="samples at a time")
    parser.add_argument("--epochs", type=int, default=epochs, help="passes over the data")
    parser.add_argument("--save-model", default="model.pt", help="where the trained model goes")
    parser.add_argument("--report", default=None, help="write what came of it to this file, as JSON")
    return parser.parse_args()


def parse_infer_options(description):
    """The options of an infer.py."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--load-model", default="model.pt", help="the trained model")
    parser.add_argument("--report", default=None, help="write the answer to this file, as JSON")
    return parser.parse_args()


def choose_device():
    """The accelerator where there is one, else the CPU."""
    if torch.cuda.is_available():
        return torch.device("cuda:0")
    # Of models as small as these, threads wait for each other longer than they compute; on a busy machine much longer.
    torch.set_num_threads(1)
    return torch.device("cpu")


class Progress:
    """Prints lines with the iteration, the loss and the samples a second, and remembers the losses."""

    def __init__(self, iterations, batch_size):
        self.iterations, self.batch_size = iterations, batch_size
        self.losses = []
        self.begun = time.time()

    def step(self, loss):
        """Count an iteration; asking for the loss waits for the device, so it is asked for once."""
        self.losses.append(float(loss))
        done = len(self.losses)
        if done % max(1, self.iterations // LINES) == 0 or done == self.iterations:
            print(
                "iteration {}/{}  loss {:.4f}  throughput {:.1f} samples/s  duration {:.1f} s  left {:.1f} s".format(
                    done,
                    self.iterations,
                    self.losses[-1],
                    self.rate(),
                    self.duration(),
                    self.duration() / done * (self.iterations - done),
                ),
                flush=True,
            )

    def duration(self):
        """Seconds since the beginning."""
        return max(time.time() - self.begun, 1e-6)

    def rate(self):
        """Samples a second."""
        return len(self.losses) * self.batch_size / self.duration()


def average(values):
    """The mean of some numbers."""
    return sum(values) / len(values)


def describe_torch(device):
    """Which torch computed, and on what."""
    name = torch.cuda.get_device_name(0) if device.type == "cuda" else "CPU"
    return {
        "torch": str(torch.__version__),
        "moreh": getattr(torch.version, "moreh", None),
        "torch_file": torch.__file__,
        "device": str(device),
        "device_name": name,
    }


def write_report(path, device, answer, accuracy, progress=None):
    """Write what came of it, for programs: numbers, and no words to take apart."""
    report = describe_torch(device)
    report["answer"] = [float(value) for value in answer.detach().float().cpu().reshape(-1)[:ANSWER]]
    report["accuracy"] = accuracy
    if progress is not None:
        some = max(1, len(progress.losses) // 10)
        report["iterations"] = len(progress.losses)
        report["first_loss"] = average(progress.losses[:some])
        report["last_loss"] = average(progress.losses[-some:])
        report["samples_per_second"] = progress.rate()
        report["seconds"] = progress.duration()
    if path:
        with open(path, "w", encoding="utf-8") as file:
            json.dump(report, file)

"""Measures what `lockstep serve` takes from a training that keeps all cores busy, and how long its pages take meanwhile.

    python3 measure_serve.py [--lockstep FILE] [--ranks 2] [--windows 8] [--seconds 6] [-- TRAINING OPTIONS]

In windows of some seconds, one after the other, nobody looks at the page of a training, or somebody does as a browser would: asks
for the version every two seconds, and for the page where the version is another one. Prints the median of the epochs' samples/s
of both kinds of windows, the processor time of the server, and the seconds that each page took. For a machine that does nothing
else.
"""

import argparse
import json
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

TRAINING = ["--dataset", "fashion-mnist", "--model", "dense 128, relu, dense 64, relu, dense 10", "--batch-size", "64", "--optimizer", "adam"]


class Page:
    """What a browser does with a served page."""

    def __init__(self, program, folder, niceness):
        command = ["nice", "-n", str(niceness)] if niceness else []
        begin = time.monotonic()
        self.process = subprocess.Popen(
            command + [program, "serve", folder, "--port", "0"], stdout=subprocess.PIPE, text=True)
        self.address, self.token = re.match(r"(\S+/)\?token=(\S+)", self.process.stdout.readline()).groups()
        self.start = time.monotonic() - begin
        self.latencies, self.versions = [], []
        self.load()

    def get(self, path):
        with urllib.request.urlopen(f"{self.address}{path}?token={self.token}", timeout=120) as answer:
            return answer.read().decode()

    def load(self):
        begin = time.monotonic()
        self.text = self.get("")
        self.latencies.append(time.monotonic() - begin)
        self.shown = re.search(r'<body data-live="(\w+)"', self.text)[1]

    def look(self):
        begin = time.monotonic()
        version = self.get("version")
        self.versions.append(time.monotonic() - begin)
        if version != self.shown:
            self.load()

    def processor_seconds(self):
        fields = open(f"/proc/{self.process.pid}/stat").read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def end(self):
        self.process.terminate()
        self.process.wait()


def points(folder):
    with open(f"{folder}/metrics.jsonl") as lines:
        return [json.loads(line) for line in lines if line.endswith("\n")]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--lockstep", default=".build/release/lockstep")
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--windows", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=6)
    parser.add_argument("--niceness", type=int, default=0, help="of the server, where more than its own")
    parser.add_argument("training", nargs="*", default=TRAINING)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as root:
        folder = f"{root}/run"
        words = ["mpirun", "-n", str(options.ranks), options.lockstep, "train", *options.training, "--epochs", "100000", "--out",
                 folder, "--quiet", "--no-tensorboard"]
        if os.geteuid() == 0:
            words.insert(1, "--allow-run-as-root")
        process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while not os.path.exists(f"{folder}/metrics.jsonl") or len(points(folder)) < 5:
            if process.poll() is not None:
                sys.exit(f"the training failed: {process.returncode}")
            time.sleep(0.02)
        # When the training's own clock began.
        origin = time.monotonic() - points(folder)[-1]["wallSeconds"]
        page = Page(options.lockstep, folder, options.niceness)
        windows, spent, own = [], [], time.process_time()
        for window in range(options.windows):
            begin, base, end = time.monotonic(), page.processor_seconds(), time.monotonic() + options.seconds
            while time.monotonic() < end:
                if window % 2 == 1:
                    page.look()
                time.sleep(min(2, max(0, end - time.monotonic())))
            windows.append((begin - origin, time.monotonic() - origin))
            spent.append(page.processor_seconds() - base)
        own = (time.process_time() - own) / (options.windows // 2 * options.seconds)
        live, byte_count = page.latencies[1:], len(page.text)
        process.send_signal(signal.SIGTERM)
        process.wait()
        begin = time.monotonic()
        while "in training" in page.text and time.monotonic() - begin < 100:
            time.sleep(2)
            page.look()
        final = time.monotonic() - begin
        speeds = [[point["samplesPerSecond"] for point in points(folder) if point.get("samplesPerSecond")
                   and low < point["wallSeconds"] <= high] for low, high in windows]
        page.end()
    medians = [statistics.median(window) for window in speeds]
    losses = [1 - medians[index + 1] / medians[index] for index in range(0, len(medians) - 1, 2)]
    for index, median in enumerate(medians):
        print(f"{('alone', 'looked at')[index % 2]:10} {median:12,.0f} samples/s, median of {len(speeds[index])} epochs; server "
              f"{100 * spent[index] / options.seconds:.2f} % of a core")
    print(f"what looks, this program, took {100 * own:.2f} % of a core while it looked")
    print(f"lost: {100 * statistics.median(losses):.2f} %, median of {len(losses)} pairs of windows: "
          + " ".join(f"{100 * loss:.2f}" for loss in losses))
    print(f"server started in {page.start:.2f} s; first page after {page.latencies[0]:.3f} s; {len(live)} pages of {byte_count:,} "
          f"bytes: median {statistics.median(live or [0]):.3f} s, worst {max(live or [0]):.3f} s; versions: median "
          f"{statistics.median(page.versions):.3f} s, worst {max(page.versions):.3f} s; scored {final:.1f} s after the end, that "
          f"page took {page.latencies[-1]:.2f} s")


main()

"""Measures what `lockstep serve` takes from a training that keeps all cores busy, and how long its pages take meanwhile.

    python3 measure_serve.py [--lockstep FILE] [--ranks 2] [--pairs 3] [--epochs 60] [-- TRAINING OPTIONS]

Trains in alternation alone and with a page that is looked at as a browser does: it asks for the version every two seconds, and
for the page where the version is another one. Prints the median of the epochs' samples/s of both, the processor time of the
server, and the seconds that each page took. For a machine that does nothing else.
"""

import argparse
import json
import os
import re
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
        self.base = self.processor_seconds()
        self.latencies, self.versions, self.bytes = [], [], 0
        self.load()
        self.first = self.processor_seconds() - self.base
        self.begin = time.monotonic()

    def get(self, path):
        with urllib.request.urlopen(f"{self.address}{path}?token={self.token}", timeout=120) as answer:
            return answer.read().decode()

    def load(self):
        begin = time.monotonic()
        self.text = self.get("")
        self.latencies.append(time.monotonic() - begin)
        self.bytes = len(self.text)
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
        self.elapsed = time.monotonic() - self.begin
        self.spent = self.processor_seconds() - self.base - self.first
        begin = time.monotonic()
        while "in training" in self.text and time.monotonic() - begin < 60:
            time.sleep(2)
            self.look()
        self.final = time.monotonic() - begin
        self.process.terminate()
        self.process.wait()


def train(options, folder, serves):
    words = ["mpirun", "-n", str(options.ranks), options.lockstep, "train", *options.training, "--epochs",
             str(options.epochs), "--out", folder, "--quiet", "--no-tensorboard"]
    if os.geteuid() == 0:
        words.insert(1, "--allow-run-as-root")
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL)
    page = None
    while process.poll() is None:
        if serves and page is None:
            if os.path.exists(f"{folder}/metrics.jsonl"):
                page = Page(options.lockstep, folder, options.niceness)
            time.sleep(0.1)
        elif page:
            time.sleep(2)
            if process.poll() is None:
                page.look()
        else:
            process.wait()
    if process.returncode:
        sys.exit(f"the training failed: {process.returncode}")
    if page:
        page.end()
    points = [json.loads(line) for line in open(f"{folder}/metrics.jsonl")]
    speeds = [point["samplesPerSecond"] for point in points if point.get("samplesPerSecond")]
    # The first epochs warm up, and the server starts beside them.
    return speeds[max(2, len(speeds) // 10):], page


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--lockstep", default=".build/release/lockstep")
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--niceness", type=int, default=0, help="of the server, where more than its own")
    parser.add_argument("training", nargs="*", default=TRAINING)
    options = parser.parse_args()
    alone, beside, pages = [], [], []
    with tempfile.TemporaryDirectory() as folder:
        for pair in range(options.pairs):
            for serves in (False, True) if pair % 2 == 0 else (True, False):
                speeds, page = train(options, f"{folder}/{pair}-{serves}", serves)
                (beside if serves else alone).append(statistics.median(speeds))
                name = "with a page" if serves else "alone      "
                print(f"{name}  {statistics.median(speeds):12,.0f} samples/s, median of {len(speeds)} epochs", flush=True)
                if not page:
                    continue
                pages.append(page)
                latencies = page.latencies[1:] or [0]
                print(f"  server: started in {page.start:.2f} s; first page after {page.latencies[0]:.2f} s, {page.first:.2f} s "
                      f"of a core; then {len(page.latencies) - 1} pages of {page.bytes:,} bytes in {page.elapsed:.1f} s, "
                      f"{100 * page.spent / page.elapsed:.2f} % of a core; median {statistics.median(latencies):.3f} s, worst "
                      f"{max(latencies):.3f} s; versions: median {statistics.median(page.versions or [0]):.3f} s, worst "
                      f"{max(page.versions or [0]):.3f} s; scored {page.final:.1f} s after the end")
    loss = 1 - statistics.median(beside) / statistics.median(alone)
    latencies = [latency for page in pages for latency in page.latencies[1:]]
    print(f"lost: {100 * loss:.2f} % of {statistics.median(alone):,.0f} samples/s; {len(latencies)} pages, median "
          f"{statistics.median(latencies or [0]):.3f} s, worst {max(latencies or [0]):.3f} s")


main()

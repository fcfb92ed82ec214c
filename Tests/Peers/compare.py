"""Runs Lockstep and the peers in turn and prints medians, ratios and shares of peak. launch/compare-peers starts it.

Each round runs every system once on every network, so that a time in which the machine is slower meets all of them.
All get the same cores. Shares of peak come from Lockstep's own measurement of the FMA peak and count the arithmetic of
the matrix products, which is the same for all.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import work

FOLDER = Path(__file__).resolve().parent
LAUNCH_LOCAL = FOLDER.parent.parent / "launch" / "local"
TITLES = {"lockstep": "Lockstep", "jax": "JAX", "pytorch": "PyTorch", "numpy": "NumPy"}
PEERS = ("jax", "pytorch", "numpy")
RANKS = 2


@dataclass(frozen=True)
class Contestant:
    system: str
    variant: str
    threads: int

    @property
    def title(self) -> str:
        return f"{TITLES[self.system]} {self.variant}, {plural(self.threads, 'thread')}"


@dataclass
class Measurement:
    """What one contestant made of one network, in all rounds."""

    network: str
    contestant: Contestant
    version: str
    samplesPerSecond: list[float]

    @property
    def median(self) -> float:
        return statistics.median(self.samplesPerSecond)


RANKS_CONTESTANT = Contestant("lockstep", "ranks", RANKS)
WORKER_CONTESTANT = Contestant("lockstep", "worker", 1)


def contestants(network: work.Network, all_variants: bool) -> Iterator[Contestant]:
    """The usual ways; or besides those that won a tenth at most (NumPy's single thread, on the auto-encoder) or nothing."""
    yield RANKS_CONTESTANT
    yield Contestant("jax", "scan", RANKS)
    if all_variants:
        yield Contestant("jax", "step", RANKS)
    if "conv" not in network.model:
        yield Contestant("numpy", "by-hand", RANKS)
        if all_variants:
            yield Contestant("numpy", "by-hand", 1)
    yield WORKER_CONTESTANT
    yield Contestant("pytorch", "eager", RANKS)
    if all_variants:
        yield Contestant("pytorch", "eager", 1)
    yield Contestant("pytorch", "compiled", RANKS)
    yield Contestant("pytorch", "ddp", RANKS)


def plural(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def own_cores() -> list[int]:
    """One processor of each physical core that this process may use."""
    cores: dict[tuple[str | int, ...], int] = {}
    for processor in sorted(os.sched_getaffinity(0)):
        topology = Path(f"/sys/devices/system/cpu/cpu{processor}/topology")
        try:
            package, core = ((topology / name).read_text() for name in ("physical_package_id", "core_id"))
            cores.setdefault((package, core), processor)
        except OSError:
            cores[(processor,)] = processor
    return list(cores.values())


def run(command: list[str], cores: list[int]) -> str:
    """Standard output of a command that may use `cores` only. Its failure ends the comparison."""
    result = subprocess.run(
        command, capture_output=True, text=True, preexec_fn=lambda: os.sched_setaffinity(0, cores), check=False
    )
    if result.returncode != 0:
        lines = "\n".join(result.stderr.strip().splitlines()[-12:])
        fail(f"exit code {result.returncode} of: {' '.join(command)}\n{lines}")
    return result.stdout


def fail(line: str) -> None:
    print(f"launch/compare-peers: {line}", file=sys.stderr)
    sys.exit(70)


@dataclass
class Comparison:
    options: argparse.Namespace
    networks: list[work.Network]
    cores: list[int]
    information: dict
    measurements: dict[tuple[str, Contestant], Measurement]
    peak_shares: dict[str, list[float]]  # by network: share of one core's peak for each sample/s

    def measure(self) -> None:
        for round_number in range(1, self.options.rounds + 1):
            for network in self.networks:
                for contestant in contestants(network, self.options.all_variants):
                    begin = time.monotonic()
                    rate, version = self.measure_once(network, contestant)
                    key = network.name, contestant
                    self.measurements.setdefault(key, Measurement(*key, version, [])).samplesPerSecond.append(rate)
                    print(
                        f"round {round_number}/{self.options.rounds}  {network.name:<12}{contestant.title:<32}"
                        f"{rate:>12,.0f} samples/s {time.monotonic() - begin:>6.1f} s",
                        file=sys.stderr,
                        flush=True,
                    )

    def measure_once(self, network: work.Network, contestant: Contestant) -> tuple[float, str]:
        cores = self.cores[: contestant.threads]
        if contestant.system == "lockstep":
            epochs = 1 if self.options.quick else network.epochs
            command = ["bench", "step", "--json", "--epochs", str(epochs), *lockstep_options(network)]
            if contestant == RANKS_CONTESTANT:
                command = [str(LAUNCH_LOCAL), "-n", str(RANKS), *command]
            else:
                command = [self.options.lockstep, *command, "--workers", "1"]
            (result,) = json.loads(run(command, cores))
            per_core = result["fractionOfPeak"] * result["workers"] / result["samplesPerSecond"]
            self.peak_shares.setdefault(network.name, []).append(per_core)
            return result["samplesPerSecond"], self.information["version"]
        script = FOLDER / f"{contestant.system}_peer.py"
        # Its small steps take gloo ten times as long as others theirs; two epochs say that too.
        epochs = 1 if self.options.quick else min(network.peerEpochs, 2 if contestant.variant == "ddp" else 99)
        command = [sys.executable, str(script), network.name, "--variant", contestant.variant, "--epochs", str(epochs)]
        command += ["--epoch-samples", str(network.peerSamples), "--data", data_folder(self.information)]
        if self.options.quick:
            command += ["--samples", "3200"]
        result = json.loads(run(command, cores).splitlines()[-1])
        return result["samplesPerSecond"], result["version"]

    def share_of_peak(self, measurement: Measurement) -> float:
        """Of the peak of as many cores as the contestant has threads."""
        per_core = statistics.median(self.peak_shares[measurement.network])
        return measurement.median * per_core / measurement.contestant.threads

    def best(self, network: work.Network, system: str) -> Measurement | None:
        of_system = [
            measurement
            for (name, contestant), measurement in self.measurements.items()
            if name == network.name and contestant.system == system
        ]
        return max(of_system, key=lambda measurement: measurement.median, default=None)

    def ratio(self, network: work.Network, system: str) -> float | None:
        """Lockstep's two ranks against the best variant of a peer."""
        best = self.best(network, system)
        return self.measurements[network.name, RANKS_CONTESTANT].median / best.median if best else None

    def versions(self) -> dict[str, str]:
        return {contestant.system: found.version for (_, contestant), found in self.measurements.items()}

    def machine(self) -> dict:
        return {
            "model": processor_model(),
            "cores": len(self.cores),
            "instructionSet": self.information["instructionSet"],
            "peakGigaflopsPerCore": self.information["gigaflopsPerCore"],
        }


def lockstep_options(network: work.Network) -> list[str]:
    options = {
        "--dataset": "fashion-mnist",
        "--model": network.model,
        "--loss": network.loss,
        "--target": network.target,
        "--optimizer": network.optimizer,
        "--learning-rate": str(network.learningRate),
        "--batch-size": str(network.batchSize),
    }
    return [word for option in options.items() for word in option]


def data_folder(information: dict) -> str:
    folders = [entry.get("folder") for entry in information["datasets"] if entry["name"] == "fashion-mnist"]
    if not folders or not folders[0]:
        fail("Fashion-MNIST is missing: apt-get install dataset-fashion-mnist (or launch/quickstart)")
    return folders[0]


def processor_model() -> str:
    text = run(["env", "LC_ALL=C", "lscpu"], sorted(os.sched_getaffinity(0)))
    names = [line.split(":", 1)[1].strip() for line in text.splitlines() if line.startswith("Model name:")]
    return names[0] if names else "unknown processor"


def heading(comparison: Comparison) -> str:
    machine, versions = comparison.machine(), comparison.versions()
    systems = ", ".join(f"{TITLES[name]} {versions[name]}" for name in TITLES if name in versions)
    return (
        f"{datetime.date.today().isoformat()}, {machine['model']}, {plural(machine['cores'], 'core')}, "
        f"{machine['instructionSet']}, FMA peak {machine['peakGigaflopsPerCore']:.0f} GFLOP/s fp32 a core; {systems}; "
        f"samples/s, medians of {plural(comparison.options.rounds, 'round')}"
    )


def goal_text(network: work.Network) -> str:
    goal = network.goal
    aim = f", aim {goal['aim']} ×" if "aim" in goal else ""
    return f"≥ {goal['ratio']} × {TITLES[str(goal['peer'])]}{aim}"


def is_met(comparison: Comparison, network: work.Network) -> bool:
    return (comparison.ratio(network, str(network.goal["peer"])) or 0) >= float(network.goal["ratio"])


def text(comparison: Comparison) -> str:
    lines = [heading(comparison), ""]
    for network in comparison.networks:
        lines.append(f"{network.name}: {network.model}; {network.optimizer}, batch {network.batchSize}")
        found_here = contestants(network, comparison.options.all_variants)
        for contestant in sorted(found_here, key=lambda contestant: list(TITLES).index(contestant.system)):
            found = comparison.measurements[network.name, contestant]
            spread = f"{min(found.samplesPerSecond):,.0f} to {max(found.samplesPerSecond):,.0f}"
            lines.append(
                f"  {contestant.title:<30}{found.median:>12,.0f}  {comparison.share_of_peak(found) * 100:>5.1f} % "
                f"of peak  ({spread})"
            )
        lines.append("")
    lines.append(f"Lockstep's {RANKS} ranks against the best of each peer:")
    lines.append(f"  {'':<14}" + "".join(f"{TITLES[peer]:>10}" for peer in PEERS) + "   goal")
    for network in comparison.networks:
        ratios = [comparison.ratio(network, peer) for peer in PEERS]
        cells = "".join(f"{'–' if ratio is None else f'{ratio:.2f} ×':>10}" for ratio in ratios)
        verdict = "met" if is_met(comparison, network) else "missed"
        lines.append(f"  {network.name:<14}{cells}   {goal_text(network)}: {verdict}")
    return "\n".join(lines)


def markdown(comparison: Comparison) -> str:
    head = ["network", f"Lockstep, {RANKS} ranks", "1 worker", *(TITLES[peer] for peer in PEERS), "goal", "ratio"]
    rows = [head, ["---"] * len(head)]
    for network in comparison.networks:
        cells = []
        for contestant in (RANKS_CONTESTANT, WORKER_CONTESTANT):
            cells.append(
                markdown_cell(comparison, comparison.measurements[network.name, contestant], has_variant=False)
            )
        for peer in PEERS:
            best = comparison.best(network, peer)
            cells.append(markdown_cell(comparison, best, has_variant=True) if best else "–")
        ratio = comparison.ratio(network, str(network.goal["peer"]))
        rows.append([network.name, *cells, goal_text(network), f"{ratio:.2f} ×"])
    return "\n".join([heading(comparison) + ":", "", *("| " + " | ".join(row) + " |" for row in rows)])


def markdown_cell(comparison: Comparison, found: Measurement, has_variant: bool) -> str:
    variant = f"{found.contestant.variant}, {plural(found.contestant.threads, 'thread')}, " if has_variant else ""
    return f"{found.median:,.0f} ({variant}{comparison.share_of_peak(found) * 100:.0f} %)"


def document(comparison: Comparison) -> dict:
    results = [
        {
            "network": found.network,
            "system": found.contestant.system,
            "variant": found.contestant.variant,
            "threads": found.contestant.threads,
            "version": found.version,
            "samplesPerSecond": found.median,
            "rounds": found.samplesPerSecond,
            "fractionOfPeak": comparison.share_of_peak(found),
        }
        for found in comparison.measurements.values()
    ]
    ratios = [
        {
            "network": network.name,
            "ratios": {peer: comparison.ratio(network, peer) for peer in PEERS},
            "goal": network.goal,
            "isMet": is_met(comparison, network),
        }
        for network in comparison.networks
    ]
    date = datetime.datetime.now().astimezone().isoformat(timespec="seconds")
    return {"date": date, "machine": comparison.machine(), "results": results, "ratios": ratios}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("networks", nargs="*", metavar="NETWORK")
    parser.add_argument("--lockstep", required=True, help="the program")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--all-variants", action="store_true")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--markdown", type=Path)
    options = parser.parse_args()
    options.rounds = 1 if options.quick else options.rounds
    all_networks = work.read_networks()
    networks = [all_networks[name] for name in options.networks] if options.networks else list(all_networks.values())
    cores = own_cores()[:RANKS]
    information = json.loads(run([options.lockstep, "info", "--json"], cores))
    comparison = Comparison(options, networks, cores, information, {}, {})
    comparison.measure()
    print(text(comparison))
    if options.quick:
        print("\n--quick: one epoch, the peers with 3,200 samples. Whether everything runs; no result.")
    if options.json:
        options.json.write_text(json.dumps(document(comparison), indent=2) + "\n")
    if options.markdown:
        options.markdown.write_text(markdown(comparison) + "\n")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)

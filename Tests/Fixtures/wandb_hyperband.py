"""Which runs wandb's package `sweeps` stops, on made-up histories: Tests/Fixtures/wandb-hyperband.json.

    pip install sweeps==0.3.0
    python3 Tests/Fixtures/wandb_hyperband.py > Tests/Fixtures/wandb-hyperband.json

The runs of a case end one after the other. Before the end of each, whenever it has one more epoch, `stop_runs` is asked whether
it stops, all runs before it being finished; what it says is the decision.
"""

import json
import random
import warnings

warnings.simplefilter("ignore")
from sweeps.hyperband_stopping import hyperband_stop_runs
from sweeps.run import RunState, SweepRun

SETTINGS = [
    {"min_iter": 1},
    {"min_iter": 2, "eta": 2},
    {"min_iter": 3, "strict": False},
    {"min_iter": 1, "eta": 1.5},
    {"max_iter": 27, "s": 2},
    {"max_iter": 27, "s": 3},
    {"max_iter": 16, "s": 4, "eta": 2},
    {"max_iter": 10, "s": 5, "eta": 4, "strict": False},
    {"max_iter": 12, "s": 2, "min_iter": 1},
]


def history(generator, epochs):
    level, rate = generator.uniform(0.1, 2), generator.uniform(0.05, 0.9)
    return [round(level * (1 - rate) ** epoch + generator.gauss(0, 0.03) + 0.3, 3) for epoch in range(epochs)]


cases = []
generator = random.Random(7)
for number, setting in enumerate(SETTINGS):
    for goal in ("minimize", "maximize"):
        sign = 1 if goal == "minimize" else -1
        # Some values are equal, and some runs have values that are no numbers.
        histories = [[sign * value for value in history(generator, 12)] for _ in range(14)]
        histories[3] = list(histories[2])
        histories[5][2] = float("nan")
        config = {
            "method": "random",
            "metric": {"name": "loss", "goal": goal},
            "early_terminate": {"type": "hyperband", **setting},
            "parameters": {"a": {"values": [1, 2]}},
        }
        finished, decisions = [], []
        for values in histories:
            stops = []
            for epochs in range(1, len(values) + 1):
                runs = [SweepRun(name=str(i), state=RunState.finished, history=h) for i, h in enumerate(finished)]
                own = SweepRun(name="own", state=RunState.running, history=[{"loss": v} for v in values[:epochs]])
                stops.append(len(hyperband_stop_runs(runs + [own], config)) > 0)
            end = stops.index(True) + 1 if True in stops else len(values)
            decisions.append(stops)
            # wandb stops at the first such decision; the run has what it has then.
            finished.append([{"loss": v} for v in values[:end]])
        cases.append(
            {
                "yaml": json.dumps(config["early_terminate"]),
                "goal": goal,
                "histories": [[None if v != v else v for v in h] for h in histories],
                "stops": ["".join("x" if stop else "." for stop in stops) for stops in decisions],
            }
        )
print("[\n" + ",\n".join(json.dumps(case) for case in cases) + "\n]")

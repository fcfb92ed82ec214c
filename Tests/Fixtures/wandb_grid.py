"""Trials of grid searches in the order that wandb's package `sweeps` gives them: Tests/Fixtures/wandb-grid.json.

    pip install sweeps==0.3.0
    python3 Tests/Fixtures/wandb_grid.py > Tests/Fixtures/wandb-grid.json
"""

import json
import sys
import warnings

warnings.simplefilter("ignore")
import sweeps
import yaml
from sweeps.grid_search import grid_search_next_runs

CASES = {
    "names are sorted, the last is the fastest": """
method: grid
parameters:
  seed: {values: [1, 2]}
  optimizer: {values: [sgd, adam]}
  batch_size: {values: [64, 32]}
""",
    "a constant is no dimension": """
method: grid
parameters:
  learning_rate: {value: 0.01}
  epochs: {value: 3}
  momentum: {values: [0.5, 0.9]}
""",
    "repeated values are one": """
method: grid
parameters:
  epochs: {values: [2, 1, 2]}
  momentum: {values: [0.5, 0.5]}
""",
    "groups are flattened where they stand": """
method: grid
parameters:
  update:
    parameters:
      optimizer: {values: [adam, sgd]}
      learning_rate: {values: [0.1, 0.01]}
  seed: {values: [7, 8]}
  batch_size: {values: [16, 64]}
""",
    "capitals and underscores sort by their code": """
method: grid
parameters:
  weight_decay: {values: [0.0, 0.1]}
  warmup: {values: [1epochs, 2epochs]}
""",
    "a range of whole numbers": """
method: grid
parameters:
  hidden_layers: {min: 1, max: 3}
  hidden_size: {distribution: int_uniform, min: 10, max: 11}
""",
    "a quantized range lacks its end": """
method: grid
parameters:
  dropout: {distribution: q_uniform, min: 0.0, max: 0.5, q: 0.25}
  epochs: {distribution: q_uniform, min: 1, max: 6, q: 2}
""",
}


def flat(config):
    """{"update": {"value": {"optimizer": "adam"}}} becomes {"update.optimizer": "adam"}."""
    out = {}

    def visit(path, value):
        if isinstance(value, dict):
            for key, inner in value.items():
                visit(f"{path}.{key}", inner)
        else:
            out[path] = value

    for name, entry in config.items():
        visit(name, entry["value"])
    return out


cases = []
for name, text in CASES.items():
    text = text.strip() + "\n"
    config = yaml.safe_load(text)
    runs = []
    while True:
        run = grid_search_next_runs(runs, config, validate=False)[0]
        if run is None:
            break
        runs.append(run)
    cases.append({"name": name, "yaml": text, "trials": [flat(run.config) for run in runs]})

json.dump({"sweeps": sweeps.__version__, "cases": cases}, sys.stdout, indent=1)
print()

"""20,000 draws of each of wandb's distributions by its package `sweeps`: Tests/Fixtures/wandb-distributions.json.

    pip install sweeps==0.3.0
    python3 Tests/Fixtures/wandb_distributions.py > Tests/Fixtures/wandb-distributions.json

Of distributions of numbers without steps 400 quantiles are kept, of the others the counts of the values.
"""

import collections
import json
import random
import sys
import warnings

warnings.simplefilter("ignore")
import numpy as np
import yaml
from sweeps.params import HyperParameter

COUNT = 20_000
CASES = """
constant: {value: 3}
categorical: {values: [a, b, c]}
repeated: {values: [a, b, a]}
categorical_w_probabilities: {values: [a, b, c, d], probabilities: [0.1, 0.2, 0.3, 0.4]}
int_uniform: {min: -3, max: 8}
int_uniform explicit: {distribution: int_uniform, min: 1, max: 100}
uniform: {min: -1.5, max: 4}
uniform of whole numbers: {distribution: uniform, min: 0, max: 1}
q_uniform: {distribution: q_uniform, min: 0, max: 10}
q_uniform with a rest: {distribution: q_uniform, min: 0.1, max: 0.9, q: 0.25}
log_uniform: {distribution: log_uniform, min: -9, max: -2}
log_uniform_values: {distribution: log_uniform_values, min: 1.0e-5, max: 0.1}
q_log_uniform: {distribution: q_log_uniform, min: 0, max: 4}
q_log_uniform_values: {distribution: q_log_uniform_values, min: 16, max: 256, q: 16}
inv_log_uniform: {distribution: inv_log_uniform, min: 1, max: 6}
inv_log_uniform_values: {distribution: inv_log_uniform_values, min: 0.001, max: 10}
normal: {distribution: normal}
normal with numbers: {distribution: normal, mu: 3, sigma: 0.5}
q_normal: {distribution: q_normal, mu: 5, sigma: 2}
log_normal: {distribution: log_normal}
log_normal with numbers: {distribution: log_normal, mu: -3, sigma: 0.7}
q_log_normal: {distribution: q_log_normal, mu: 2, sigma: 0.5, q: 2}
beta: {distribution: beta}
beta with numbers: {distribution: beta, a: 2, b: 5}
beta at the ends: {distribution: beta, a: 0.5, b: 0.3}
q_beta: {distribution: q_beta, a: 2, b: 3, q: 0.1}
"""

out = []
random.seed(1)
for line in CASES.strip().split("\n"):
    name, text = line.split(": ", 1)
    parameter = HyperParameter("x", yaml.safe_load(text))
    draws = [parameter.sample() for _ in range(COUNT)]
    case = {"name": name, "yaml": text, "count": COUNT}
    values = [v.item() if isinstance(v, np.generic) else v for v in draws]
    distinct = set(values)
    if len(distinct) <= 200:
        if not isinstance(values[0], str):
            # 0.30000000000000004 and 0.3 are one value.
            values = [round(float(v), 9) for v in values]
        case["counts"] = [[value, number] for value, number in sorted(collections.Counter(values).items())]
    else:
        ordered = sorted(values)
        case["quantiles"] = [float(f"{ordered[int((i + 0.5) * COUNT / 400)]:.12g}") for i in range(400)]
    out.append(case)
print("[\n" + ",\n".join(json.dumps(case) for case in out) + "\n]")

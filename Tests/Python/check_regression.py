"""Scores predictions of a table's columns with scikit-learn, beside what `lockstep evaluate --json` says of them.

    pip install scikit-learn numpy
    lockstep evaluate RUN --json > report.json
    lockstep export RUN --predictions test --format csv -o predictions.csv
    python3 Tests/Python/check_regression.py report.json predictions.csv

Prints one JSON object: by score the greatest of |ours − scikit-learn's| relative to scikit-learn's.
"""

import json
import sys

import numpy
from sklearn.metrics import mean_absolute_error, mean_squared_error, r2_score, root_mean_squared_error

report = json.load(open(sys.argv[1]))
values = numpy.loadtxt(sys.argv[2], delimiter=",", skiprows=1, ndmin=2)[:, 1:]
targets, predictions = numpy.hsplit(values, 2)
assert len(values) == report["sampleCount"]
theirs = {
    "mse": mean_squared_error(targets, predictions), "rmse": root_mean_squared_error(targets, predictions),
    "mae": mean_absolute_error(targets, predictions), "r2": r2_score(targets, predictions)}
print(json.dumps({name: abs(report["scores"][name] - value) / abs(value) for name, value in theirs.items()}))

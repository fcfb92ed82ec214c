"""Recomputes a page's numbers with scikit-learn and SciPy from the predictions that `lockstep report` exports.

    pip install scikit-learn scipy
    lockstep report RUN -o run.html --predictions run.csv
    python3 check_report.py run run.html run.csv
    python3 check_report.py runs runs.html a=a.csv b=b.csv     (names as on the page)
    python3 check_report.py sweep sweep.html

Everything must agree to 1e-9; prints what was compared, and ends with an error at the first difference.
"""

import json
import math
import re
import sys

import numpy
from scipy import stats
from sklearn import calibration, metrics

checked = 0


def figures(path):
    text = open(path, encoding="utf-8").read()
    return json.loads(re.search(r'<script type="application/json" id="figures">(.*?)</script>', text, re.S)[1])


def agree(name, own, theirs):
    global checked
    checked += 1
    if own is None and theirs is None:
        return
    if own is None or theirs is None or not abs(own - theirs) <= 1e-9:
        sys.exit(f"{name}: the page says {own!r}, recomputed {theirs!r}")


def interval(name, own, count, total):
    if total == 0:
        return agree(name, own, None)
    bounds = stats.binomtest(count, total).proportion_ci(method="wilson")
    agree(f"{name} value", own["value"], count / total)
    agree(f"{name} low", own["low"], bounds.low)
    agree(f"{name} high", own["high"], bounds.high)


def check_run(page, predictions):
    own = figures(page)["classification"]
    rows = numpy.loadtxt(predictions, delimiter=",", skiprows=1)
    labels, predicted, probabilities = rows[:, 1].astype(int), rows[:, 2].astype(int), rows[:, 3:]
    classes = list(range(len(own["classNames"])))
    matrix = metrics.confusion_matrix(labels, predicted, labels=classes)
    if matrix.tolist() != own["confusionMatrix"]:
        sys.exit("the confusion matrix differs")
    right = labels == predicted
    interval("accuracy", own["accuracy"], int(right.sum()), len(labels))
    precision, recall, f1, support = metrics.precision_recall_fscore_support(
        labels, predicted, labels=classes, zero_division=numpy.nan)
    for index, score in enumerate(own["classes"]):
        name = f"class {index}"
        true, union = int(matrix[index, index]), int(matrix[index].sum() + matrix[:, index].sum() - matrix[index, index])
        agree(f"{name} support", score["support"], int(support[index]))
        interval(f"{name} precision", score.get("precision"), true, int(matrix[:, index].sum()))
        interval(f"{name} recall", score.get("recall"), true, int(support[index]))
        for kind, values in (("precision", precision), ("recall", recall), ("f1", f1)):
            value = None if math.isnan(values[index]) else float(values[index])
            agree(f"{name} {kind}", (score.get(kind) or {}).get("value"), value)
        if union:
            bounds = stats.binomtest(true, union).proportion_ci(method="wilson")
            for end, share in (("low", bounds.low), ("high", bounds.high)):
                agree(f"{name} f1 {end}", score["f1"][end], 2 * share / (1 + share))
    agree("macro F1", own["macroF1"], float(numpy.nanmean(f1)))
    if probabilities.size:
        confidence = probabilities[numpy.arange(len(predicted)), predicted]
        if abs(probabilities.sum(axis=1) - 1).max() < 1e-6:
            agree("log loss", own["logLoss"], metrics.log_loss(labels, probabilities, labels=classes))
        true, mean = calibration.calibration_curve(right, confidence, n_bins=15, strategy="uniform")
        bins = [entry for entry in own["calibration"]["bins"] if entry["count"]]
        if len(bins) != len(true):
            sys.exit(f"calibration: {len(bins)} bins on the page, {len(true)} recomputed")
        for index, entry in enumerate(bins):
            agree(f"bin {index} right", entry["accuracy"], true[index])
            agree(f"bin {index} confidence", entry["meanConfidence"], mean[index])
        weights = numpy.array([entry["count"] for entry in bins]) / len(labels)
        if sum(entry["count"] for entry in bins) != len(labels):
            sys.exit("calibration: not every sample is in a bin")
        agree("expected calibration error", own["calibration"]["expectedError"], float((weights * abs(true - mean)).sum()))
        agree("greatest calibration error", own["calibration"]["greatestError"], float(abs(true - mean).max()))
    listed = sum(len(entries) for entries in own["mistakes"].values())
    for cell, entries in own["mistakes"].items():
        label, prediction = map(int, cell.split(","))
        for entry in entries:
            if labels[entry["sample"]] != label or predicted[entry["sample"]] != prediction:
                sys.exit(f"sample {entry['sample']} is not in cell {cell}")
            if probabilities.size:
                agree(f"sample {entry['sample']}", entry["confidence"], probabilities[entry["sample"], prediction])
    print(f"{page}: {checked} numbers agree, {listed} pictures are in their cells")


def check_runs(page, files):
    right = {}
    for word in files:
        name, path = word.split("=", 1)
        rows = numpy.loadtxt(path, delimiter=",", skiprows=1, usecols=(1, 2)).astype(int)
        right[name] = rows[:, 0] == rows[:, 1]
    for pair in figures(page)["tests"]:
        first, second, test = right[pair["first"]], right[pair["second"]], pair["test"]
        b, c = int((first & ~second).sum()), int((~first & second).sum())
        agree("only first", test["onlyFirst"], b)
        agree("only second", test["onlySecond"], c)
        if b + c < 25:
            p = stats.binomtest(b, b + c).pvalue if b + c else 1.0
        else:
            statistic = max(abs(b - c) - 1, 0) ** 2 / (b + c)
            agree("statistic", test["statistic"], statistic)
            p = stats.chi2.sf(statistic, 1)
        agree("p", test["p"], float(p))
    print(f"{page}: {checked} numbers agree")


def check_sweep(page):
    own = figures(page)
    finished = [trial for trial in own["trials"] if trial["state"] == "finished" and trial.get("value") is not None]
    for index, parameter in enumerate(own["parameters"]):
        if own["axes"][index]["choices"]:
            continue
        pairs = [(t["numbers"][index], t["value"]) for t in finished if t["numbers"][index] is not None]
        if parameter.get("rankCorrelation") is not None:
            x, y = zip(*pairs)
            agree(parameter["name"], parameter["rankCorrelation"], float(stats.spearmanr(x, y).statistic))
    best = (max if own["isMaximized"] else min)(trial["value"] for trial in finished)
    agree("best", next(t["value"] for t in finished if t["number"] == own["best"]), best)
    print(f"{page}: {checked} numbers agree")


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["run", page, predictions]:
            check_run(page, predictions)
        case ["runs", page, *files]:
            check_runs(page, files)
        case ["sweep", page]:
            check_sweep(page)
        case _:
            sys.exit(__doc__)

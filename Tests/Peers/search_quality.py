"""Optuna's samplers on search_functions.py: the best value after 30 and 100 trials, for 20 seeds.

    pip install optuna==5.0.0 torch scipy
    python3 Tests/Peers/search_quality.py run > Tests/Fixtures/search-optuna.json
    swift run -c release SearchProbe > search-lockstep.json
    python3 Tests/Peers/search_quality.py compare Tests/Fixtures/search-optuna.json search-lockstep.json

`run FUNCTION SAMPLER` does a part. `compare` prints the table of docs/SWEEPS.md and ends with 1 where one of our samplers is
significantly worse than Optuna's of the same kind (Mann-Whitney, two-sided, p <= 0.05, larger ranks).
`points` prints points and values for Tests/Fixtures/search-points.json.

The table of 2,000 trainings behind the function `fashion` is Lockstep's own work, the same bits on every machine:

    lockstep sweep run Tests/Peers/fashion-table.yaml --out fashion-table --keep-weights 0
    lockstep sweep list fashion-table --json > trials.json
    python3 Tests/Peers/search_quality.py table trials.json > Tests/Fixtures/fashion-table.csv
"""

import json
import os
import random
import sys

os.environ.setdefault("OMP_NUM_THREADS", "1")
from search_functions import FUNCTIONS, SPACES

SEEDS = range(20)
BUDGETS = (30, 100)
SAMPLERS = ("gp", "tpe")


def suggest(trial, space):
    out = {}
    for name, domain, *conditions in space:
        if conditions and not all(out.get(parent) in values for parent, values in conditions[0].items()):
            continue
        kind, *arguments = domain
        if kind == "choice":
            out[name] = trial.suggest_categorical(name, list(arguments[0]))
        elif kind == "whole":
            out[name] = trial.suggest_int(name, *arguments)
        else:
            out[name] = trial.suggest_float(name, *arguments, log=kind == "log")
    return out


def best_values(function, sampler, seed):
    import warnings

    import optuna

    warnings.simplefilter("ignore")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    make = {"gp": optuna.samplers.GPSampler, "tpe": optuna.samplers.TPESampler}[sampler]
    study = optuna.create_study(sampler=make(seed=seed))
    study.optimize(lambda trial: FUNCTIONS[function](suggest(trial, SPACES[function])), n_trials=max(BUDGETS))
    values = [trial.value for trial in study.trials]
    return [min(values[:budget]) for budget in BUDGETS]


def run(functions, samplers):
    out = {}
    for function in functions:
        for sampler in samplers:
            rows = [best_values(function, sampler, seed) for seed in SEEDS]
            out.setdefault(function, {})[sampler] = {
                str(budget): [float(f"{row[i]:.10g}") for row in rows] for i, budget in enumerate(BUDGETS)
            }
            print(function, sampler, file=sys.stderr, flush=True)
    return out


def dump(results):
    lines = []
    for function, samplers in results.items():
        inner = ",\n".join(f"  {json.dumps(name)}: {json.dumps(values)}" for name, values in samplers.items())
        lines.append(f"{json.dumps(function)}: {{\n{inner}\n}}")
    print("{\n" + ",\n".join(lines) + "\n}")


def points():
    generator = random.Random(1)
    out = []
    for function, space in SPACES.items():
        for _ in range(6):
            point = {}
            for name, domain, *conditions in space:
                if conditions and not all(point.get(parent) in values for parent, values in conditions[0].items()):
                    continue
                kind, *arguments = domain
                if kind == "choice":
                    point[name] = generator.choice(arguments[0])
                elif kind == "whole":
                    point[name] = generator.randint(*arguments)
                elif kind == "log":
                    low, high = arguments
                    point[name] = low * (high / low) ** generator.random()
                else:
                    point[name] = generator.uniform(*arguments)
            out.append({"function": function, "point": point, "value": FUNCTIONS[function](point)})
    print("[\n" + ",\n".join(json.dumps(row) for row in out) + "\n]")


def table(path):
    columns = ["activation", "hidden-layers", "hidden-size", "learning-rate", "optimizer"]
    print(",".join([*columns, "testAccuracy"]))
    with open(path) as file:
        for trial in json.load(file)["trials"]:
            # A training that diverged has no accuracy.
            accuracy = trial["measures"]["testAccuracy"] if trial["state"] == "finished" else ""
            print(",".join([*(str(trial["parameters"][name]) for name in columns), str(accuracy)]))


def compare(theirs, ours):
    from statistics import median

    from scipy.stats import mannwhitneyu

    print("| function | trials | random | bayes | Optuna GP | p | tpe | Optuna TPE | p |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    worse = []
    better = {"bayes": 0, "tpe": 0}
    count = 0
    for function in SPACES:
        for budget in map(str, BUDGETS):
            count += 1
            plain = ours[function]["random"][budget]
            cells = [f"{median(plain):.5g}"]
            for mine, other in (("bayes", "gp"), ("tpe", "tpe")):
                a, b = ours[function][mine][budget], theirs.get(function, {}).get(other, {}).get(budget)
                if mannwhitneyu(a, plain, alternative="less").pvalue <= 0.05:
                    better[mine] += 1
                if b is None:
                    cells += [f"{median(a):.6g}", "not run", "–"]
                    continue
                test = mannwhitneyu(a, b, alternative="two-sided")
                p = 1.0 if len({*a, *b}) == 1 else test.pvalue
                is_worse = p <= 0.05 and test.statistic > len(a) * len(b) / 2
                if is_worse:
                    worse.append((function, budget, mine))
                mark = " worse" if is_worse else " better" if p <= 0.05 else ""
                cells += [f"{median(a):.6g}", f"{median(b):.6g}", f"{p:.2g}{mark}"]
            print(f"| {function} | {budget} | " + " | ".join(cells) + " |")
    print()
    for mine, number in better.items():
        print(f"{mine}: significantly better than random in {number} of {count} rows.")
    for function, budget, mine in worse:
        print(f"significantly worse than Optuna: {mine} on {function} after {budget}")
    return 1 if worse else 0


if __name__ == "__main__":
    command, *words = sys.argv[1:] or [""]
    if command == "run":
        dump(run(words[:1] or list(SPACES), words[1:] or list(SAMPLERS)))
    elif command == "points":
        points()
    elif command == "table" and len(words) == 1:
        table(words[0])
    elif command == "compare" and len(words) == 2:
        sys.exit(compare(*(json.load(open(path)) for path in words)))
    elif command == "merge":
        merged = {}
        for path in words:
            for function, samplers in json.load(open(path)).items():
                merged.setdefault(function, {}).update(samplers)
        dump({function: merged[function] for function in SPACES})
    else:
        sys.exit(__doc__)

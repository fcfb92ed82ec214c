"""Writes normal.json: quantiles of the standard normal distribution to 25 digits.

    pip install mpmath
    python3 Tests/Fixtures/normal.py > Tests/Fixtures/normal.json
"""

import json
import random

import mpmath

mpmath.mp.dps = 60
random.seed(1)
# The borders of the algorithm's three parts, both ends, and what lies between.
probabilities = [0.5, 0.075, 0.925, 0.0749999, 0.9250001, 2.0**-53, 2.0**-52, 1 - 2.0**-53, 1e-300, 5e-12, 1.5e-11]
probabilities += [random.random() for _ in range(60)] + [random.random() * 2.0**-k for k in range(3, 60, 3)]
probabilities += [1 - random.random() * 2.0**-k for k in range(3, 50, 3)]


def quantile(p):
    p = mpmath.mpf(p)
    if p == 0.5:
        return mpmath.mpf(0)
    # Newton's method on ln Φ keeps its digits in the tail.
    q = min(p, 1 - p)
    x = -mpmath.sqrt(-2 * mpmath.log(q)) if q < 0.3 else (q - 0.5) * mpmath.sqrt(2 * mpmath.pi)
    for _ in range(60):
        value = mpmath.erfc(-x / mpmath.sqrt(2)) / 2
        density = mpmath.exp(-x * x / 2) / mpmath.sqrt(2 * mpmath.pi)
        step = (mpmath.log(value) - mpmath.log(q)) * value / density
        x -= step
        if abs(step) < mpmath.mpf(10) ** -45:
            break
    return x if p < 0.5 else -x


print(json.dumps({
    "versions": {"mpmath": mpmath.__version__},
    "probabilities": probabilities,
    "quantiles": [float(mpmath.nstr(quantile(p), 25)) for p in probabilities],
}))

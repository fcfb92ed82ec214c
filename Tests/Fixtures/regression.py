"""Writes regression.json: twenty steps of regression on a table as PyTorch makes them in float64, with mse and mae, and what
scikit-learn says of the predictions.

    pip install torch scikit-learn
    python3 Tests/Fixtures/regression.py > Tests/Fixtures/regression.json

Features and targets are brought to mean 0 and standard deviation 1 by scikit-learn's StandardScaler, fitted on the train rows;
the second feature never changes. All other numbers of the table are exact in float32.
"""

import json
import platform

import sklearn
import torch
from sklearn.metrics import mean_absolute_error, mean_squared_error, r2_score, root_mean_squared_error
from sklearn.preprocessing import StandardScaler

STEPS = 20
RATE = 0.1
FEATURES, HIDDEN, TARGETS = 4, 8, 2


def rows(count, generator):
    x = torch.randint(-256, 257, (count, FEATURES), generator=generator).double() / 64
    x[:, 1] = 0.1
    x[:, 3] = 1000 + 8 * x[:, 3]
    noise = torch.randint(-16, 17, (count, TARGETS), generator=generator).double() / 4
    y = torch.stack([200 + 25 * x[:, 0] - 7 * x[:, 2] * x[:, 0], (x[:, 3] - 1000).abs() - x[:, 2]], 1) + noise
    return x, (y * 64).round() / 64


def case(name, loss, train, test, initial):
    (x, y), (u, v) = train, test
    inputs, outputs = StandardScaler().fit(x), StandardScaler().fit(y)
    scaled = [torch.from_numpy(scaler.transform(value)) for scaler, value in
              ((inputs, x), (outputs, y), (inputs, u), (outputs, v))]
    model = torch.nn.Sequential(torch.nn.Linear(FEATURES, HIDDEN), torch.nn.Tanh(), torch.nn.Linear(HIDDEN, TARGETS))
    with torch.no_grad():
        for tensor, value in model.named_parameters():
            value.copy_(torch.tensor(initial[tensor]).double().reshape(value.shape) / 256)
    optimizer = torch.optim.SGD(model.parameters(), RATE)
    losses = []
    for _ in range(STEPS):
        optimizer.zero_grad()
        value = loss(model(scaled[0]), scaled[1])
        value.backward()
        losses.append(value.item())
        optimizer.step()
    with torch.no_grad():
        found = model(scaled[2])
        predictions = outputs.inverse_transform(found)
        return {
            "loss": name, "trainLosses": losses, "testLoss": loss(found, scaled[3]).item(),
            "final": {tensor: value.flatten().tolist() for tensor, value in model.named_parameters()},
            "predictions": predictions.flatten().tolist(),
            "scores": {
                "mse": mean_squared_error(v, predictions), "rmse": root_mean_squared_error(v, predictions),
                "mae": mean_absolute_error(v, predictions), "r2": r2_score(v, predictions)},
            "columns": [
                {"mse": mean_squared_error(v[:, i], predictions[:, i]),
                 "rmse": root_mean_squared_error(v[:, i], predictions[:, i]),
                 "mae": mean_absolute_error(v[:, i], predictions[:, i]), "r2": r2_score(v[:, i], predictions[:, i])}
                for i in range(TARGETS)],
        }


def main():
    torch.set_default_dtype(torch.float64)
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(11)
    train, test = rows(40, generator), rows(70, generator)
    shapes = {"0.weight": HIDDEN * FEATURES, "0.bias": HIDDEN, "2.weight": TARGETS * HIDDEN, "2.bias": TARGETS}
    initial = {name: torch.randint(-128, 129, (count,), generator=generator).tolist() for name, count in shapes.items()}
    document = {
        "versions": {
            "python": platform.python_version(), "torch": torch.__version__, "scikit-learn": sklearn.__version__},
        "steps": STEPS, "learningRate": RATE, "features": FEATURES, "targets": TARGETS, "hidden": HIDDEN,
        "train": torch.cat(train, 1).tolist(), "test": torch.cat(test, 1).tolist(),
        # Multiples of 1/256, as PyTorch stores them.
        "initial": initial,
        "cases": [
            case("mse", torch.nn.MSELoss(), train, test, initial), case("mae", torch.nn.L1Loss(), train, test, initial)],
    }
    print(json.dumps(document, separators=(",", ":")).replace('{"loss"', '\n{"loss"'))


if __name__ == "__main__":
    main()

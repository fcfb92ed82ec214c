"""Loads a checkpoint into the torch.nn.Sequential of its model and scores the test images.

    pip install torch safetensors
    python3 Tests/Python/check_torch.py CHECKPOINT DATA

DATA holds MNIST's IDX files, not compressed. Prints one JSON object: tensors, mean cross-entropy in float64, accuracy.
"""

import json
import pathlib
import sys

import torch
from safetensors import safe_open
from safetensors.torch import load_file

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "Fixtures"))
from torch_model import build

checkpoint, data = sys.argv[1], pathlib.Path(sys.argv[2])
with safe_open(checkpoint, framework="pt") as file:
    metadata = file.metadata()
shape = [int(extent) for extent in metadata["inputShape"].split("x")]
model = build(metadata["model"], shape)
tensors = {name: value for name, value in load_file(checkpoint).items() if not name.startswith("state/")}
model.load_state_dict(tensors, strict=True)


def idx(name):
    content = (data / name).read_bytes()
    extents = [int.from_bytes(content[4 + 4 * i : 8 + 4 * i], "big") for i in range(content[3])]
    return torch.frombuffer(bytearray(content[4 + 4 * content[3] :]), dtype=torch.uint8).reshape(extents)


images, labels = idx("t10k-images-idx3-ubyte"), idx("t10k-labels-idx1-ubyte").long()
model.double().eval()
with torch.no_grad():
    outputs = model(images.double().unsqueeze(1) / 255)
    loss = torch.nn.functional.cross_entropy(outputs, labels).item()
accuracy = (outputs.argmax(1) == labels).double().mean().item()
print(json.dumps({"torch": torch.__version__, "tensors": len(tensors), "loss": loss, "accuracy": accuracy}))

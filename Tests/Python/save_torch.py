"""Saves a PyTorch network as a safetensors file, and its outputs.

    pip install torch safetensors
    python3 Tests/Python/save_torch.py MODEL SHAPE IMAGES FILE LOGITS

MODEL and SHAPE (28x28) as `lockstep train` has them; IMAGES as check_logits.py takes them. Running statistics are those of
some batches of noise.
"""

import pathlib
import sys

import numpy
import torch
from safetensors.torch import save_file

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "Fixtures"))
from torch_model import build

text, shape, images, path, logits = sys.argv[1:]
shape = [int(extent) for extent in shape.split("x")]
height, width, channels = shape + [1] if len(shape) == 2 else shape
torch.manual_seed(5)
model = build(text, shape)
with torch.no_grad():
    for _ in range(5):
        model(torch.rand(32, channels, height, width))
    model.eval()
    save_file(model.state_dict(), path, metadata={"format": "pt"})
    x = torch.from_numpy(numpy.fromfile(images, numpy.uint8)).reshape(-1, height, width, channels).permute(0, 3, 1, 2)
    model(x.float() / 255).numpy().tofile(logits)

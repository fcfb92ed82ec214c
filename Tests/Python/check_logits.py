"""Loads a checkpoint into PyTorch and compares its outputs with Lockstep's.

    pip install torch safetensors
    python3 Tests/Python/check_logits.py CHECKPOINT IMAGES LOGITS

IMAGES holds bytes, [samples, height, width, channels]; LOGITS Lockstep's outputs, float32 [samples, outputs]. Prints one
JSON object: the greatest difference and the greatest output, samples whose greatest output is the same, and the counters
of batch norms.
"""

import json
import pathlib
import sys

import numpy
import torch
from safetensors import safe_open
from safetensors.torch import load_file

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "Fixtures"))
from torch_model import build

checkpoint, images, logits = sys.argv[1:]
with safe_open(checkpoint, framework="pt") as file:
    metadata = file.metadata()
shape = [int(extent) for extent in metadata["inputShape"].split("x")]
height, width, channels = shape + [1] if len(shape) == 2 else shape
model = build(metadata["model"], shape)
tensors = {name: value for name, value in load_file(checkpoint).items() if not name.startswith("state/")}
model.load_state_dict(tensors, strict=True)
model.eval()
x = torch.from_numpy(numpy.fromfile(images, numpy.uint8)).reshape(-1, height, width, channels).permute(0, 3, 1, 2)
with torch.no_grad():
    theirs = model(x.float() / 255)
ours = torch.from_numpy(numpy.fromfile(logits, numpy.float32)).reshape(theirs.shape)
counters = {name: int(value) for name, value in tensors.items() if name.endswith("num_batches_tracked")}
print(
    json.dumps(
        {
            "samples": len(ours),
            "difference": (ours - theirs).abs().max().item(),
            "greatest": ours.abs().max().item(),
            "sameClasses": int((ours.argmax(1) == theirs.argmax(1)).sum()),
            "counters": counters,
        }
    )
)

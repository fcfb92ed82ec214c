"""Checks the format against PyPI's safetensors (pip install safetensors numpy).

python3 check_safetensors.py OURS THEIRS: loads OURS with the reference implementation, prints one JSON object
(metadata, and each tensor's type, shape and SHA-256) and saves the same tensors to THEIRS, for our reader to open.
"""

import hashlib
import json
import sys

from safetensors import safe_open
from safetensors.numpy import load_file, save_file

ours, theirs = sys.argv[1:]
tensors = load_file(ours)
with safe_open(ours, framework="numpy") as file:
    metadata = file.metadata()
save_file(tensors, theirs, metadata=metadata)
described = {
    name: {"dtype": str(t.dtype), "shape": list(t.shape), "sha256": hashlib.sha256(t.tobytes()).hexdigest()}
    for name, t in tensors.items()
}
print(json.dumps({"metadata": metadata, "tensors": described}, sort_keys=True))

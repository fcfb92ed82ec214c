"""Checks the format against PyPI's safetensors (pip install safetensors numpy).

python3 check_safetensors.py OURS THEIRS: loads OURS with the reference implementation, prints one JSON object
(metadata, and each tensor's type, shape and SHA-256) and saves the same tensors to THEIRS as a file of its own, for our
reader to open.
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
# A file that says to be Lockstep's must be the bytes that Lockstep wrote.
save_file(tensors, theirs, metadata={key: value for key, value in metadata.items() if key not in ("format", "sha256")})
described = {
    name: {"dtype": str(t.dtype), "shape": list(t.shape), "sha256": hashlib.sha256(t.tobytes()).hexdigest()}
    for name, t in tensors.items()
}
print(json.dumps({"metadata": metadata, "tensors": described}, sort_keys=True))

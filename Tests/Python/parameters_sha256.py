"""Recomputes parametersSHA256 of a checkpoint: python3 parameters_sha256.py FILE.safetensors"""
import hashlib, json, struct, sys
data = open(sys.argv[1], "rb").read()
start = 8 + struct.unpack("<Q", data[:8])[0]
header = json.loads(data[8:start])
network = [t for name, t in header.items() if not name.startswith(("__metadata__", "state/")) and t["dtype"] == "F32"]
ranges = sorted(t["data_offsets"] for t in network)
print(hashlib.sha256(b"".join(data[start + begin : start + end] for begin, end in ranges)).hexdigest())

"""Compares the SHA-256 that a checkpoint states for its whole file: python3 file_sha256.py FILE.safetensors"""
import hashlib, json, struct, sys
data = open(sys.argv[1], "rb").read()
start = 8 + struct.unpack("<Q", data[:8])[0]
stated = json.loads(data[8:start])["__metadata__"]["sha256"]
place = data.index(b'"sha256":"', 0, start) + 10
assert data[place : place + 64] == stated.encode()
actual = hashlib.sha256(data[:place] + b"0" * 64 + data[place + 64 :]).hexdigest()
print(actual)
sys.exit(actual != stated)

"""Runs ONNX models and compares what they give with what was expected.

    pip install onnx onnxruntime numpy
    python3 Tests/Python/check_onnx_outputs.py CASES

CASES is a JSON list of objects: `name`; `model`, an ONNX file; `images`, bytes [samples, …]; `outputs`, float32. The input's
shape and type are those that the model states; what is no byte is divided by 255. Prints one JSON object: by name the
greatest difference over batches of 1, 7 and all samples, relative to the greatest output.
"""

import json
import sys

import numpy
import onnx
import onnxruntime

results = {}
for case in json.load(open(sys.argv[1])):
    onnx.checker.check_model(onnx.load(case["model"]), full_check=True)
    session = onnxruntime.InferenceSession(case["model"], providers=["CPUExecutionProvider"])
    (entry,) = session.get_inputs()
    x = numpy.fromfile(case["images"], numpy.uint8).reshape([-1] + entry.shape[1:])
    if "uint8" not in entry.type:
        x = x.astype(numpy.float32) / numpy.float32(255)
    expected = numpy.fromfile(case["outputs"], numpy.float32).reshape(len(x), -1)
    greatest = 0.0
    for batch in (1, 7, len(x)):
        found = [session.run(None, {entry.name: x[i : i + batch]})[0] for i in range(0, len(x), batch)]
        found = numpy.concatenate(found).reshape(len(x), -1)
        greatest = max(greatest, float(numpy.abs(found.astype(numpy.float64) - expected).max()))
    results[case["name"]] = greatest / float(numpy.abs(expected).max())
print(json.dumps(results))

"""Compares exported ONNX models with Lockstep's own outputs.

    pip install onnx onnxruntime numpy
    python3 Tests/Python/check_onnx.py LOCKSTEP RUN… --images NPY [--samples N]

LOCKSTEP is the program, each RUN what `export` takes, NPY the bytes of the test images [samples, height, width(, channels)]
that all runs were made for; the first N are used, 1,000 unless told otherwise. For each run the outputs of its test data are
written by `export --predictions test --format npz`; the model is written for each kind of input, checked by onnx.checker,
and run by onnxruntime with batches of 1, 7 and 64. Fails where a difference is above 1e-5 of the greatest
output. Prints one JSON object for each run.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy
import onnx
import onnxruntime

BATCHES = (1, 7, 64)
TOLERANCE = 1e-5


def exported(program, run, folder, *options):
    name = pathlib.Path(folder) / "out"
    command = [program, "export", run, "--output", str(name), "--json", *options]
    return name, json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


def outputs(path, x, batch):
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return numpy.concatenate(
        [session.run(None, {name: x[i : i + batch]})[0] for i in range(0, len(x), batch)]
    )


def difference(ours, theirs):
    ours = ours.reshape(len(ours), -1).astype(numpy.float64)
    theirs = theirs.reshape(len(theirs), -1)
    assert ours.shape == theirs.shape, (ours.shape, theirs.shape)
    return float(numpy.abs(ours - theirs).max() / numpy.abs(ours).max())


def check(program, run, x):
    with tempfile.TemporaryDirectory() as folder:
        path, _ = exported(program, run, folder, "--format", "npz", "--predictions", "test")
        saved = dict(numpy.load(path).items())
        results = {}
        standardized = False
        for kind in ("bytes", "unit"):
            path, report = exported(program, run, folder, "--format", "onnx", "--input", kind)
            model = onnx.load(path)
            onnx.checker.check_model(model, full_check=True)
            standardized |= any("standardized" in node.name for node in model.graph.node)
            values = x if kind == "bytes" else x.astype(numpy.float32) / numpy.float32(255)
            for batch in BATCHES:
                results[f"{kind}/{batch}"] = difference(saved["outputs"][: len(x)], outputs(path, values, batch))
        if not standardized:
            path, _ = exported(program, run, folder, "--format", "onnx", "--input", "network")
            onnx.checker.check_model(onnx.load(path), full_check=True)
            results["network/64"] = difference(
                saved["outputs"][: len(x)], outputs(path, x.astype(numpy.float32) / numpy.float32(255), 64)
            )
        if "probabilities" in saved:
            path, _ = exported(program, run, folder, "--format", "onnx", "--result", "probabilities")
            results["probabilities/64"] = difference(saved["probabilities"][: len(x)], outputs(path, x, 64))
        return {
            "run": run,
            "opset": report["opset"],
            "samples": len(x),
            "greatestDifference": max(results.values()),
            "differences": results,
        }


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("runs", nargs="+")
    parser.add_argument("--images", required=True, help="the test images as .npy, bytes")
    parser.add_argument("--samples", type=int, default=1000)
    arguments = parser.parse_args()
    x = numpy.load(arguments.images)[: arguments.samples]
    worst = 0.0
    for run in arguments.runs:
        result = check(arguments.program, run, x)
        worst = max(worst, result["greatestDifference"])
        print(json.dumps(result), flush=True)
    sys.exit(0 if worst <= TOLERANCE else 1)


if __name__ == "__main__":
    main()

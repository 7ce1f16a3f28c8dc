#!/usr/bin/env python3
"""Holds `pocketnas import` against ONNX Runtime on models that independent exporters wrote.

    pip install torch torchvision timm transformers onnx onnxruntime onnxscript skl2onnx
    cargo build --release
    import_onnx.py [--report FILE] [--keep DIR] [--program FILE] [--keras PYTHON] [NAME ...]

Models of torchvision, of timm (`timm/NAME`), an encoder and a Llama of Hugging Face go through both exporters of PyTorch,
models of Keras (`keras/NAME`) through tf2onnx, pipelines of scikit-learn (`sklearn/NAME`) through skl2onnx, and what was
imported through our own exporter and back. `import_models.py` has their names. Keras wants a Python of its own, one with
`tensorflow-cpu` and `tf2onnx`. Weights are random, and no tensor of them is zero or one throughout, so that nothing hides.
Every model is imported with batch norms apart and folded, and run on one random sample; said are the parameters beside the
library's own count, the largest difference of the outputs as a share of the largest output (above 1e-4 it is WRONG), the
architectures of the derived space, and the seconds that one import with its space takes. `--report` writes Markdown. Files in
`--keep` are not exported anew by PyTorch. The exit code is the number of files that are WRONG or that the program CRASHED on.
"""
import argparse
import importlib.metadata
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import time
import warnings

import numpy
import onnxruntime
import torch

from import_models import EVERY, NotExported, exported
from import_report import Row, cells, report

PROGRAM = pathlib.Path(__file__).parents[2] / "target/release/pocketnas"
LARGEST = 1e-4
LIVELY = 1e-2


class Refused(Exception):
    """The program gave its reasons."""


class Crashed(Exception):
    """The program gave none."""


def said(stderr):
    """The words of a report as one line: frames and the breaks of lines are those of a terminal."""
    text = ""
    for line in stderr.splitlines():
        line = re.sub(r"^\s*[×│╰├─▶]*\s*", "", line).rstrip()
        text += line if re.search(r"\w[-/]$", text) else f" {line}"
    return " ".join(text.split())


class Program:
    """The `pocketnas` that is tried."""

    def __init__(self, path):
        self.path = path.resolve()

    def run(self, folder, *arguments):
        """What it prints as JSON, run where the file is, so that messages name the file alone."""
        ran = subprocess.run([self.path, *arguments, "--json"], cwd=folder, capture_output=True, text=True)
        if ran.returncode == 0:
            return json.loads(ran.stdout)
        # Failures have codes up to 3; panics have 101, and signals are negative.
        raise (Refused if 0 < ran.returncode <= 3 else Crashed)(said(ran.stderr) or f"exit code {ran.returncode}")

    def imported(self, path, out, *more):
        return self.run(path.parent, "import", path.name, "--out", out, *more)

    def outputs(self, path, sample, *more):
        """What it says of a model, and what the model computes."""
        with tempfile.TemporaryDirectory() as folder:
            given = pathlib.Path(folder) / "sample.f32"
            channels_first(sample).astype("<f4").tofile(given)
            told = self.imported(path, folder, "--run", given, *more)
            return told, [numpy.fromfile(file, "<f4") for file in told["files"] if file.endswith(".f32")]

    def space(self, path):
        """Architectures of the derived space, and the seconds that it takes."""
        with tempfile.TemporaryDirectory() as folder:
            begun = time.perf_counter()
            told = self.imported(path, folder, "--space")
            seconds = time.perf_counter() - begun
            space = next(file for file in told["files"] if file.endswith(".space.yaml"))
            return self.run(folder, "space", "count", space)["architectures"], seconds

    def exported(self, path, folder):
        """What our own exporter makes of what is imported."""
        told = self.imported(path, folder)
        architecture = next(file for file in told["files"] if file.endswith(".yaml"))
        made = pathlib.Path(folder) / "ours"
        command = [self.path, "export", architecture, "--format", "onnx", "--out", made]
        ran = subprocess.run(command, capture_output=True, text=True)
        if ran.returncode != 0:
            raise NotExported(said(ran.stderr))
        return next(made.glob("*.onnx"))


def channels_first(sample):
    """An image as networks have it here, whichever way round it is."""
    last = sample.ndim == 4 and sample.shape[3] == 3 and sample.shape[1] != 3
    return numpy.ascontiguousarray(sample.transpose(0, 3, 1, 2)) if last else sample


def reference(path, sample):
    """The outputs by ONNX Runtime."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    given = session.get_inputs()[0]
    if list(given.shape[1:]) != list(sample.shape[1:]):
        sample = channels_first(sample)
    # Numbers of tokens are floats in what our exporter writes.
    sample = sample.astype({"tensor(int64)": "int64"}.get(given.type, "float32"))
    return [numpy.asarray(value, "float32").ravel() for value in session.run(None, {given.name: sample})]


def apart(ours, theirs):
    """The largest difference of any output as a share of its largest value; infinite where outputs are not alike at all."""
    if [value.size for value in ours] != [value.size for value in theirs]:
        return float("inf")
    with numpy.errstate(all="ignore"):
        shares = [float(numpy.abs(a - b).max() / numpy.abs(b).max()) for a, b in zip(ours, theirs)]
    return max(share if numpy.isfinite(share) else float("inf") for share in shares)


def check(program, row, path, sample):
    """Fills the row of a file."""
    try:
        told, plain = program.outputs(path, sample)
        _, folded = program.outputs(path, sample, "--fold-batch-norm")
    except (Refused, Crashed) as error:
        row.state, row.words = "refused" if isinstance(error, Refused) else "CRASHED", str(error)
        return
    row.parameters, row.notes = told["params"], told["notes"]
    try:
        theirs = reference(path, sample)
        other = reference(path, sample[:, ::-1] if row.model == "llama" else -sample)
    except Exception as error:  # What no runtime runs is imported all the same.
        row.state, row.words = "not compared", f"ONNX Runtime: {' '.join(str(error).split())}"
    else:
        row.difference = max(apart(plain, theirs), apart(folded, theirs))
        if row.difference > LARGEST:
            row.state, row.words = "WRONG", f"its outputs differ by {row.difference:.1e}"
        elif apart(other, theirs) < LIVELY:
            row.state, row.words = "MUTE", "its outputs hardly depend on its input, so that they show nothing"
    try:
        row.space, row.seconds = program.space(path)
    except Refused as error:
        row.spaceless = str(error)
    except Crashed as error:
        row.state, row.words = "CRASHED", f"with --space: {error}"


def rows_of(program, name, arguments):
    """The rows of a model, each as soon as it is known."""
    good = None
    for exporter, path, sample, given in exported(name, arguments.keep, arguments.keras):
        row = Row(name, exporter, given=given)
        if isinstance(path, NotExported):
            row.state, row.words = "not exported", str(path)
        else:
            check(program, row, path, sample)
            good = good or (path, sample, given) if row.state == "ok" else good
        yield row
    if good:
        path, sample, given = good
        row = Row(name, "pocketnas", given=given)
        with tempfile.TemporaryDirectory() as folder:
            try:
                check(program, row, program.exported(path, folder), sample)
            except NotExported as error:
                row.state, row.words = "not exported", str(error)
        yield row


def versions(keras):
    packages = ["torch", "torchvision", "timm", "transformers", "onnxscript", "skl2onnx", "scikit-learn", "onnxruntime"]
    known = [f"{name} {importlib.metadata.version(name)}" for name in packages]
    # Those of the other Python, where it has them.
    listed = "from importlib.metadata import version; [print(n, version(n)) for n in ('tensorflow-cpu', 'keras', 'tf2onnx')]"
    theirs = subprocess.run([keras, "-c", listed], capture_output=True, text=True).stdout.splitlines()
    return ", ".join([*known, *theirs])


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("names", nargs="*", metavar="NAME")
    arguments.add_argument("--report", type=pathlib.Path)
    arguments.add_argument("--keep", type=pathlib.Path, default=pathlib.Path(tempfile.gettempdir()) / "pocketnas-models")
    arguments.add_argument("--program", type=pathlib.Path, default=PROGRAM)
    arguments.add_argument("--keras", metavar="PYTHON", default=sys.executable)
    arguments = arguments.parse_args()
    unknown = set(arguments.names) - set(EVERY)
    if unknown:
        sys.exit(f"no such model: {', '.join(sorted(unknown))}; there are {', '.join(EVERY)}")
    arguments.keep = arguments.keep.resolve()
    arguments.keep.mkdir(parents=True, exist_ok=True)
    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    program, rows, using = Program(arguments.program), [], versions(arguments.keras)
    for name in [name for name in EVERY if not arguments.names or name in arguments.names]:
        for row in rows_of(program, name, arguments):
            rows.append(row)
            print(" | ".join(cells(row)), flush=True)
            # Anew each time, so that what was found stays where a long run is broken off.
            if arguments.report:
                arguments.report.parent.mkdir(parents=True, exist_ok=True)
                arguments.report.write_text(report(rows, using, EVERY))
    sys.exit(sum(row.state in ("WRONG", "CRASHED") for row in rows))


if __name__ == "__main__":
    main()

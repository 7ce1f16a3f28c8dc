#!/usr/bin/env python3
"""Holds `pocketnas import` against ONNX Runtime on models that both exporters of PyTorch wrote.

    pip install torch torchvision onnx onnxruntime onnxscript skl2onnx
    cargo build --release
    import_onnx.py [--out DIR] [NAME ...]

Every model of torchvision below, small transformers built from torch.nn, and perceptrons of scikit-learn are written with
weights in which nothing hides (batch norms with statistics and scales as after training), imported with batch norms apart
and folded, and run on one sample. Printed for each: operators, parameters, and the largest difference of the outputs as a
share of the largest output; above 1e-4 it is WRONG. What cannot be imported is printed with the first reason. The exit
code is the number of models that are WRONG.
"""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile
import warnings

import numpy
import onnxruntime
import torch
import torchvision

POCKETNAS = pathlib.Path(__file__).parents[2] / "target/release/pocketnas"
VISION = [
    "resnet18", "resnext50_32x4d", "mobilenet_v2", "mobilenet_v3_large", "efficientnet_b0", "mnasnet1_0", "regnet_y_400mf",
    "squeezenet1_1", "densenet121", "googlenet", "alexnet", "convnext_tiny", "shufflenet_v2_x1_0", "vit_b_16",
]


class Block(torch.nn.Module):
    """A layer of a transformer with one linear layer for queries, keys and values, as timm writes it."""

    def __init__(self, size, heads):
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = torch.nn.LayerNorm(size), torch.nn.LayerNorm(size)
        self.qkv, self.out = torch.nn.Linear(size, 3 * size), torch.nn.Linear(size, size)
        self.up, self.down = torch.nn.Linear(size, 2 * size), torch.nn.Linear(2 * size, size)

    def forward(self, x):
        batch, tokens, size = x.shape
        qkv = self.qkv(self.norm1(x)).reshape(batch, tokens, 3, self.heads, size // self.heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4).unbind(0)
        mixed = torch.nn.functional.scaled_dot_product_attention(q, k, v)
        x = x + self.out(mixed.transpose(1, 2).reshape(batch, tokens, size))
        return x + self.down(torch.nn.functional.gelu(self.up(self.norm2(x))))


class TinyViT(torch.nn.Module):
    """A vision transformer without learned positions and class token, which a network here cannot hold."""

    def __init__(self):
        super().__init__()
        self.patches = torch.nn.Conv2d(3, 48, 8, 8)
        self.blocks = torch.nn.Sequential(Block(48, 4), Block(48, 4))
        self.norm, self.head = torch.nn.LayerNorm(48), torch.nn.Linear(48, 10)

    def forward(self, x):
        return self.head(self.norm(self.blocks(self.patches(x).flatten(2).transpose(1, 2))).mean(1))


def encoder():
    return torch.nn.TransformerEncoderLayer(48, 4, 96, batch_first=True, activation="gelu")


TOKENS = {"tiny_vit": (TinyViT, (1, 3, 64, 64)), "encoder": (encoder, (1, 10, 48))}


def built(name):
    torch.manual_seed(0)
    random = torch.Generator().manual_seed(1)
    if name in TOKENS:
        make, sizes = TOKENS[name]
        model = make()
    else:
        options = {"init_weights": True, "aux_logits": True} if name == "googlenet" else {}
        model, sizes = getattr(torchvision.models, name)(weights=None, **options), (1, 3, 224, 224)
    uniform = lambda like, low, high: torch.rand(like.shape, generator=random) * (high - low) + low
    for layer in model.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.running_mean.copy_(uniform(layer.running_mean, -0.1, 0.1))
            layer.running_var.copy_(uniform(layer.running_var, 0.5, 1.5))
            layer.weight.data.copy_(uniform(layer.weight, 0.75, 1.25))
            layer.bias.data.copy_(uniform(layer.bias, -0.1, 0.1))
    return model.eval(), torch.randn(sizes, generator=random)


def perceptron(path):
    """A perceptron of scikit-learn; returns its sample."""
    import skl2onnx
    from sklearn.neural_network import MLPRegressor

    random = numpy.random.default_rng(0)
    x, y = random.standard_normal((64, 12)).astype("float32"), random.standard_normal(64)
    model = MLPRegressor(hidden_layer_sizes=(16, 8), max_iter=20).fit(x, y)
    types = [("x", skl2onnx.common.data_types.FloatTensorType([None, 12]))]
    path.write_bytes(skl2onnx.convert_sklearn(model, initial_types=types).SerializeToString())
    return x[:1]


def check(label, path, sample):
    """Prints how a model fares; returns whether its outputs are wrong."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    theirs = session.run(None, {session.get_inputs()[0].name: sample})[0].ravel()
    wrong = False
    for fold in ([], ["--fold-batch-norm"]):
        with tempfile.TemporaryDirectory() as folder:
            given = pathlib.Path(folder) / "sample.f32"
            sample.astype("<f4").tofile(given)
            command = [POCKETNAS, "import", path, "--run", given, "--out", folder, "--json", *fold]
            ran = subprocess.run(command, capture_output=True, text=True)
            if ran.returncode != 0:
                print(f"{label:32} not imported: {' '.join(ran.stderr.split())[:300]}", flush=True)
                return False
            told = json.loads(ran.stdout)
            ours = numpy.fromfile(next(file for file in told["files"] if file.endswith(".f32")), "<f4")
        difference = float(numpy.abs(ours - theirs).max() / numpy.abs(theirs).max()) if ours.size == theirs.size else float("nan")
        right = difference <= 1e-4
        wrong |= not right
        operators = sum(told["operators"].values())
        print(
            f"{label:32} {'folded' if fold else 'apart ':6} {operators:5} operators {told['params']:10} parameters "
            f"difference {difference:.1e} {'ok' if right else 'WRONG'}",
            flush=True,
        )
        for note in told["notes"] if not fold else []:
            print(f"{'':32} note: {note}")
    return wrong


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("names", nargs="*", metavar="NAME")
    arguments.add_argument("--out", type=pathlib.Path, default=pathlib.Path(tempfile.gettempdir()) / "pocketnas-models")
    arguments = arguments.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    wrong = 0
    for name in arguments.names or [*VISION, *TOKENS, "perceptron"]:
        if name == "perceptron":
            path = arguments.out / "perceptron.onnx"
            wrong += check("perceptron (skl2onnx)", path, perceptron(path))
            continue
        model, sample = built(name)
        for dynamo in (False, True):
            label = f"{name} ({'dynamo' if dynamo else 'TorchScript'})"
            path = arguments.out / f"{name}.{'dynamo' if dynamo else 'script'}.onnx"
            try:
                options = {"verbose": False} if dynamo else {}
                torch.onnx.export(model, (sample,), str(path), dynamo=dynamo, **options)
            except Exception as error:
                print(f"{label:32} not exported: {type(error).__name__}", flush=True)
                continue
            wrong += check(label, path, sample.numpy())
    sys.exit(wrong)


if __name__ == "__main__":
    main()

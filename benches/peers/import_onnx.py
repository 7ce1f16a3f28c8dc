#!/usr/bin/env python3
"""Holds `pocketnas import` against ONNX Runtime on models that independent exporters wrote.

    pip install torch torchvision timm transformers onnx onnxruntime onnxscript skl2onnx
    cargo build --release
    import_onnx.py [--report FILE] [--keep DIR] [NAME ...]

Models of torchvision, of timm (`timm/NAME`) and a Llama of Hugging Face go through both exporters of PyTorch, pipelines of
scikit-learn through skl2onnx, and what was imported through our own exporter and back. Weights are random, and batch norms
have statistics and scales as after training, so that nothing hides. Every model is imported with batch norms apart and
folded, and run on one random sample; said are the parameters beside PyTorch's count, the largest difference of the outputs
as a share of the largest output (above 1e-4 it is WRONG), the architectures of the derived space, and the seconds that one
import with its space takes. What is refused is given in the words of the program. `--report` writes the table as Markdown.
The exit code is the number of models that are WRONG.
"""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile
import time
import warnings

import numpy
import onnxruntime
import torch

POCKETNAS = pathlib.Path(__file__).parents[2] / "target/release/pocketnas"
VISION = [
    "resnet18", "resnext50_32x4d", "mobilenet_v2", "mobilenet_v3_large", "efficientnet_b0", "mnasnet1_0", "regnet_y_400mf",
    "squeezenet1_1", "densenet121", "googlenet", "inception_v3", "alexnet", "vgg11", "convnext_tiny", "shufflenet_v2_x1_0",
    "vit_b_16", "swin_t",
]
TIMM = [
    "deit_tiny_patch16_224", "deit_tiny_distilled_patch16_224", "vit_tiny_patch16_224", "mobilenetv4_conv_small", "ghostnet_100",
    "tf_efficientnet_b0", "mixer_s16_224", "poolformer_s12", "repvgg_a0", "efficientformer_l1",
]
LEARNED = ["MLPRegressor", "scaled MLPClassifier", "LogisticRegression", "RandomForestClassifier"]


def encoder():
    return torch.nn.TransformerEncoderLayer(48, 4, 96, batch_first=True, activation="gelu")


class Logits(torch.nn.Module):
    """A language model that gives its logits alone."""

    def __init__(self):
        super().__init__()
        import transformers

        config = transformers.LlamaConfig(
            vocab_size=64, hidden_size=48, intermediate_size=96, num_hidden_layers=2, num_attention_heads=4,
            num_key_value_heads=2, max_position_embeddings=32, use_cache=False, attn_implementation="sdpa",
        )
        self.model = transformers.LlamaForCausalLM(config)

    def forward(self, ids):
        return self.model(ids, use_cache=False).logits


def built(name):
    """A model with weights in which nothing hides, and a sample for it."""
    torch.manual_seed(0)
    random = torch.Generator().manual_seed(1)
    if name == "encoder":
        return encoder().eval(), torch.randn((1, 10, 48), generator=random)
    if name == "llama":
        return Logits().eval(), torch.randint(0, 64, (1, 12), generator=random)
    size = 299 if name == "inception_v3" else 224
    if name.startswith("timm/"):
        import timm

        model = timm.create_model(name.removeprefix("timm/"), pretrained=False)
        size = model.default_cfg["input_size"][1]
    else:
        import torchvision

        options = {"init_weights": True, "aux_logits": True} if name in ("googlenet", "inception_v3") else {}
        model = getattr(torchvision.models, name)(weights=None, **options)
    uniform = lambda like, low, high: torch.rand(like.shape, generator=random) * (high - low) + low
    for layer in model.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.running_mean.copy_(uniform(layer.running_mean, -0.1, 0.1))
            layer.running_var.copy_(uniform(layer.running_var, 0.5, 1.5))
            layer.weight.data.copy_(uniform(layer.weight, 0.75, 1.25))
            layer.bias.data.copy_(uniform(layer.bias, -0.1, 0.1))
    # Class tokens, positions, factors of layers, biases and classifiers often begin as zeros or nearly so.
    for key, value in model.named_parameters():
        if any(part in key for part in ("cls_token", "class_token", "dist_token", "pos_embed", "layer_scale", "gamma")):
            value.data.copy_(uniform(value, 0.5, 1.0))
        elif not value.any():
            value.data.copy_(uniform(value, -0.1, 0.1))
    return model.eval(), torch.randn((1, 3, size, size), generator=random)


def pipeline(name, path):
    """Writes a pipeline of scikit-learn; returns its sample, and its parameters where it is made of layers."""
    import skl2onnx
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.neural_network import MLPClassifier, MLPRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    random = numpy.random.default_rng(0)
    x = random.standard_normal((64, 12)).astype("float32") * 3 + 1
    y = (x[:, 0] > 1).astype(int) + (x[:, 1] > 1)
    made = {
        "MLPRegressor": lambda: MLPRegressor(hidden_layer_sizes=(16, 8), max_iter=20).fit(x, x[:, 0]),
        "scaled MLPClassifier": lambda: make_pipeline(StandardScaler(), MLPClassifier((16, 8), max_iter=20)).fit(x, y),
        "LogisticRegression": lambda: LogisticRegression(max_iter=20).fit(x, y),
        "RandomForestClassifier": lambda: RandomForestClassifier(4).fit(x, y),
    }[name]()
    types = [("x", skl2onnx.common.data_types.FloatTensorType([None, 12]))]
    path.write_bytes(skl2onnx.convert_sklearn(made, initial_types=types).SerializeToString())
    return x[:1]


def imported(path, *more):
    begun = time.perf_counter()
    ran = subprocess.run([POCKETNAS, "import", path, *more, "--json"], capture_output=True, text=True)
    told = json.loads(ran.stdout) if ran.returncode == 0 else " ".join(ran.stderr.split())
    return told, time.perf_counter() - begun


def check(path, sample, given):
    """A row about one model: what came of its import. `given` is PyTorch's count of parameters."""
    row = {"parameters": "", "given": given or "", "difference": "", "space": "", "seconds": "", "words": ""}
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        theirs = session.run(None, {session.get_inputs()[0].name: sample})[0]
        theirs = numpy.asarray(theirs, "float32").ravel()
    except Exception as error:  # What no runtime runs is imported all the same.
        theirs, row["words"] = None, f"ONNX Runtime: {type(error).__name__}"
    worst = 0.0
    for fold in ([], ["--fold-batch-norm"]):
        with tempfile.TemporaryDirectory() as folder:
            given_sample = pathlib.Path(folder) / "sample.f32"
            sample.astype("<f4").tofile(given_sample)
            told, _ = imported(path, "--run", given_sample, "--out", folder, *fold)
            if isinstance(told, str):
                row["words"] = told
                return {**row, "state": "refused"}
            ours = numpy.fromfile(next(file for file in told["files"] if file.endswith(".f32")), "<f4")
        if theirs is not None:
            same = ours.size == theirs.size
            worst = max(worst, float(numpy.abs(ours - theirs).max() / numpy.abs(theirs).max()) if same else float("inf"))
        if not fold:
            row["parameters"] = told["params"]
            row["words"] = "; ".join(told["notes"]) or row["words"]
    row["difference"] = worst
    with tempfile.TemporaryDirectory() as folder:
        told, row["seconds"] = imported(path, "--out", folder, "--space")
        if isinstance(told, str):
            row["words"] = told
        else:
            space = next(file for file in told["files"] if file.endswith(".space.yaml"))
            counted = subprocess.run([POCKETNAS, "space", "count", space, "--json"], capture_output=True, text=True)
            known = counted.returncode == 0
            row["space"] = json.loads(counted.stdout)["architectures"] if known else " ".join(counted.stderr.split())
    return {**row, "state": "ok" if worst <= 1e-4 else "WRONG"}


def ours(path, folder):
    """What our own exporter makes of what was imported: the file, or nothing."""
    told, _ = imported(path, "--out", folder)
    if isinstance(told, str):
        return None
    architecture = next(file for file in told["files"] if file.endswith(".yaml"))
    made = pathlib.Path(folder) / "ours"
    subprocess.run([POCKETNAS, "export", architecture, "--format", "onnx", "--out", made], check=True, capture_output=True)
    return next(made.glob("*.onnx"))


def short(count):
    """A large number by its magnitude."""
    text = str(count)
    return text if len(text) < 8 or not text.isdigit() else f"{text[0]}.{text[1]}·10^{len(text) - 1}"


def line(row):
    difference = f"{row['difference']:.1e}" if isinstance(row["difference"], float) else ""
    seconds = f"{row['seconds']:.1f}" if isinstance(row["seconds"], float) else ""
    words = row["words"].replace("|", "\\|")
    cells = [row["model"], row["exporter"], row["state"], difference, row["parameters"], row["given"], short(row["space"]), seconds, words]
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


HEAD = """# Importing models that others exported

What `pocketnas import` makes of ONNX files by independent exporters, held against ONNX Runtime: written by

    benches/peers/import_onnx.py --report reports/gallery/import/README.md

with {versions}. *Difference* is the largest over all outputs, as a share of the largest output, for one random sample, batch
norms apart or folded, whichever is worse; *given* is PyTorch's own count of parameters. An affine step that belongs to no
layer, such as a scale for each channel, is held as a batch norm, and part of a layer's outputs as a smaller layer, so counts
may differ a little where the outputs do not. *Space* counts the architectures of the derived search space. *Seconds* are
those of one import that writes architecture and space. Refusals are given in the program's words.

| model | exporter | state | difference | parameters | given | space | seconds | words |
|---|---|---|---:|---:|---:|---:|---:|---|
"""


def versions():
    import importlib.metadata

    packages = ["torch", "torchvision", "timm", "transformers", "onnxscript", "skl2onnx", "scikit-learn", "onnxruntime"]
    return ", ".join(f"{name} {importlib.metadata.version(name)}" for name in packages)


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("names", nargs="*", metavar="NAME")
    arguments.add_argument("--report", type=pathlib.Path)
    arguments.add_argument("--keep", type=pathlib.Path, default=pathlib.Path(tempfile.gettempdir()) / "pocketnas-models")
    arguments = arguments.parse_args()
    arguments.keep.mkdir(parents=True, exist_ok=True)
    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    everything = [*VISION, *(f"timm/{name}" for name in TIMM), "encoder", "llama", *LEARNED]
    rows = []

    def add(model, exporter, row):
        rows.append({"model": model, "exporter": exporter, **row})
        print(line(rows[-1]), flush=True)
        # Anew each time, so that what was found stays where a long run is broken off.
        if arguments.report:
            arguments.report.parent.mkdir(parents=True, exist_ok=True)
            arguments.report.write_text(HEAD.format(versions=versions()) + "".join(f"{line(row)}\n" for row in rows))

    for name in arguments.names or everything:
        if name in LEARNED:
            path = arguments.keep / f"{name.replace(' ', '_')}.onnx"
            add(name, "skl2onnx", check(path, pipeline(name, path), None))
            continue
        model, sample = built(name)
        given = sum(parameter.numel() for parameter in model.parameters())
        if name == "googlenet" or name == "inception_v3":
            # Heads that only training has are not part of what is exported.
            given -= sum(p.numel() for key, p in model.named_parameters() if key.lower().startswith("aux"))
        for exporter in ("TorchScript", "dynamo"):
            path = arguments.keep / f"{name.replace('/', '_')}.{exporter}.onnx"
            if not path.exists():
                try:
                    options = {"verbose": False} if exporter == "dynamo" else {}
                    torch.onnx.export(model, (sample,), str(path), dynamo=exporter == "dynamo", **options)
                except Exception as error:
                    words = " ".join(str(error).split())[:160]
                    empty = dict.fromkeys(["parameters", "difference", "space", "seconds"], "")
                    add(name, exporter, {**empty, "given": given, "state": "not exported", "words": f"{type(error).__name__}: {words}"})
                    continue
            add(name, exporter, check(path, sample.numpy(), given))
        if name in ("resnet18", "vit_b_16", "shufflenet_v2_x1_0", "timm/deit_tiny_patch16_224"):
            with tempfile.TemporaryDirectory() as folder:
                path = ours(arguments.keep / f"{name.replace('/', '_')}.TorchScript.onnx", folder)
                if path:
                    add(name, "pocketnas", check(path, sample.numpy(), given))
    sys.exit(sum(row["state"] == "WRONG" for row in rows))


if __name__ == "__main__":
    main()

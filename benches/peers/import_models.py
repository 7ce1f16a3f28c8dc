"""The models that `import_onnx.py` takes: random weights in which nothing hides, a sample, and the files of exporters."""
import json
import pathlib
import subprocess
import textwrap

import numpy
import torch

VISION = [
    "resnet18", "resnext50_32x4d", "mobilenet_v2", "mobilenet_v3_large", "efficientnet_b0", "mnasnet1_0", "regnet_y_400mf",
    "squeezenet1_1", "densenet121", "googlenet", "inception_v3", "alexnet", "vgg11", "convnext_tiny", "shufflenet_v2_x1_0",
    "vit_b_16", "swin_t",
]
TIMM = [
    "deit_tiny_patch16_224", "deit_tiny_distilled_patch16_224", "vit_tiny_patch16_224", "mobilenetv4_conv_small",
    "ghostnet_100", "tf_efficientnet_b0", "mixer_s16_224", "poolformer_s12", "repvgg_a0", "efficientformer_l1",
]
KERAS = ["MobileNetV2", "EfficientNetB0", "MLP"]
LEARNED = ["MLPRegressor", "scaled MLPClassifier", "LogisticRegression", "RandomForestClassifier"]
EVERY = [
    *VISION, *(f"timm/{name}" for name in TIMM), "encoder", "llama", *(f"keras/{name}" for name in KERAS),
    *(f"sklearn/{name}" for name in LEARNED),
]
# Parameters that PyTorch begins at zero, or so near it that they would not be seen in the outputs.
FAINT = ("cls_token", "class_token", "dist_token", "pos_embed", "layer_scale", "gamma")


class NotExported(Exception):
    """An exporter gave up."""


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


def bare(name, random):
    """A model as its library makes it, and a sample for it."""
    if name == "encoder":
        model = torch.nn.TransformerEncoderLayer(48, 4, 96, batch_first=True, activation="gelu")
        return model, torch.randn((1, 10, 48), generator=random)
    if name == "llama":
        return Logits(), torch.randint(0, 64, (1, 12), generator=random)
    size = 299 if name == "inception_v3" else 224
    if name.startswith("timm/"):
        import timm

        model = timm.create_model(name.removeprefix("timm/"), pretrained=False)
        size = model.default_cfg["input_size"][1]
    else:
        import torchvision

        options = {"init_weights": True, "aux_logits": True} if name in ("googlenet", "inception_v3") else {}
        model = getattr(torchvision.models, name)(weights=None, **options)
    return model, torch.randn((1, 3, size, size), generator=random)


def built(name):
    """A model of PyTorch with weights in which nothing hides, and a sample for it."""
    torch.manual_seed(0)
    random = torch.Generator().manual_seed(1)
    model, sample = bare(name, random)

    def draw(values, low, high):
        values.data.copy_(torch.rand(values.shape, generator=random) * (high - low) + low)

    # Biases, norms, class tokens, positions and factors of layers begin as zeros, as ones, or nearly so.
    for key, value in model.named_parameters():
        if any(part in key for part in FAINT):
            draw(value, 0.5, 1.0)
        elif not value.any():
            draw(value, -0.1, 0.1)
        elif (value == 1).all():
            draw(value, 0.75, 1.25)
    # With statistics that are not those of what comes, a deep network fades to the same output whatever it is given.
    norms = [layer for layer in model.modules() if isinstance(layer, torch.nn.BatchNorm2d)]
    if norms:
        for layer in norms:
            layer.momentum = 1.0
        with torch.no_grad():
            model.train()(torch.randn((8, *sample.shape[1:]), generator=random))
    return model.eval(), sample


def of_pytorch(name, folder):
    """Files by both exporters of PyTorch: for each its name, path or what it says, sample, and parameters."""
    model, sample = built(name)
    given = sum(parameter.numel() for parameter in model.parameters())
    if name in ("googlenet", "inception_v3"):
        # Heads that only training has are not part of what is exported.
        given -= sum(p.numel() for key, p in model.named_parameters() if key.lower().startswith("aux"))
    for exporter in ("TorchScript", "dynamo"):
        path = folder / f"{name.replace('/', '_')}.{exporter}.onnx"
        if not path.exists():
            options = {"verbose": False} if exporter == "dynamo" else {}
            try:
                torch.onnx.export(model, (sample,), str(path), dynamo=exporter == "dynamo", **options)
            except Exception as error:  # Exporters raise whatever they like.
                path.unlink(missing_ok=True)
                path = NotExported(f"{type(error).__name__}: {textwrap.shorten(str(error), 240)}")
        yield exporter, path, sample.numpy(), given


def of_keras(name, folder, python):
    """Files by tf2onnx, which wants a Python of its own: with images as Keras has them, and with channels first."""
    stem = folder / name.replace("/", "_")
    script = pathlib.Path(__file__).with_name("keras_onnx.py")
    ran = subprocess.run([python, script, name.removeprefix("keras/"), stem], capture_output=True, text=True)
    if ran.returncode != 0:
        said = ran.stderr.strip().splitlines() or [f"exit code {ran.returncode}"]
        yield "tf2onnx", NotExported(said[-1]), None, None
        return
    told = json.loads(ran.stdout.splitlines()[-1])
    sample = numpy.random.default_rng(1).standard_normal(told["sizes"]).astype("float32")
    yield "tf2onnx", pathlib.Path(f"{stem}.tf2onnx.onnx"), sample, told["parameters"]
    if sample.ndim == 4:
        first = numpy.ascontiguousarray(sample.transpose(0, 3, 1, 2))
        yield "tf2onnx, channels first", pathlib.Path(f"{stem}.tf2onnx-nchw.onnx"), first, told["parameters"]


def of_scikit_learn(name, folder):
    """The file of a pipeline by skl2onnx."""
    import skl2onnx
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.neural_network import MLPClassifier, MLPRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    random = numpy.random.default_rng(0)
    x = random.standard_normal((64, 12)).astype("float32") * 3 + 1
    y = (x[:, 0] > 1).astype(int) + (x[:, 1] > 1)
    layers = {"hidden_layer_sizes": (16, 8), "max_iter": 20, "random_state": 0}
    made = {
        "MLPRegressor": lambda: MLPRegressor(**layers).fit(x, x[:, 0]),
        "scaled MLPClassifier": lambda: make_pipeline(StandardScaler(), MLPClassifier(**layers)).fit(x, y),
        "LogisticRegression": lambda: LogisticRegression(max_iter=20).fit(x, y),
        "RandomForestClassifier": lambda: RandomForestClassifier(4, random_state=0).fit(x, y),
    }[name.removeprefix("sklearn/")]()
    types = [("x", skl2onnx.common.data_types.FloatTensorType([None, 12]))]
    path = folder / f"{name.replace('/', '_').replace(' ', '_')}.onnx"
    path.write_bytes(skl2onnx.convert_sklearn(made, initial_types=types).SerializeToString())
    yield "skl2onnx", path, x[:1], None


def exported(name, folder, keras):
    """The files of a model: for each the exporter, the path or what the exporter says, a sample, and the parameters."""
    if name.startswith("sklearn/"):
        return of_scikit_learn(name, folder)
    return of_keras(name, folder, keras) if name.startswith("keras/") else of_pytorch(name, folder)

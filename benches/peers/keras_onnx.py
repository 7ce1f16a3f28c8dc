#!/usr/bin/env python3
"""Writes a model of Keras with random weights as ONNX, in an environment with `tensorflow-cpu` and `tf2onnx`.

    keras_onnx.py NAME STEM

`STEM.tf2onnx.onnx` takes images as Keras has them, channels last; `STEM.tf2onnx-nchw.onnx` takes channels first. Printed, as
JSON, are the trainable parameters and the sizes of the input. `import_onnx.py` runs it.
"""
import json
import os
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import numpy
import tensorflow
import tf2onnx

keras = tensorflow.keras


def multilayer():
    layers = keras.layers
    x = given = keras.Input((64,))
    for layer in [layers.Dense(48, "relu"), layers.BatchNormalization(), layers.Dense(32, "swish"), layers.Dense(10)]:
        x = layer(x)
    return keras.Model(given, x)


def main():
    name, stem = sys.argv[1:]
    keras.utils.set_random_seed(0)
    random = numpy.random.default_rng(0)
    model = multilayer() if name == "MLP" else getattr(keras.applications, name)(weights=None)
    # Biases, norms and their statistics begin as zeros and ones.
    for weight in model.weights:
        if numpy.issubdtype(weight.numpy().dtype, numpy.floating) and numpy.ptp(weight.numpy()) == 0:
            middle, reach = (0.0, 0.1) if not weight.numpy().any() else (1.0, 0.25)
            weight.assign(random.uniform(middle - reach, middle + reach, weight.shape))
    # With statistics that are not those of what comes, a deep network fades to the same output whatever it is given.
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.0
    model(random.standard_normal((8, *model.input_shape[1:])).astype("float32"), training=True)
    sizes = [1, *model.input_shape[1:]]
    signature = [tensorflow.TensorSpec(sizes, tensorflow.float32, name="x")]
    for suffix, first in [("tf2onnx", None), ("tf2onnx-nchw", ["x"])][: 2 if len(sizes) == 4 else 1]:
        tf2onnx.convert.from_keras(
            model, input_signature=signature, opset=17, output_path=f"{stem}.{suffix}.onnx", inputs_as_nchw=first
        )
    print(json.dumps({"parameters": sum(weight.numpy().size for weight in model.trainable_weights), "sizes": sizes}))


if __name__ == "__main__":
    main()

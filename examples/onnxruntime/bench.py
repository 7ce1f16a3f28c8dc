"""Times an ONNX model in ONNX Runtime on one thread: a command for `pocketnas latency profile`.

pocketnas latency profile SPACE --runner host --out TABLE.yaml --runtime "ONNX Runtime 1.32" \
  --model-runner "python3 $PWD/examples/onnxruntime/bench.py {model} {warmup} {runs} {threads}"

Needs `pip install onnxruntime`. Prints one line for each run, as the profiler reads it.
"""

import sys
import time

import numpy
import onnxruntime

model, warm_up, runs, threads = sys.argv[1], *map(int, sys.argv[2:5])
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = threads
options.inter_op_num_threads = 1
session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
random = numpy.random.default_rng(0)
# The batch is left open in the models; one image is what phones see.
inputs = {
    put.name: random.standard_normal([1, *put.shape[1:]]).astype(numpy.float32) for put in session.get_inputs()
}
for _ in range(warm_up):
    session.run(None, inputs)
for _ in range(runs):
    # Short models run several times in one timing, so that reading the clock does not count.
    repeats, began = 0, time.perf_counter()
    while repeats == 0 or time.perf_counter() - began < 0.5e-3:
        session.run(None, inputs)
        repeats += 1
    print(f"{(time.perf_counter() - began) / repeats * 1e3:.6f} ms")

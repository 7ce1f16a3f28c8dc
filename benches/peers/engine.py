#!/usr/bin/env python3
"""Times the networks of `benches/networks.rs` in PyTorch on the CPU: forward and backward, median and least of several
runs, in both memory layouts, on one thread and on two.

Needs torch (pip install torch). Usage: engine.py [--threads 1 2] [--runs 7] [--only PART]
Weights are PyTorch's own; times do not depend on them. Gradients of the inputs are not computed, as in the bench.
"""
import argparse, os, resource, statistics, time
import torch, torch.nn as nn, torch.nn.functional as F

CELLS = {
    "nb201 3x3": "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|nor_conv_3x3~0|nor_conv_3x3~1|nor_conv_3x3~2|",
    "nb201 best": "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|nor_conv_3x3~2|",
    "nb201 mixed": "|nor_conv_1x1~0|+|skip_connect~0|nor_conv_3x3~1|+|avg_pool_3x3~0|nor_conv_1x1~1|nor_conv_3x3~2|",
    "nb201 pool": "|avg_pool_3x3~0|+|avg_pool_3x3~0|nor_conv_1x1~1|+|skip_connect~0|avg_pool_3x3~1|nor_conv_3x3~2|",
    "nb201 1x1": "|nor_conv_1x1~0|+|nor_conv_1x1~0|nor_conv_1x1~1|+|nor_conv_1x1~0|nor_conv_1x1~1|nor_conv_1x1~2|",
}


def relu_conv_bn(inputs, outputs, kernel, stride=1):
    conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)
    return nn.Sequential(nn.ReLU(), conv, nn.BatchNorm2d(outputs))


class Cell(nn.Module):
    def __init__(self, text, c):
        super().__init__()
        make = {
            "skip_connect": nn.Identity,
            "nor_conv_1x1": lambda: relu_conv_bn(c, c, 1),
            "nor_conv_3x3": lambda: relu_conv_bn(c, c, 3),
            "avg_pool_3x3": lambda: nn.AvgPool2d(3, 1, 1, count_include_pad=False),
        }
        rows = [[edge.split("~") for edge in part.strip("|").split("|")] for part in text.split("+")]
        self.rows = nn.ModuleList(nn.ModuleList(make[op]() for op, _ in row) for row in rows)

    def forward(self, x):
        values = [x]
        for row in self.rows:
            total = row[0](values[0])
            for source, op in enumerate(row[1:], 1):
                total = total + op(values[source])
            values.append(total)
        return values[-1]


class Reduction(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.a, self.b = relu_conv_bn(inputs, outputs, 3, 2), relu_conv_bn(outputs, outputs, 3)
        self.shortcut = nn.Sequential(nn.AvgPool2d(2, 2), nn.Conv2d(inputs, outputs, 1, bias=False))

    def forward(self, x):
        return self.b(self.a(x)) + self.shortcut(x)


def nas_bench_201(text):
    c = 16
    layers = [nn.Conv2d(3, c, 3, 1, 1, bias=False), nn.BatchNorm2d(c)]
    for stage in range(3):
        if stage:
            layers.append(Reduction(c, 2 * c))
            c *= 2
        layers += [Cell(text, c) for _ in range(5)]
    return nn.Sequential(*layers, nn.BatchNorm2d(c), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(c, 10))


def conv_bn(inputs, outputs, kernel, stride=1, groups=1, act=True):
    conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False)
    return [conv, nn.BatchNorm2d(outputs)] + ([nn.ReLU6(inplace=True)] if act else [])


class Bottleneck(nn.Module):
    def __init__(self, inputs, outputs, expand, kernel, stride):
        super().__init__()
        hidden = expand * inputs
        layers = conv_bn(inputs, hidden, 1) if expand > 1 else []
        layers += conv_bn(hidden, hidden, kernel, stride, hidden) + conv_bn(hidden, outputs, 1, act=False)
        self.body, self.adds = nn.Sequential(*layers), stride == 1 and inputs == outputs

    def forward(self, x):
        return x + self.body(x) if self.adds else self.body(x)


def mobilenet():
    layers, c, count = conv_bn(3, 32, 3, 2), 32, 0
    for expand, width, repeats, stride in [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1),
                                           (6, 160, 3, 2), (6, 320, 1, 1)]:
        for repeat in range(repeats):
            layers.append(Bottleneck(c, width, expand, 5 if count % 2 else 3, 1 if repeat else stride))
            c, count = width, count + 1
    layers += conv_bn(c, 1280, 1)
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(1280, 1000))


class Layer(nn.Module):
    def __init__(self, width=256, heads=4):
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.q, self.k, self.v, self.out = (nn.Linear(width, width) for _ in range(4))
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x):
        n = self.norm1(x)
        q, k, v = (f(n).unflatten(-1, (self.heads, -1)).transpose(1, 2) for f in (self.q, self.k, self.v))
        x = x + self.out(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))
        return x + self.down(F.gelu(self.up(self.norm2(x))))


class Transformer(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(256, 256), *[Layer() for _ in range(4)], nn.LayerNorm(256))
        self.head = nn.Linear(256, 10)

    def forward(self, x):
        return self.head(self.body(x).mean(1))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    cases = [(name, 64, lambda text=text: nas_bench_201(text), (3, 32, 32)) for name, text in CELLS.items()]
    cases += [("mobilenet", 32, mobilenet, (3, 96, 96)), ("transformer", 16, Transformer, (128, 256))]
    print(f"PyTorch {torch.__version__}, load average {os.getloadavg()[0]:.2f}")
    print(f"{'':<24} {'threads':>8} {'layout':>14} {'ms':>9} {'least':>9} {'peak MiB so far':>16}")
    for name, batch, make, shape in cases:
        if options.only not in name:
            continue
        for threads in options.threads:
            torch.set_num_threads(threads)
            for layout in ["contiguous", "channels_last"] if len(shape) == 3 else ["contiguous"]:
                form = getattr(torch, f"{layout}_format", torch.channels_last)
                net, x = make(), torch.randn(batch, *shape)
                if layout == "channels_last":
                    net, x = net.to(memory_format=form), x.contiguous(memory_format=form)
                seed, times = torch.randn_like(net(x)), []
                for _ in range(options.runs):
                    net.zero_grad(set_to_none=True)
                    start = time.perf_counter()
                    net(x).backward(seed)
                    times.append(1e3 * (time.perf_counter() - start))
                peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
                print(f"{name:<24} {threads:>8} {layout:>14} {statistics.median(times):>9.1f} {min(times):>9.1f} {peak:>16.0f}",
                      flush=True)


if __name__ == "__main__":
    main()

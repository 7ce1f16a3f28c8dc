"""An objective of one's own: the most memory that activations take at once, as int8, while a network runs.

pocketnas starts this program, writes one request a line to it, and reads one answer a line. Nothing but Python is needed.
"""
import json
import sys
from math import prod

FREE = {"batch_norm", "activation", "identity", "flatten"}  # fused, or a view of the input


def peak(network):
    nodes = network["nodes"]
    last = {}  # the step that reads a tensor last
    alias = {}
    for step, node in enumerate(nodes):
        for name in node["inputs"]:
            last[alias.get(name, name)] = step
        if node["op"] in FREE:
            alias[node["name"]] = alias.get(node["inputs"][0], node["inputs"][0])
    for name in network["outputs"]:
        last[alias.get(name, name)] = len(nodes)
    size, live, most = {}, 0, 0
    for step, node in enumerate(nodes):
        if node["name"] not in alias:
            size[node["name"]] = prod(node["shape"])
            live += size[node["name"]]
        most = max(most, live)
        for name in [n for n in size if last.get(n, step) <= step]:
            live -= size.pop(name)
    return most


for line in sys.stdin:
    request = json.loads(line)
    try:
        answer = {"value": peak(request["architecture"]["network"])}
    except Exception as error:  # told to pocketnas, which goes on with the next architecture
        answer = {"error": repr(error)}
    print(json.dumps({"attempt": request["attempt"], **answer}), flush=True)

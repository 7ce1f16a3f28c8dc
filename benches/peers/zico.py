#!/usr/bin/env python3
"""Times ZiCo-BC on one sample of NAS-Bench-201 cells: pocketnas beside any other program, in one run.

    zico.py --archs cells.csv [--limit 64] [--sample-seed 7] [--live-only] [--rounds 3] [--threads 2] -- COMMAND ...

`cells.csv` has a column `arch_str`. The sample is written to a file whose path replaces `{archs}` in COMMAND, a program
that scores every cell of it with two batches of 64 (a PyTorch implementation of ZiCo, say) and exits. Both are run in
turn, as often as `--rounds` says; printed are the median seconds, architectures per second and the largest resident
memory of each, and the ratios. pocketnas is taken from target/release: build it first.
"""
import argparse, csv, json, os, random, resource, statistics, subprocess, sys, tempfile, time

EDGES = [(0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3)]


def live(cell):
    """Whether every edge of the cell that is not `none` lies on a way from its input to its output."""
    ops = [part.split("~")[0] for node in cell.split("+") for part in node.strip("|").split("|")]
    edges = [edge for edge, op in zip(EDGES, ops) if op != "none"]
    reached, reaching = {0}, {3}
    for _ in range(3):
        reached |= {to for start, to in edges if start in reached}
        reaching |= {start for start, to in edges if to in reaching}
    return bool(edges) and all(start in reached and to in reaching for start, to in edges)


def run(command):
    """Seconds and peak memory (MiB) of a command, its children included."""
    pid_usage = tempfile.NamedTemporaryFile("r", suffix=".json", delete=False)
    code = (
        "import json, resource, subprocess, sys, time\n"
        "start = time.perf_counter()\n"
        "done = subprocess.run(sys.argv[2:], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)\n"
        "seconds = time.perf_counter() - start\n"
        "peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024\n"
        "json.dump([done.returncode, seconds, peak, done.stderr[-500:]], open(sys.argv[1], 'w'))\n"
    )
    subprocess.run([sys.executable, "-c", code, pid_usage.name, *command], check=True)
    status, seconds, peak, errors = json.load(pid_usage)
    os.unlink(pid_usage.name)
    if status != 0:
        sys.exit(f"{command[0]} failed: {errors}")
    return seconds, peak


def main():
    arguments = sys.argv[1:]
    cut = arguments.index("--") if "--" in arguments else len(arguments)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--archs", required=True)
    parser.add_argument("--limit", type=int, default=64)
    parser.add_argument("--sample-seed", type=int, default=7)
    parser.add_argument("--live-only", action="store_true")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args(arguments[:cut])
    with open(options.archs) as file:
        cells = [row["arch_str"] for row in csv.DictReader(file)]
    if options.live_only:
        cells = [cell for cell in cells if live(cell)]
    random.Random(options.sample_seed).shuffle(cells)
    cells = cells[: options.limit]
    sample = tempfile.NamedTemporaryFile("w", suffix=".csv", delete=False)
    with sample:
        # The audit wants something to hold scores against; nothing is made of it here.
        sample.write("arch_str,number\n" + "".join(f"{cell},{number}\n" for number, cell in enumerate(cells)))
    binary = os.path.join(os.path.dirname(__file__), "../../target/release/pocketnas")
    ours = [binary, "audit", "proxies", "--space", "nas-bench-201", "--truth", sample.name, "--id-column", "arch_str",
            "--truth-column", "number", "--proxy", "zico_bc", "--resamples", "0", "--json"]
    os.environ["RAYON_NUM_THREADS"] = str(options.threads)
    contenders = {"pocketnas": ours}
    if arguments[cut + 1:]:
        contenders["other"] = [word.replace("{archs}", sample.name) for word in arguments[cut + 1:]]
    results = {name: [] for name in contenders}
    for _ in range(options.rounds):
        for name, command in contenders.items():
            results[name].append(run(command))
    os.unlink(sample.name)
    told = {}
    for name, rounds in results.items():
        seconds = statistics.median(seconds for seconds, _ in rounds)
        peak = max(peak for _, peak in rounds)
        told[name] = {"seconds": round(seconds, 2), "architectures_per_second": round(len(cells) / seconds, 3),
                      "peak_rss_mib": round(peak, 1), "all_seconds": [round(s, 2) for s, _ in rounds]}
    if "other" in told:
        told["speed_ratio"] = round(told["other"]["seconds"] / told["pocketnas"]["seconds"], 2)
        told["memory_ratio"] = round(told["pocketnas"]["peak_rss_mib"] / told["other"]["peak_rss_mib"], 2)
    print(json.dumps({"cells": len(cells), "threads": options.threads, "load": os.getloadavg()[0], **told}, indent=1))


if __name__ == "__main__":
    main()

"""What README.md says beside the audit's own figures, from the files that audits write with --out.

    python3 parts.py beta DIR                 ZiCo and other betas, from the parts of ZiCo-BC (all networks)
    python3 parts.py agreement DIR PUBLISHED  our scores beside NASLib's on the cells that both have

DIR holds scores.jsonl and audit.csv; PUBLISHED is NASLib's CSV of scores. Spearman's rho, ties at their mean rank.
"""

import csv
import json
import sys

NASLIB = {"nwot": "naswot"}


def ranks(values):
    order = sorted(range(len(values)), key=values.__getitem__)
    ranked, start = [0.0] * len(values), 0
    while start < len(order):
        end = start
        while end + 1 < len(order) and values[order[end + 1]] == values[order[start]]:
            end += 1
        for at in range(start, end + 1):
            ranked[order[at]] = (start + end) / 2
        start = end + 1
    return ranked


def spearman(a, b):
    a, b = ranks(a), ranks(b)
    mean = (len(a) - 1) / 2
    covariance = sum((x - mean) * (y - mean) for x, y in zip(a, b))
    return covariance / (sum((x - mean) ** 2 for x in a) * sum((y - mean) ** 2 for y in b)) ** 0.5


def rows(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def beta(folder):
    parts = {}
    with open(f"{folder}/scores.jsonl") as lines:
        for score in map(json.loads, lines):
            if score["proxy"] == "zico_bc":
                details = score["details"]
                parts[score["value"]] = (details.get("zico", 0.0), details.get("penalty", 0.0))
    table = rows(f"{folder}/audit.csv")
    truth = [float(row["truth"]) for row in table]
    of_rows = [parts[float(row["zico_bc"])] for row in table]
    for weight in (0, 1, 2):
        print(f"beta {weight}: {spearman([zico - weight * penalty for zico, penalty in of_rows], truth):.3f}")


def agreement(folder, published):
    theirs = {row["arch_str"]: row for row in rows(published)}
    table = rows(f"{folder}/audit.csv")
    for column in next(iter(theirs.values())):
        ours = NASLIB.get(column, column)
        if ours not in table[0]:
            continue
        both = [row for row in table if row[ours] and theirs.get(row["architecture"], {}).get(column)]
        a = [float(row[ours]) for row in both]
        b = [float(theirs[row["architecture"]][column]) for row in both]
        truth = [float(row["truth"]) for row in both]
        print(f"{ours}: {len(both)} cells, rho between the two {spearman(a, b):.3f}, "
              f"with accuracy {spearman(a, truth):.2f} ours, {spearman(b, truth):.2f} theirs")


if __name__ == "__main__":
    if len(sys.argv) == 3 and sys.argv[1] == "beta":
        beta(sys.argv[2])
    elif len(sys.argv) == 4 and sys.argv[1] == "agreement":
        agreement(sys.argv[2], sys.argv[3])
    else:
        sys.exit(__doc__)

"""The Markdown of `import_onnx.py`: a summary, the table, and below it what the program says of single models."""
import dataclasses
import re
import textwrap

WIDTH = 128
HEAD = """# Importing models that others exported

What `pocketnas import` makes of ONNX files by independent exporters, held against ONNX Runtime: written by

    benches/peers/import_onnx.py --keras PYTHON --report reports/gallery/import/README.md
"""
ABOUT = """
*Difference* is the largest over all outputs, as a share of the largest value of that output, for one random sample, batch norms
apart or folded, whichever is worse. *Given* is the parameters that are trained, as the model's own library counts them.
Exporters fold batch norms, so files have fewer; an affine step that belongs to no layer, such as a scale for each channel, is
held as a batch norm, a kernel that pads one side more than the other as a larger one, and part of a layer's outputs as a
smaller layer, so counts may differ where outputs do not. *Space* counts the architectures of the derived search space.
*Seconds* are those of one import that writes architecture and space, whatever else the machine did. Rows of `pocketnas` are
what was imported from the first good file above them, written by our own exporter, and imported again.
"""


@dataclasses.dataclass
class Row:
    """What came of one file."""

    model: str
    exporter: str
    state: str = "ok"
    given: int | None = None
    parameters: int | None = None
    difference: float | None = None
    space: int | None = None
    seconds: float | None = None
    # Why it is not `ok`, in the words of whoever says so.
    words: str = ""
    # Why no space is made of it.
    spaceless: str = ""
    notes: list[str] = dataclasses.field(default_factory=list)

    def who(self):
        return f"{self.model} by {self.exporter}"


@dataclasses.dataclass
class Refusal:
    """The program's words about operators that it does not import, taken apart."""

    head: str
    operators: int
    of: int
    items: list[tuple[str, str]]
    end: str

    @classmethod
    def parse(cls, words):
        """None where the words are about something else."""
        head = re.match(r"\S+ (\d+) of (\d+) operators cannot be imported:", words)
        if not head:
            return None
        starts = [r"`[^`]+` \([^()]+\): ", r"and \d+ more (?:what|nothing)", r"(?:what comes|nothing) before them"]
        parts = [part.strip() for part in re.split(f" (?={'|'.join(starts)})", words[head.end():]) if part.strip()]
        items = [(re.search(r"\(([^()]+)\): ", part)[1], part) for part in parts if part.startswith("`")]
        ends = [part for part in parts if part.startswith(("what comes", "nothing before"))]
        return cls(head[0], int(head[1]), int(head[2]), items, " ".join(ends))

    def first_of_each_kind(self):
        """Operators that are refused for the same reason, but for names and sizes, are one kind."""
        return list({(op, alike(text)): text for op, text in reversed(self.items)}.values())[::-1]

    def kind(self):
        return frozenset((op, alike(text)) for op, text in self.items)

    def shown(self):
        items = self.first_of_each_kind()
        left = self.operators - len(items)
        lines = [wrapped(self.head), *(wrapped(item, "  ") for item in items)]
        return "\n".join(lines + [f"  and {left} more"] * (left > 0) + [wrapped(self.end)])


def alike(text):
    """A text without what differs between two of a kind: names and numbers."""
    return re.sub(r"\d+", "#", re.sub(r"`[^`]*`", "``", text))


def wrapped(text, indent="", more=None):
    return textwrap.fill(
        text, WIDTH, initial_indent=indent, subsequent_indent=f"{indent}  " if more is None else more,
        break_long_words=False, break_on_hyphens=False,
    )


def short(count):
    """A large number by its magnitude."""
    text = str(count)
    return text if len(text) < 8 else f"{text[0]}.{text[1]}·10^{len(text) - 1}"


def state(row):
    refusal = Refusal.parse(row.words)
    if row.state != "refused" or not refusal or not refusal.items:
        return row.state
    return f"refused: {refusal.operators} of {refusal.of}, first {refusal.items[0][0]}"


def cells(row):
    known = lambda value, shown: "" if value is None else shown(value)
    return [
        row.model, row.exporter, state(row), known(row.difference, "{:.1e}".format), known(row.parameters, str),
        known(row.given, str), known(row.space, short), known(row.seconds, "{:.1f}".format),
    ]


def table(rows):
    heads = ["model", "exporter", "state", "difference", "parameters", "given", "space", "seconds"]
    lines = [heads, *(cells(row) for row in rows)]
    widths = [max(len(line[at]) for line in lines) for at in range(len(heads))]
    left = 3
    sides = [str.ljust] * left + [str.rjust] * (len(heads) - left)
    pad = lambda line: [side(text, width) for side, text, width in zip(sides, line, widths)]
    rule = ["-" * width if at < left else "-" * (width - 1) + ":" for at, width in enumerate(widths)]
    return "".join("| " + " | ".join(line) + " |\n" for line in [pad(heads), rule, *map(pad, lines[1:])])


def whose(rows):
    """Names rows: the exporters of a model together."""
    models = {}
    for row in rows:
        models.setdefault(row.model, []).append(row.exporter)
    return "; ".join(f"{model} by {' and '.join(exporters)}" for model, exporters in models.items())


def grouped(pairs):
    """Rows by key, in the order in which the keys first come."""
    groups = {}
    for key, row in pairs:
        groups.setdefault(key, []).append(row)
    return groups.values()


def summary(rows, planned):
    states = {}
    for row in rows:
        states.setdefault(row.state, []).append(row)
    count = lambda name: len(states.get(name, []))
    good = states.get("ok", [])
    said = f"{len({row.model for row in rows})} models, {len(rows)} files: "
    said += f"{len(good)} are imported and compute what ONNX Runtime does"
    if good:
        worst = max(good, key=lambda row: row.difference)
        said += f" (largest difference {worst.difference:.1e}, {worst.who()})"
    said += f", {count('refused')} are refused, {count('not exported')} were not written by their exporter."
    bad = [row for row in rows if row.state not in ("ok", "refused", "not exported")]
    said += "".join(f" **{row.who()}: {row.state}.**" for row in bad)
    missing = [name for name in planned if name not in {row.model for row in rows}]
    if missing:
        said += f" Not run: {', '.join(missing)}."
    return wrapped(said, more="")


def section(title, items):
    return f"\n## {title}\n\n" + "\n".join(wrapped(item, "- ", "  ") for item in items) + "\n" if items else ""


def refused(rows):
    text = ""
    parsed = [(Refusal.parse(row.words), row) for row in rows if row.state == "refused"]
    for group in grouped((refusal.kind() if refusal else alike(row.words), (refusal, row)) for refusal, row in parsed):
        refusal, row = group[0]
        block = refusal.shown() if refusal else wrapped(row.words)
        text += f"\n### {whose([row for _, row in group])}\n\n```text\n{block}\n```\n"
    about = (
        "In the words of the program, which lists twelve operators, shortened to the first of each kind; where files are "
        "refused for the same reasons, those of the first."
    )
    return f"\n## Refused\n\n{wrapped(about, more='')}\n{text}" if text else ""


def noted(rows):
    """Notes by kind, with the number of those that say the same of other layers."""
    items = []
    for group in grouped((alike(note), (note, row)) for row in rows for note in row.notes):
        note, _ = group[0]
        of = {row.who(): row for _, row in group}.values()
        more = sum(row is group[0][1] for _, row in group) - 1
        items.append(f"{whose(of)}: {note}" + (f"; the same of {more} more of its layers" if more else ""))
    return items


def plain(rows, text):
    """Each text that rows have, with whose it is."""
    groups = grouped((alike(text(row)), row) for row in rows if text(row))
    return [f"{whose(group)}: {text(group[0])}" for group in groups]


def report(rows, versions, planned):
    bad = [row for row in rows if row.state not in ("ok", "refused", "not exported")]
    return "".join([
        HEAD, "\n", wrapped(f"with {versions}.", more=""), "\n\n", summary(rows, planned), "\n", ABOUT, "\n", table(rows),
        section("Failed", plain(bad, lambda row: row.words)),
        refused(rows),
        section("Not exported", plain([row for row in rows if row.state == "not exported"], lambda row: row.words)),
        section("Without a space", plain(rows, lambda row: row.spaceless)),
        section("Notes", noted(rows)),
    ])

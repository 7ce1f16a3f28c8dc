//! What a search config may contain.

use super::program;
use crate::latency::LEAST_CONFIDENCE;
use crate::yaml::{Field, Kind, Schema};

static TEXT: Kind = Kind::Text;

static LABEL: Field = Field {
    name: "label",
    kind: &TEXT,
    required: false,
    doc: "what axes and tables call it; made from its kind by default",
};

static LATENCY: &[Field] = &[
    Field {
        name: "table",
        kind: &TEXT,
        required: true,
        doc: "the latency table: a shipped one by name, or a path (relative to this file, then to the current folder); lower is better",
    },
    Field {
        name: "confidence",
        kind: &Kind::Number { min: LEAST_CONFIDENCE, max: 1.0 },
        required: false,
        doc: "the share of networks, such as 0.95, that an upper bound on the latency is to hold for: values and limits are then bounds, and the mean is listed beside them under the name with `_mean`; without it they are means",
    },
    LABEL,
];

static SCORE: &[Field] = &[
    Field {
        name: "proxy",
        kind: &TEXT,
        required: true,
        doc: "the zero-shot score: a shipped proxy by name, or the path of a proxy file; higher is better",
    },
    Field {
        name: "stand_in",
        kind: &TEXT,
        required: false,
        doc: "for a proxy that runs networks: an objective or quantity that adds up, whose exact front is where the search starts; zico and zico_bc have s0 and s0_bc by themselves",
    },
    LABEL,
];

static COUNT: &[Field] = &[
    Field {
        name: "count",
        kind: &Kind::Word(&["params", "macs", "activations"]),
        required: true,
        doc: "parameters, multiply-adds, or bytes of activations; lower is better",
    },
    LABEL,
];

static PROGRAM: &[Field] = &{
    let [command, better, unit, timeout, retries, stand_in] = program::FIELDS;
    [command, better, unit, timeout, retries, stand_in, LABEL]
};

static OBJECTIVE: Kind = Kind::Tagged(&[("table", LATENCY), ("proxy", SCORE), ("count", COUNT), ("command", PROGRAM)]);

static STRATEGY: &[Field] = &[
    Field {
        name: "kind",
        kind: &Kind::Word(&["exact", "nsga2", "nsga3", "aging", "local", "random"]),
        required: true,
        doc: "exact (the default where everything adds up along a path), nsga2 (the default elsewhere), nsga3 (for four objectives and more), aging evolution, Pareto local search, or random",
    },
    Field {
        name: "population",
        kind: &Kind::Int { min: 2, max: 100_000 },
        required: false,
        doc: "candidates that breed, 50 by default",
    },
    Field {
        name: "steady_state",
        kind: &Kind::Bool,
        required: false,
        doc: "nsga2: replace one candidate at a time, so that no evaluation waits for the slowest of its generation; true by default, false for generations",
    },
    Field {
        name: "window",
        kind: &Kind::Int { min: 1, max: 100_000 },
        required: false,
        doc: "candidates in flight at once, 16 by default; the result depends on it, and not on the number of threads",
    },
    Field {
        name: "fidelities",
        kind: &Kind::List(&Kind::Number { min: 0.0, max: 1.0 }, 1),
        required: false,
        doc: "successive halving: evaluate at each of these shares of the full effort in turn, and go on with the best; ends in 1",
    },
    Field {
        name: "eta",
        kind: &Kind::Number { min: 1.1, max: 100.0 },
        required: false,
        doc: "successive halving: one in so many goes on to the next fidelity, 3 by default",
    },
];

/// The keys of a search config.
pub static SCHEMA: Schema = Schema {
    name: "search",
    doc: "A search config: which space, what is optimised, within which limits.",
    fields: &[
        Field { name: "search", kind: &TEXT, required: true, doc: "its name; results go to reports/<name> by default" },
        Field {
            name: "version",
            kind: &Kind::Int { min: 1, max: 1 },
            required: true,
            doc: "the version of this file format, 1",
        },
        Field { name: "about", kind: &TEXT, required: false, doc: "what the search is for, in a few sentences" },
        Field {
            name: "space",
            kind: &TEXT,
            required: true,
            doc: "a shipped space by name, or a path (relative to this file, then to the current folder)",
        },
        Field {
            name: "objectives",
            kind: &Kind::Dictionary(&OBJECTIVE),
            required: true,
            doc: "what is optimised: a name of your choice for each, and its kind by the key below it",
        },
        Field {
            name: "quantities",
            kind: &Kind::Dictionary(&OBJECTIVE),
            required: false,
            doc: "what is shown and may be limited, but is not optimised; written like objectives",
        },
        Field {
            name: "limits",
            kind: &Kind::List(&TEXT, 0),
            required: false,
            doc: "hard limits such as `latency <= 40 ms` on objectives, quantities, params, macs or activations",
        },
        Field {
            name: "data",
            kind: &TEXT,
            required: false,
            doc: "what proxies that run networks run them on: `noise` (the default), `ones`, or a path of IDX files, CIFAR binaries or a folder of images",
        },
        Field {
            name: "seed",
            kind: &Kind::Int { min: 0, max: i64::MAX },
            required: false,
            doc: "seed of every random draw, 0 by default",
        },
        Field {
            name: "sample",
            kind: &Kind::Int { min: 0, max: 100_000 },
            required: false,
            doc: "random architectures drawn behind the front, 1000 by default",
        },
        Field {
            name: "baselines",
            kind: &Kind::Bool,
            required: false,
            doc: "whether known networks are shown beside the front, true by default",
        },
        Field {
            name: "epsilon",
            kind: &Kind::Number { min: 0.0, max: 0.5 },
            required: false,
            doc: "0 (the default) for the whole exact front; otherwise how far, as a share of each objective's range, the front may be from it",
        },
        Field {
            name: "strategy",
            kind: &Kind::Map(STRATEGY),
            required: false,
            doc: "how the space is searched; decided by the objectives if absent",
        },
        Field {
            name: "evaluations",
            kind: &Kind::Int { min: 1, max: 1_000_000_000 },
            required: false,
            doc: "how many networks a search that is not exact evaluates, 1000 by default; `search --extend` may change it",
        },
        Field {
            name: "workers",
            kind: &Kind::Int { min: 1, max: 1024 },
            required: false,
            doc: "how many evaluations run at once, one for each core by default; `search --extend` may change it",
        },
        Field {
            name: "executor",
            kind: &Kind::Word(&["threads", "processes"]),
            required: false,
            doc: "where scores run: in threads of this program (the default), or in `pocketnas worker` processes, which a crash does not reach",
        },
        Field {
            name: "architectures",
            kind: &Kind::Int { min: 1, max: 100_000 },
            required: false,
            doc: "how many members of the front get an architecture file at most, 50 by default",
        },
    ],
};

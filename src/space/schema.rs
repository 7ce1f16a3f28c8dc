//! What a space file may contain, key by key.

use crate::yaml::{Field, Kind, Schema};

const fn field(name: &'static str, kind: &'static Kind, required: bool, doc: &'static str) -> Field {
    Field { name, kind, required, doc }
}

const SCALAR: Kind = Kind::Choosable(&Kind::Scalar);
const SIZE: Kind = Kind::Choosable(&Kind::Int { min: 1, max: 1 << 20 });
const COUNT: Kind = Kind::Choosable(&Kind::Int { min: 0, max: 1 << 20 });
const EPSILON: Kind = Kind::Choosable(&Kind::Number { min: 1e-12, max: 1.0 });
const TRUTH: Kind = Kind::Choosable(&Kind::Bool);
const ROTARY: Kind = Kind::Choosable(&Kind::Either(&[&Kind::Bool, &Kind::Int { min: 2, max: 1 << 30 }]));
const CONDITION: Kind = Kind::Either(&[&Kind::Text, &Kind::Bool]);
const COMBINE: Kind = Kind::Word(&["add", "multiply", "concat"]);
const ITEMS: Kind = Kind::List(&Kind::Recursive("item", item), 0);

const FROM: Kind = Kind::Either(&[&Kind::Text, &Kind::List(&Kind::Text, 1)]);

/// Keys that every item may have.
macro_rules! item_fields {
    ($($own:expr),* $(,)?) => {
        &[
            $($own,)*
            field("name", &Kind::Text, false, "name of the item; decisions and nodes are named after it"),
            field("when", &CONDITION, false, "the item is present only where this expression holds"),
            field("repeat", &Kind::Choosable(&Kind::Int { min: 0, max: 1000 }), false, "how often it stands in a row"),
            field("from", &FROM, false, "the earlier item whose output it takes, the one before it if absent; `in` is the block's input; a cell takes one for each of its inputs"),
        ]
    };
}

const OP_WORDS: &[&str] = &[
    "conv",
    "depthwise_conv",
    "linear",
    "batch_norm",
    "layer_norm",
    "rms_norm",
    "softmax",
    "relu",
    "relu6",
    "hswish",
    "swish",
    "gelu",
    "sigmoid",
    "hsigmoid",
    "max_pool",
    "avg_pool",
    "global_avg_pool",
    "squeeze_excite",
    "upsample",
    "pixel_shuffle",
    "flatten",
    "reshape",
    "to_tokens",
    "to_map",
    "embedding",
    "position_embedding",
    "prepend_tokens",
    "slice",
    "channel_shuffle",
    "attention",
    "identity",
    "zero",
];

const OP: &[Field] = item_fields![
    field("op", &Kind::Word(OP_WORDS), true, "the operator"),
    field("channels", &SIZE, false, "output channels"),
    field("kernel", &SIZE, false, "side of the square window"),
    field("stride", &SIZE, false, "stride, 1 if absent"),
    field("padding", &COUNT, false, "padding at each side; keeps the size at stride 1 if absent"),
    field("epsilon", &EPSILON, false, "what a layer norm or an RMS norm adds to a variance, 1e-5 if absent"),
    field("dilation", &SIZE, false, "dilation, 1 if absent"),
    field("groups", &SIZE, false, "groups of a convolution, 1 if absent, or of channel_shuffle"),
    field("bias", &TRUTH, false, "whether a bias is added; by default only where no norm follows"),
    field(
        "norm",
        &Kind::Choosable(&Kind::Word(&["batch", "layer", "none"])),
        false,
        "normalisation after it, batch if absent; layer runs over the channels of each position"
    ),
    field(
        "act",
        &Kind::Choosable(&Kind::Word(&["none", "relu", "relu6", "hswish", "swish", "gelu", "sigmoid", "hsigmoid"])),
        false,
        "activation after it, none if absent (squeeze_excite: between its two layers, relu if absent)"
    ),
    field("features", &SIZE, false, "output features of a linear layer or an embedding"),
    field("ceil", &TRUTH, false, "whether pooling keeps a last partial window"),
    field(
        "count_include_pad",
        &TRUTH,
        false,
        "whether padding counts as zeros in the means of avg_pool, as it does in PyTorch unless told otherwise; false if absent"
    ),
    field("hidden", &SIZE, false, "channels between the two layers of squeeze_excite"),
    field(
        "gate",
        &Kind::Choosable(&Kind::Word(&["sigmoid", "hsigmoid"])),
        false,
        "gate of squeeze_excite, hsigmoid if absent"
    ),
    field("scale", &SIZE, false, "factor of upsample and pixel_shuffle"),
    field(
        "mode",
        &Kind::Choosable(&Kind::Word(&["nearest", "bilinear"])),
        false,
        "how upsample fills, nearest if absent"
    ),
    field(
        "shape",
        &Kind::List(&SIZE, 1),
        false,
        "new shape of reshape: [features], [tokens, features] or [channels, height, width]"
    ),
    field(
        "axis",
        &Kind::Choosable(&Kind::Word(&["channels", "tokens"])),
        false,
        "what slice takes some of: channels (features of tokens among them) or tokens"
    ),
    field("start", &COUNT, false, "the first that slice takes, 0 if absent"),
    field("count", &SIZE, false, "how many slice takes, or prepend_tokens puts before the others"),
    field("height", &SIZE, false, "rows of the map that to_map makes"),
    field("vocabulary", &SIZE, false, "rows of an embedding; ids are below it"),
    field("heads", &SIZE, false, "heads of the queries of an attention"),
    field("kv_heads", &SIZE, false, "heads of its keys and values, `heads` if absent"),
    field("width", &SIZE, false, "features of all its query heads together, those that enter if absent"),
    field("causal", &TRUTH, false, "whether a token attends only to itself and to those before it, false if absent"),
    field("rotary", &ROTARY, false, "rotary position embedding of queries and keys: its base, or true for 10000"),
];

const USE: &[Field] = item_fields![
    field("use", &Kind::Text, true, "name of a block"),
    field("with", &Kind::Dictionary(&SCALAR), false, "arguments for the block's parameters"),
];

const CELL_USE: &[Field] = item_fields![
    field("cell", &Kind::Text, true, "name of a cell"),
    field("with", &Kind::Dictionary(&SCALAR), false, "arguments for the cell's parameters"),
];

const BRANCHES: &[Field] = item_fields![
    field("branches", &Kind::List(&ITEMS, 1), true, "parallel branches; an empty one passes its input on"),
    field("combine", &COMBINE, true, "how the branches are joined"),
];

const CHOICE: &[Field] = item_fields![
    field("choice", &Kind::List(&Kind::Recursive("item", item), 1), true, "the items among which is chosen"),
    field(
        "weights",
        &Kind::List(&Kind::Number { min: 0.0, max: f64::INFINITY }, 1),
        false,
        "how often each is sampled"
    ),
    field("default", &Kind::Text, false, "name of the item of the default architecture"),
];

const STAGE: &[Field] = &[
    field("stage", &Kind::Text, true, "name of the stage"),
    field("repeat", &Kind::Choosable(&Kind::Int { min: 0, max: 1000 }), true, "number of blocks in a row"),
    field("block", &Kind::Recursive("item", item), true, "what is repeated"),
    field("channels", &SIZE, false, "passed on to the block's parameter `channels`"),
    field("stride", &SIZE, false, "passed on to the first block's parameter `stride`; the others get 1"),
    field("with", &Kind::Dictionary(&SCALAR), false, "passed on to the block's parameters, drawn once for the stage"),
    field(
        "share",
        &Kind::Either(&[&Kind::List(&Kind::Text, 1), &Kind::Word(&["all"])]),
        false,
        "parameters whose decision is drawn once for the stage, or `all`",
    ),
    field("when", &CONDITION, false, "the stage is present only where this expression holds"),
];

/// An item of the network or of a block's body.
fn item() -> &'static Kind {
    const ITEM: Kind = Kind::Tagged(&[
        ("op", OP),
        ("use", USE),
        ("cell", CELL_USE),
        ("branches", BRANCHES),
        ("stage", STAGE),
        ("choice", CHOICE),
    ]);
    &ITEM
}

const INPUT: Kind = Kind::Tagged(&[
    (
        "channels",
        &[
            field("channels", &Kind::Int { min: 1, max: 1 << 20 }, true, "channels of the input"),
            field("size", &SIZE, true, "height and width of the input"),
            field("width", &SIZE, false, "width where it differs from `size`"),
        ],
    ),
    (
        "tokens",
        &[
            field("tokens", &SIZE, true, "number of tokens that enter"),
            field("features", &Kind::Int { min: 1, max: 1 << 20 }, true, "features of each token"),
        ],
    ),
    ("ids", &[field("ids", &SIZE, true, "length of a sequence of whole numbers, for an embedding")]),
]);

const BLOCK: &[Field] = &[
    field(
        "params",
        &Kind::Dictionary(&Kind::Either(&[&SCALAR, &Kind::Map(&[])])),
        false,
        "parameters and their defaults; `{}` for one that must be given",
    ),
    field("layers", &ITEMS, true, "the body, in order"),
    field(
        "residual",
        &CONDITION,
        false,
        "`auto` adds the block's input where the shapes agree; true, false, or an expression",
    ),
];

const EDGE: &[Field] = &[
    field(
        "between",
        &Kind::Either(&[&Kind::Word(&["all"]), &Kind::List(&Kind::Text, 2)]),
        true,
        "`all` pairs of nodes in order, or [from, to]",
    ),
    field("choice", &Kind::List(&Kind::Recursive("item", item), 1), true, "the items among which is chosen"),
    field(
        "weights",
        &Kind::List(&Kind::Number { min: 0.0, max: f64::INFINITY }, 1),
        false,
        "how often each is sampled",
    ),
    field("default", &Kind::Text, false, "name of the item of the default architecture"),
];

const CELL: &[Field] = &[
    field(
        "params",
        &Kind::Dictionary(&Kind::Either(&[&SCALAR, &Kind::Map(&[])])),
        false,
        "parameters and their defaults; `{}` for one that must be given",
    ),
    field("nodes", &Kind::List(&Kind::Text, 2), true, "names of the nodes; first the inputs, last the output"),
    field(
        "inputs",
        &Kind::List(&ITEMS, 1),
        false,
        "what each input passes first, a list for each; one input if absent",
    ),
    field(
        "take",
        &Kind::Int { min: 1, max: 8 },
        false,
        "how many edges into each node are taken, chosen; all if absent",
    ),
    field(
        "output",
        &COMBINE,
        false,
        "how the nodes behind the inputs are joined to the output; the last alone if absent",
    ),
    field("edges", &Kind::List(&Kind::Map(EDGE), 1), true, "what lies between the nodes"),
    field("combine", &COMBINE, false, "how what arrives at a node is joined, add if absent"),
];

const RULE: &[Field] = &[
    field("when", &Kind::Text, true, "condition under which the rule applies"),
    field("require", &Kind::Text, true, "what must then hold"),
];

/// The description of space files.
pub const SCHEMA: Schema = Schema {
    name: "space",
    doc: "A search space: a complete network in which any value may be a choice.",
    fields: &[
        field("space", &Kind::Text, true, "name of the space"),
        field("version", &Kind::Int { min: 1, max: 1 }, true, "version of the file format, 1"),
        field("about", &Kind::Text, true, "where the space comes from and what is searched"),
        field("input", &INPUT, true, "the network's input"),
        field(
            "decisions",
            &Kind::Dictionary(&SCALAR),
            false,
            "values that any expression may refer to; each drawn once",
        ),
        field("blocks", &Kind::Dictionary(&Kind::Map(BLOCK)), false, "reusable blocks"),
        field("cells", &Kind::Dictionary(&Kind::Map(CELL)), false, "reusable cells"),
        field("network", &Kind::List(&Kind::Recursive("item", item), 1), true, "the network, in order"),
        field("share", &Kind::List(&Kind::Text, 1), false, "blocks and cells drawn once for the whole network"),
        field(
            "constraints",
            &Kind::List(&Kind::Either(&[&Kind::Text, &Kind::Map(RULE)]), 0),
            false,
            "what every architecture has to satisfy",
        ),
        field(
            "format",
            &Kind::Word(&["path", "nas-bench", "sizes"]),
            false,
            "how architectures are written, path if absent",
        ),
        field(
            "boundary",
            &Kind::Word(&["teacher"]),
            false,
            "what crosses the borders between positions: `teacher` holds each to the tensor of the teacher's block of that name",
        ),
        field("teacher", &Kind::Text, false, "architecture file of the teacher, beside the space"),
    ],
};

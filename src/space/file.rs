//! A space file as it is understood: blocks, cells, items and settings, lowered
//! from the checked YAML tree. Names are resolved here, so that what follows
//! never meets a block that does not exist.

use std::collections::BTreeMap;

use super::Value;
use super::expr::Expr;
use crate::graph::Resample;
use crate::yaml::Span;

/// A whole space file.
#[derive(Clone, Debug)]
pub struct File {
    /// The space's name.
    pub name: String,
    /// Where it comes from and what is searched.
    pub about: String,
    /// The network's input.
    pub input: Input,
    /// Decisions that any expression may refer to by name.
    pub decisions: Vec<(String, Setting)>,
    /// Reusable blocks.
    pub blocks: BTreeMap<String, Block>,
    /// Reusable cells.
    pub cells: BTreeMap<String, Cell>,
    /// The positions of the network, in order.
    pub network: Vec<Item>,
    /// Blocks and cells whose decisions are drawn once for the whole network.
    pub shared: Vec<String>,
    /// What every architecture has to satisfy.
    pub constraints: Vec<Constraint>,
    /// How architectures are written.
    pub format: Format,
    /// The network whose tensors cross the borders between positions.
    pub teacher: Option<TeacherFile>,
}

/// The architecture file of a teacher.
#[derive(Clone, Debug)]
pub struct TeacherFile {
    /// The file, beside the space.
    pub path: String,
    /// Where it is named.
    pub span: Span,
}

/// How architectures are written as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `s1=r2 s1.0=k3,e4 …`
    Path,
    /// `|op~0|+|op~0|op~1|`, the form of NAS-Bench-201.
    NasBench,
    /// `8:16:24`, every decision by its value alone, the form of the sizes of NATS-Bench.
    Sizes,
}

/// The network's input.
#[derive(Clone, Debug)]
pub enum Input {
    /// An image, or any other feature map.
    Map {
        /// Channels.
        channels: usize,
        /// Height, and width unless `width` says otherwise.
        height: Setting,
        /// Width where it differs from the height.
        width: Option<Setting>,
    },
    /// A sequence of feature vectors.
    Tokens {
        /// Number of tokens.
        tokens: Setting,
        /// Features of each.
        features: usize,
    },
    /// A sequence of whole numbers, for an embedding.
    Ids {
        /// Length of the sequence.
        ids: Setting,
    },
}

/// A value in a file: fixed, computed, or chosen.
#[derive(Clone, Debug)]
pub struct Setting {
    /// The value.
    pub kind: SettingKind,
    /// Where it stands.
    pub span: Span,
}

/// What a setting is.
#[derive(Clone, Debug)]
pub enum SettingKind {
    /// A value.
    Fixed(Value),
    /// An expression.
    Computed(Expr),
    /// One of several.
    Choice(Choice<Setting>),
}

/// A choice between options.
#[derive(Clone, Debug)]
pub struct Choice<T> {
    /// The options.
    pub options: Vec<T>,
    /// How often each is sampled, in proportion; equally often if absent.
    pub weights: Option<Vec<f64>>,
    /// Whether neighbours in the list are similar.
    pub ordered: bool,
    /// The option of the default architecture.
    pub default: usize,
}

/// A block: parameters and a body.
#[derive(Clone, Debug)]
pub struct Block {
    /// Parameters with their defaults; `None` must be given where the block is used.
    pub params: Vec<(String, Option<Setting>)>,
    /// The body.
    pub layers: Vec<Item>,
    /// Adds the block's input to its output.
    pub residual: Residual,
}

/// When the block's input is added to its output.
#[derive(Clone, Debug)]
pub enum Residual {
    /// Never.
    None,
    /// Where the shapes agree.
    Auto,
    /// Where the condition holds.
    When(Expr),
}

/// A cell: a small graph with choices on its edges.
#[derive(Clone, Debug)]
pub struct Cell {
    /// Parameters with their defaults; `None` must be given where the cell is used.
    pub params: Vec<(String, Option<Setting>)>,
    /// Node names; the first are the inputs, the last is the output unless `output` joins all of them.
    pub nodes: Vec<String>,
    /// What each input passes before any edge reads it; one list for each input.
    pub inputs: Vec<Vec<Item>>,
    /// From, to, and what lies between.
    pub edges: Vec<(usize, usize, Item)>,
    /// How many of the edges into a node are taken, if not all; which ones is a decision of the node.
    pub take: Option<usize>,
    /// How what arrives at a node is joined.
    pub combine: Combine,
    /// How the nodes that are no inputs are joined to the output; the last one alone if absent.
    pub output: Option<Combine>,
}

/// How tensors are joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Combine {
    /// Element-wise sum.
    Add,
    /// Element-wise product.
    Multiply,
    /// Along the channels.
    Concat,
}

/// An element of the network or of a block's body.
#[derive(Clone, Debug)]
pub struct Item {
    /// Name segment of its scope; unique among its siblings.
    pub name: String,
    /// What it is.
    pub kind: ItemKind,
    /// Present only where this holds.
    pub when: Option<Expr>,
    /// How often it stands in a row.
    pub repeat: Option<Setting>,
    /// The earlier items whose outputs it takes, in place of the one before it.
    pub from: Vec<String>,
    /// Where it stands.
    pub span: Span,
    /// Its path in the document, for messages.
    pub path: String,
}

impl Item {
    /// Calls `see` with every setting and every expression of this item and of the items within it, and with
    /// the name of every block and cell it uses directly.
    pub fn visit<'a>(&'a self, see: &mut dyn FnMut(Part<'a>)) {
        self.when.iter().for_each(|expr| see(Part::Expr(expr)));
        self.repeat.iter().for_each(|setting| see(Part::Setting(setting)));
        match &self.kind {
            ItemKind::Op(_, settings) => settings.iter().for_each(|(_, s)| see(Part::Setting(s))),
            ItemKind::Use(name, with) => {
                see(Part::Named(name));
                with.iter().for_each(|(_, s)| see(Part::Setting(s)));
            }
            ItemKind::Cell(name, with) => {
                see(Part::Named(name));
                with.iter().for_each(|(_, s)| see(Part::Setting(s)));
            }
            ItemKind::Branches(branches, _) => branches.iter().flatten().for_each(|item| item.visit(see)),
            ItemKind::Choice(choice) => choice.options.iter().for_each(|item| item.visit(see)),
            ItemKind::Stage(stage) => {
                stage.block.visit(see);
                stage.settings.iter().for_each(|(_, s)| see(Part::Setting(s)));
            }
        }
    }
}

impl Item {
    /// Calls `see` with the name of every earlier item whose output this one or an item within it takes. Blocks
    /// and cells see only what is their own.
    pub fn visit_from<'a>(&'a self, see: &mut dyn FnMut(&'a str)) {
        self.from.iter().for_each(|name| see(name));
        match &self.kind {
            ItemKind::Branches(branches, _) => branches.iter().flatten().for_each(|item| item.visit_from(see)),
            ItemKind::Choice(choice) => choice.options.iter().for_each(|item| item.visit_from(see)),
            _ => {}
        }
    }
}

/// What [`Item::visit`] comes across.
#[derive(Clone, Copy, Debug)]
pub enum Part<'a> {
    /// A block or a cell, by name.
    Named(&'a str),
    /// A setting.
    Setting(&'a Setting),
    /// A condition.
    Expr(&'a Expr),
}

impl Setting {
    /// Names that its expressions mention.
    pub fn names(&self) -> Vec<&str> {
        match &self.kind {
            SettingKind::Fixed(_) => Vec::new(),
            SettingKind::Computed(expr) => expr.names(),
            SettingKind::Choice(choice) => choice.options.iter().flat_map(Setting::names).collect(),
        }
    }
}

impl File {
    /// The earlier items of the network whose outputs item `index` takes besides what the one before it passes on,
    /// in the order of the file.
    pub fn reads(&self, index: usize) -> Vec<usize> {
        let mut read = Vec::new();
        self.network[index].visit_from(&mut |name| {
            if let Some(earlier) = self.network[..index].iter().position(|item| item.name == name) {
                read.push(earlier);
            }
        });
        read.sort_unstable();
        read.dedup();
        read
    }

    /// Calls `see` with every part of a block or cell.
    pub fn visit_named<'a>(&'a self, name: &str, see: &mut dyn FnMut(Part<'a>)) {
        if let Some(block) = self.blocks.get(name) {
            block.params.iter().filter_map(|(_, default)| default.as_ref()).for_each(|s| see(Part::Setting(s)));
            block.layers.iter().for_each(|item| item.visit(see));
            if let Residual::When(expr) = &block.residual {
                see(Part::Expr(expr));
            }
        }
        if let Some(cell) = self.cells.get(name) {
            cell.params.iter().filter_map(|(_, default)| default.as_ref()).for_each(|s| see(Part::Setting(s)));
            cell.inputs.iter().flatten().for_each(|item| item.visit(see));
            cell.edges.iter().for_each(|(_, _, edge)| edge.visit(see));
        }
    }
}

/// Kinds of items.
#[derive(Clone, Debug)]
pub enum ItemKind {
    /// An operator with settings.
    Op(OpName, Vec<(&'static str, Setting)>),
    /// A block with arguments.
    Use(String, Vec<(String, Setting)>),
    /// A cell with arguments.
    Cell(String, Vec<(String, Setting)>),
    /// Parallel branches; an empty branch passes its input on.
    Branches(Vec<Vec<Item>>, Combine),
    /// One of several items. The decision is named after the item.
    Choice(Choice<Item>),
    /// A stage: an item repeated, each repeat a position of its own.
    Stage(Box<Stage>),
}

/// A stage.
#[derive(Clone, Debug)]
pub struct Stage {
    /// What is repeated.
    pub block: Item,
    /// Arguments for every repeat; `stride` only for the first.
    pub settings: Vec<(String, Setting)>,
    /// Which decisions are drawn once for the stage.
    pub share: Share,
}

/// Which decisions are drawn once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Share {
    /// Those of these parameters.
    Named(Vec<String>),
    /// All.
    All,
}

/// What every architecture has to satisfy.
#[derive(Clone, Debug)]
pub struct Constraint {
    /// The condition.
    pub expr: Expr,
    /// As written.
    pub text: String,
    /// Where it stands.
    pub span: Span,
    /// Its path in the document.
    pub path: String,
}

/// Operators as space files name them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpName {
    /// Convolution with norm and activation.
    Conv,
    /// Depthwise convolution with norm and activation.
    DepthwiseConv,
    /// Fully connected layer.
    Linear,
    /// Batch norm alone.
    BatchNorm,
    /// Layer norm alone.
    LayerNorm,
    /// Root-mean-square norm alone.
    RmsNorm,
    /// Learned positions.
    PositionEmbedding,
    /// Learned tokens before the others.
    PrependTokens,
    /// Some of the channels or tokens.
    Slice,
    /// Channels of groups mixed.
    ChannelShuffle,
    /// Softmax over the features.
    Softmax,
    /// Any activation alone.
    Activation(crate::graph::Activation),
    /// Max pooling.
    MaxPool,
    /// Average pooling.
    AvgPool,
    /// Mean over positions.
    GlobalAvgPool,
    /// Squeeze-excite.
    SqueezeExcite,
    /// Nearest or bilinear enlargement.
    Upsample,
    /// Channels to positions of a larger map.
    PixelShuffle,
    /// Map to vector.
    Flatten,
    /// The same elements in another shape.
    Reshape,
    /// Positions of a map to tokens.
    ToTokens,
    /// Tokens to positions of a map.
    ToMap,
    /// Ids to tokens.
    Embedding,
    /// Multi-head self-attention with its four projections.
    Attention,
    /// Nothing.
    Identity,
    /// Zeros.
    Zero,
}

impl OpName {
    /// Names in files, with the keys each takes.
    pub const ALL: [(&'static str, Self, &'static [&'static str]); 32] = {
        use crate::graph::Activation as A;
        const POOL: &[&str] = &["kernel", "stride", "padding", "ceil"];
        const AVG_POOL: &[&str] = &["kernel", "stride", "padding", "ceil", "count_include_pad"];
        [
            (
                "conv",
                Self::Conv,
                &["channels", "kernel", "stride", "padding", "dilation", "groups", "bias", "norm", "epsilon", "act"],
            ),
            (
                "depthwise_conv",
                Self::DepthwiseConv,
                &["kernel", "stride", "padding", "dilation", "bias", "norm", "epsilon", "act"],
            ),
            ("linear", Self::Linear, &["features", "bias", "act"]),
            ("batch_norm", Self::BatchNorm, &[]),
            ("layer_norm", Self::LayerNorm, &["epsilon"]),
            ("rms_norm", Self::RmsNorm, &["epsilon"]),
            ("softmax", Self::Softmax, &[]),
            ("relu", Self::Activation(A::Relu), &[]),
            ("relu6", Self::Activation(A::Relu6), &[]),
            ("hswish", Self::Activation(A::Hswish), &[]),
            ("swish", Self::Activation(A::Swish), &[]),
            ("gelu", Self::Activation(A::Gelu), &[]),
            ("sigmoid", Self::Activation(A::Sigmoid), &[]),
            ("hsigmoid", Self::Activation(A::Hsigmoid), &[]),
            ("max_pool", Self::MaxPool, POOL),
            ("avg_pool", Self::AvgPool, AVG_POOL),
            ("global_avg_pool", Self::GlobalAvgPool, &[]),
            ("squeeze_excite", Self::SqueezeExcite, &["hidden", "act", "gate"]),
            ("upsample", Self::Upsample, &["scale", "mode"]),
            ("pixel_shuffle", Self::PixelShuffle, &["scale"]),
            ("flatten", Self::Flatten, &[]),
            ("reshape", Self::Reshape, &["shape"]),
            ("to_tokens", Self::ToTokens, &[]),
            ("to_map", Self::ToMap, &["height"]),
            ("embedding", Self::Embedding, &["vocabulary", "features"]),
            ("position_embedding", Self::PositionEmbedding, &[]),
            ("prepend_tokens", Self::PrependTokens, &["count"]),
            ("slice", Self::Slice, &["axis", "start", "count"]),
            ("channel_shuffle", Self::ChannelShuffle, &["groups"]),
            ("attention", Self::Attention, &["heads", "kv_heads", "width", "causal", "rotary", "bias"]),
            ("identity", Self::Identity, &[]),
            ("zero", Self::Zero, &["stride"]),
        ]
    };

    /// The operator of that name, with the keys it takes.
    pub fn find(name: &str) -> Option<(Self, &'static [&'static str])> {
        Self::ALL.iter().find(|(text, ..)| *text == name).map(|(_, op, keys)| (*op, *keys))
    }
}

/// What the sizes of `shape: [a, b, c]` are called as decisions.
pub const SHAPE: [&str; 3] = ["size0", "size1", "size2"];

/// Resampling by name.
pub fn resample(name: &str) -> Option<Resample> {
    match name {
        "nearest" => Some(Resample::Nearest),
        "bilinear" => Some(Resample::Bilinear),
        _ => None,
    }
}

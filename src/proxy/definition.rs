//! Proxy files: what a proxy's name means, pinned with its version, its source
//! and the evidence measured for exactly this definition. The files in
//! `proxies/` are part of the program and are found by name; any other is found
//! by its path.

use std::path::Path;

use serde::Serialize;

use std::sync::Arc;

use super::kinds::{self, Fields};
use super::lab::{Conditions, Setup};
use super::measured::{Measure, Measured};
use super::samples::Statistics;
use super::structural::Term;
use super::{Aggregate, Proxy, Structural};
use crate::engine::native::Convolutions;
use crate::engine::{Biases, Loss, Scheme};
use crate::yaml::{Diagnostics, Document, Field, Kind, Node, Problems, Schema, nearest};

/// The kinds that are sums over the nodes of a network.
const STRUCTURAL: [&str; 7] = ["params", "macs", "live_params", "live_macs", "live_convs", "s0", "s0_bc"];

/// The kind that ranks a set of networks by others.
const AGGREGATE: &str = "aggregate";

/// What `proxy:` may be.
pub(super) static KINDS: [&str; STRUCTURAL.len() + kinds::KINDS.len() + 1] = {
    let mut words = [AGGREGATE; STRUCTURAL.len() + kinds::KINDS.len() + 1];
    let mut at = 0;
    while at < words.len() - 1 {
        words[at] = if at < STRUCTURAL.len() { STRUCTURAL[at] } else { kinds::KINDS[at - STRUCTURAL.len()].word };
        at += 1;
    }
    words
};

macro_rules! shipped {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("../../proxies/", $name, ".yaml")))),*]
    };
}

/// The files of `proxies/`, baselines first.
const SHIPPED: &[(&str, &str)] = shipped![
    "params",
    "macs",
    "live_params",
    "live_macs",
    "live_convs",
    "s0",
    "s0_cells",
    "s0_bc",
    "zico",
    "zico_bc",
    "jacov",
    "naswot",
    "swap",
    "zen",
    "meco",
    "expressivity",
    "progressivity",
    "trainability",
    "vkdnw",
    "vkdnw_single",
    "aggregate",
    "grad_norm",
    "snip",
    "plain",
    "grasp",
    "fisher",
    "synflow",
    "grad_sign",
    "l2_norm",
    "ntk",
];

/// The keys of a proxy file.
pub static SCHEMA: Schema = Schema {
    name: "proxy",
    doc: "One pinned definition of a zero-shot score.",
    fields: &[
        Field { name: "proxy", kind: &Kind::Word(&KINDS), required: true, doc: "which score it is" },
        Field { name: "name", kind: &Kind::Text, required: false, doc: "its name in tables; the kind's by default" },
        Field {
            name: "version",
            kind: &Kind::Int { min: 1, max: i64::MAX },
            required: true,
            doc: "raised whenever the same network would score differently",
        },
        Field { name: "definition", kind: &Kind::Text, required: true, doc: "the formula, in words" },
        Field { name: "source", kind: &Kind::Text, required: true, doc: "the paper and equation, or who defined it" },
        Field {
            name: "beta",
            kind: &Kind::Either(&[&Kind::Number { min: 0.0, max: f64::INFINITY }, &Kind::Word(&["auto"])]),
            required: false,
            doc: "strength of the correction against depth, 1 by default; `auto`: found by the search, see zico_bc",
        },
        Field { name: "batches", kind: &COUNT, required: false, doc: "batches that run through the network" },
        Field { name: "batch_size", kind: &COUNT, required: false, doc: "samples in a batch" },
        Field {
            name: "repeats",
            kind: &Kind::Int { min: 1, max: 10_000 },
            required: false,
            doc: "draws of weights and data whose scores are averaged, 1 by default",
        },
        Field {
            name: "initialisation",
            kind: &Kind::Map(INITIALISATION),
            required: false,
            doc: "how weights are drawn",
        },
        Field {
            name: "loss",
            kind: &Kind::Word(&Loss::NAMES),
            required: false,
            doc: "what gradients are of, cross_entropy by default",
        },
        Field {
            name: "convolutions",
            kind: &Kind::Word(&CONVOLUTIONS),
            required: false,
            doc: "how 3×3 convolutions of stride 1 are computed: direct, the default, or winograd, which is faster and rounds more",
        },
        Field {
            name: "denominator",
            kind: &Kind::Word(&["signed", "absolute"]),
            required: false,
            doc: "zico: the deviation of the gradient (the authors' code) or of its magnitude (the paper); signed by default",
        },
        Field {
            name: "tensors",
            kind: &Kind::Word(&["weights", "all"]),
            required: false,
            doc: "which tensors are layers: kernels and matrices, or all that is trained; weights by default",
        },
        Field {
            name: "classifier",
            kind: &Kind::Bool,
            required: false,
            doc: "whether the last layers with weights count, true by default",
        },
        Field {
            name: "zero_variance",
            kind: &Kind::Either(&[&Kind::Number { min: 0.0, max: 1.0 }, &Kind::Word(&["skip"])]),
            required: false,
            doc: "zico: weights whose gradients do not vary are left out (skip), or a number is added to every deviation",
        },
        Field {
            name: "penalty",
            kind: &Kind::Word(&["output", "input"]),
            required: false,
            doc: "zico_bc: the map whose height, width and channels are penalised, output by default",
        },
        Field {
            name: "size",
            kind: &Kind::Int { min: 1, max: 1 << 14 },
            required: false,
            doc: "swap, meco: side of the images in place of the network's own",
        },
        Field {
            name: "channels",
            kind: &COUNT,
            required: false,
            doc: "meco: channels drawn from each layer in place of all",
        },
        Field {
            name: "layers",
            kind: &Kind::Bool,
            required: false,
            doc: "vkdnw: whether the number of tensors is added, false by default",
        },
        Field {
            name: "gamma",
            kind: &Kind::Number { min: 0.0, max: 1.0 },
            required: false,
            doc: "zen: how much noise is added to the input, 0.01 by default",
        },
        Field {
            name: "statistics",
            kind: &Kind::Word(&STATISTICS),
            required: false,
            doc: "grad_sign, ntk: what batch norms normalise a sample by: itself, its batch, or the running statistics",
        },
        Field {
            name: "reduction",
            kind: &Kind::Word(&["sum", "mean"]),
            required: false,
            doc: "grad_sign: over the weights; sum by default",
        },
        Field {
            name: "per",
            kind: &Kind::Word(&["weight", "channel"]),
            required: false,
            doc: "fisher: whether a channel counts once for each of its weights (the authors' code) or once (the paper); weight by default",
        },
        Field {
            name: "blocks",
            kind: &Kind::List(&Kind::Text, 1),
            required: false,
            doc: "counts only blocks whose names match one of these patterns, in which * stands for any text",
        },
        Field {
            name: "members",
            kind: &Kind::List(&Kind::Text, 1),
            required: false,
            doc: "aggregate: the proxies whose ranks are put together, by name or by the path of a file",
        },
        Field {
            name: "evidence",
            kind: &Kind::List(&Kind::Map(EVIDENCE), 1),
            required: false,
            doc: "how well it ranks, as measured for this definition",
        },
    ],
};

/// The words of a list of things that have names.
macro_rules! names {
    ($all:expr) => {{
        let mut words = [""; $all.len()];
        let mut at = 0;
        while at < words.len() {
            words[at] = $all[at].name();
            at += 1;
        }
        words
    }};
}

static SCHEMES: [&str; Scheme::ALL.len()] = names!(Scheme::ALL);
static BIASES: [&str; Biases::ALL.len()] = names!(Biases::ALL);

static CONVOLUTIONS: [&str; Convolutions::ALL.len()] = names!(Convolutions::ALL);

static STATISTICS: [&str; Statistics::ALL.len()] = names!(Statistics::ALL);

static COUNT: Kind = Kind::Int { min: 1, max: 1 << 20 };

static INITIALISATION: &[Field] = &[
    Field { name: "convolutions", kind: &Kind::Word(&SCHEMES), required: false, doc: "kernels of convolutions" },
    Field { name: "linear", kind: &Kind::Word(&SCHEMES), required: false, doc: "matrices of linear layers" },
    Field { name: "embeddings", kind: &Kind::Word(&SCHEMES), required: false, doc: "tables of embeddings" },
    Field { name: "biases", kind: &Kind::Word(&BIASES), required: false, doc: "biases" },
    Field {
        name: "deviation",
        kind: &Kind::Number { min: 0.0, max: f64::MAX },
        required: false,
        doc: "standard deviation of `gaussian`, 1 by default",
    },
];

static EVIDENCE: &[Field] = &[
    Field { name: "space", kind: &Kind::Text, required: true, doc: "the search space" },
    Field { name: "truth", kind: &Kind::Text, required: true, doc: "what it was held against" },
    Field { name: "n", kind: &Kind::Int { min: 2, max: i64::MAX }, required: true, doc: "number of architectures" },
    Field { name: "spearman", kind: &CORRELATION, required: true, doc: "Spearman's rho" },
    Field { name: "kendall", kind: &CORRELATION, required: true, doc: "Kendall's tau-b" },
    Field { name: "command", kind: &Kind::Text, required: true, doc: "the command that measures it" },
];

static CORRELATION: Kind = Kind::Number { min: -1.0, max: 1.0 };

/// A proxy file, read and checked.
#[derive(Clone, Debug, Serialize)]
pub struct Definition {
    /// Its name in tables.
    pub name: String,
    /// Raised whenever the same network would score differently.
    pub version: u32,
    /// The formula, in words.
    pub definition: String,
    /// The paper and equation.
    pub source: String,
    /// How well it ranks, as measured.
    pub evidence: Vec<Evidence>,
    #[serde(skip)]
    form: Form,
}

/// What a definition computes.
#[derive(Clone, Debug)]
enum Form {
    /// A sum over nodes, in all blocks or those that match a pattern.
    Structural { term: Term, blocks: Vec<String> },
    /// Something measured.
    Measured { kind: &'static str, setup: Setup, measure: Arc<dyn Measure> },
    /// The ranks of others, put together.
    Aggregate { members: Vec<String> },
}

/// One measurement of how well a proxy ranks.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Evidence {
    /// The search space.
    pub space: String,
    /// The column it was held against.
    pub truth: String,
    /// Number of architectures.
    pub n: u64,
    /// Spearman's ρ.
    pub spearman: f64,
    /// Kendall's τ-b.
    pub kendall: f64,
    /// The command that measures it.
    pub command: String,
}

impl Definition {
    /// The names of the definitions that are part of the program.
    pub fn names() -> impl Iterator<Item = &'static str> {
        SHIPPED.iter().map(|(name, _)| *name)
    }

    /// A definition by name, or by path if it ends in `.yaml` or `.yml` or holds a folder separator.
    ///
    /// # Errors
    /// An unknown name, a file that cannot be read, or one that is not a proxy file.
    pub fn load(name_or_path: &str) -> Result<Self, Diagnostics> {
        let path = Path::new(name_or_path);
        let is_file = path.extension().is_some_and(|e| e == "yaml" || e == "yml") || path.components().count() > 1;
        if is_file {
            return Self::from_document(&Document::read(path)?);
        }
        match SHIPPED.iter().find(|(name, _)| *name == name_or_path) {
            Some((name, text)) => Self::from_document(&Document::parse(&format!("proxies/{name}.yaml"), text)?),
            None => {
                let help = format!("{} Or give the path of a .yaml file", nearest(name_or_path, Self::names()));
                Err(Diagnostics::file(name_or_path, "there is no proxy of that name", help))
            }
        }
    }

    /// Reads a definition from a parsed document.
    ///
    /// # Errors
    /// Everything in it that does not belong in a proxy file.
    pub fn from_document(document: &Document) -> Result<Self, Diagnostics> {
        let mut problems = document.problems();
        SCHEMA.check(document, &mut problems);
        if problems.any() {
            return Err(problems.into_diagnostics());
        }
        let root = &document.root;
        let kind = text(root, "proxy");
        let form = form(root, &kind, &mut problems);
        let name = root.get("name").map_or_else(|| kind.clone(), |_| text(root, "name"));
        let evidence = root.get("evidence").map_or(&[][..], Node::items);
        let Some(form) = form else { return Err(problems.into_diagnostics()) };
        problems.or(Self {
            name,
            version: whole(root, "version").try_into().unwrap_or(u32::MAX),
            definition: text(root, "definition").trim_end().to_owned(),
            source: text(root, "source").trim_end().to_owned(),
            evidence: evidence.iter().map(Evidence::read).collect(),
            form,
        })
    }

    /// The definition as the text of a proxy file, without the evidence.
    pub fn to_yaml(&self) -> String {
        // JSON is YAML, and its writer knows how to quote.
        let mut file = serde_json::json!({
            "proxy": match &self.form {
                Form::Structural { term, .. } => term.kind(),
                Form::Measured { kind, .. } => kind,
                Form::Aggregate { .. } => AGGREGATE,
            },
            "name": self.name,
            "version": self.version,
            "definition": self.definition,
            "source": self.source,
        });
        match &self.form {
            Form::Structural { term, blocks } => {
                if let Term::S0Bc { beta } = term {
                    file["beta"] = (*beta).into();
                }
                if !blocks.is_empty() {
                    file["blocks"] = blocks.clone().into();
                }
            }
            Form::Measured { setup, measure, .. } => {
                for (key, value) in setup.fields().into_iter().chain(measure.fields()) {
                    file[key] = value;
                }
            }
            Form::Aggregate { members } => file["members"] = members.clone().into(),
        }
        format!("{file:#}\n")
    }

    /// The proxy it defines, under the given conditions.
    pub fn proxy(&self, conditions: &Conditions) -> Box<dyn Proxy> {
        match &self.form {
            Form::Structural { term, blocks } => Box::new(Structural::new(self.name.clone(), *term, blocks.clone())),
            Form::Measured { setup, measure, .. } => Box::new(Measured {
                name: self.name.clone(),
                measure: measure.clone(),
                setup: setup.clone(),
                conditions: conditions.clone(),
            }),
            Form::Aggregate { .. } => Box::new(Aggregate { name: self.name.clone() }),
        }
    }

    /// Whether networks are run to score them.
    pub fn measured(&self) -> bool {
        self.setup().is_some()
    }

    /// The weights and batches that it is measured with, if networks are run.
    pub fn setup(&self) -> Option<&Setup> {
        match &self.form {
            Form::Structural { .. } | Form::Aggregate { .. } => None,
            Form::Measured { setup, .. } => Some(setup),
        }
    }

    /// The structural score that stands in for a measured one, where it says one ([`Measure::stand_in`]).
    pub fn stand_in(&self) -> Option<Self> {
        let Form::Measured { measure, .. } = &self.form else { return None };
        let score = measure.stand_in()?;
        Some(Self {
            name: score.name().to_owned(),
            version: self.version,
            definition: format!("What is left of {} where every weight counts the same", self.name),
            source: self.source.clone(),
            evidence: Vec::new(),
            form: Form::Structural { term: score.term(), blocks: Vec::new() },
        })
    }

    /// The same with that strength of the correction, if it leaves that to a search (`beta: auto`).
    pub fn with_beta(&self, beta: f64) -> Option<Self> {
        let Form::Measured { kind, setup, measure } = &self.form else { return None };
        let measure = measure.with_beta(beta)?;
        Some(Self { form: Form::Measured { kind, setup: setup.clone(), measure }, ..self.clone() })
    }

    /// The proxies whose ranks an aggregate puts together, as [`load`](Self::load) takes them; empty for all others. Its
    /// scores are [`aggregate`](super::aggregate()) of the scores of these.
    pub fn members(&self) -> &[String] {
        match &self.form {
            Form::Aggregate { members } => members,
            _ => &[],
        }
    }
}

impl Evidence {
    fn read(node: &Node) -> Self {
        Self {
            space: text(node, "space"),
            truth: text(node, "truth"),
            n: whole(node, "n"),
            spearman: node.get("spearman").and_then(Node::number).unwrap_or(f64::NAN),
            kendall: node.get("kendall").and_then(Node::number).unwrap_or(f64::NAN),
            command: text(node, "command"),
        }
    }
}

/// Fields that any proxy file may have.
const COMMON: [&str; 6] = ["proxy", "name", "version", "definition", "source", "evidence"];

/// What a kind computes. The schema has checked that the kind is one of [`KINDS`].
fn form(root: &Node, kind: &str, problems: &mut Problems) -> Option<Form> {
    let measured = kinds::KINDS.iter().find(|known| known.word == kind);
    let own: Vec<&str> = match measured {
        Some(measured) => Setup::FIELDS.iter().chain(measured.fields).copied().collect(),
        None if kind == AGGREGATE => vec!["members"],
        None if kind == "s0_bc" => vec!["beta", "blocks"],
        None => vec!["blocks"],
    };
    for (key, value) in root.entries().iter().filter(|(key, _)| !COMMON.contains(&key.text.as_str())) {
        if !own.contains(&key.text.as_str()) {
            let help = if key.text == "beta" {
                "remove it, or use `proxy: s0_bc`".to_owned()
            } else {
                format!("remove it; it has {}", own.join(", "))
            };
            problems.at(value, key.text.as_str(), format!("`{kind}` has no `{}`", key.text), help);
        }
    }
    if kind == AGGREGATE {
        return Some(Form::Aggregate { members: members(root, problems) });
    }
    let Some(measured) = measured else {
        let blocks = root.get("blocks").map_or(&[][..], Node::items);
        let blocks = blocks.iter().filter_map(Node::text).map(str::to_owned).collect();
        if let Some(beta) = root.get("beta").filter(|beta| beta.text() == Some("auto")) {
            problems.at(beta, "beta", "`s0_bc` has no search to find its beta", "give a number");
        }
        return Some(Form::Structural { term: term(root, kind), blocks });
    };
    match (measured.read)(&Fields(root)) {
        Ok(measure) => Some(Form::Measured {
            kind: measured.word,
            setup: Setup::read((measured.setup)(), &Fields(root)),
            measure: measure.into(),
        }),
        Err(problem) => {
            let at = root.get(problem.field).unwrap_or(root);
            problems.at(at, problem.field, problem.message, problem.help);
            None
        }
    }
}

/// The members of an aggregate, each of which has to be a proxy with a score of its own.
fn members(root: &Node, problems: &mut Problems) -> Vec<String> {
    let Some(list) = root.get("members") else {
        problems.at(root, "members", "`aggregate` has no `members`", "list at least one proxy under `members`");
        return Vec::new();
    };
    let mut members = Vec::new();
    for item in list.items() {
        let member = item.text().unwrap_or_default();
        match Definition::load(member) {
            Ok(definition) if definition.members().is_empty() => members.push(member.to_owned()),
            Ok(_) => {
                problems.at(item, "members", format!("`{member}` is an aggregate itself"), "list its members instead")
            }
            Err(error) => {
                problems.at(item, "members", format!("`{member}` cannot be read: {error}"), "mend or remove it")
            }
        }
    }
    members
}

fn term(root: &Node, kind: &str) -> Term {
    match kind {
        "params" => Term::Params,
        "macs" => Term::Macs,
        "live_params" => Term::LiveParams,
        "live_macs" => Term::LiveMacs,
        "live_convs" => Term::LiveConvs,
        "s0" => Term::S0,
        _ => Term::S0Bc { beta: root.get("beta").and_then(Node::number).unwrap_or(1.0) },
    }
}

fn text(node: &Node, key: &str) -> String {
    node.get(key).and_then(Node::text).unwrap_or_default().to_owned()
}

fn whole(node: &Node, key: &str) -> u64 {
    node.get(key).and_then(Node::int).and_then(|int| u64::try_from(int).ok()).unwrap_or_default()
}

//! Proxy files: what a proxy's name means, pinned with its version, its source
//! and the evidence measured for exactly this definition. The files in
//! `proxies/` are part of the program and are found by name; any other is found
//! by its path.

use std::path::Path;

use serde::Serialize;

use super::structural::Term;
use super::{Proxy, Structural};
use crate::yaml::{Diagnostics, Document, Field, Kind, Node, Problems, Schema, nearest};

/// What `proxy:` may be.
const KINDS: [&str; 7] = ["params", "macs", "live_params", "live_macs", "live_convs", "s0", "s0_bc"];

macro_rules! shipped {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("../../proxies/", $name, ".yaml")))),*]
    };
}

/// The files of `proxies/`, baselines first.
const SHIPPED: &[(&str, &str)] =
    shipped!["params", "macs", "live_params", "live_macs", "live_convs", "s0", "s0_cells", "s0_bc"];

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
            kind: &Kind::Number { min: 0.0, max: f64::INFINITY },
            required: false,
            doc: "strength of the depth correction of s0_bc, 1 by default",
        },
        Field {
            name: "blocks",
            kind: &Kind::List(&Kind::Text, 1),
            required: false,
            doc: "counts only blocks whose names match one of these patterns, in which * stands for any text",
        },
        Field {
            name: "evidence",
            kind: &Kind::List(&Kind::Map(EVIDENCE), 1),
            required: false,
            doc: "how well it ranks, as measured for this definition",
        },
    ],
};

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
    term: Term,
    blocks: Vec<String>,
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
        let term = term(root, &kind, &mut problems);
        let name = root.get("name").map_or_else(|| kind.clone(), |_| text(root, "name"));
        let evidence = root.get("evidence").map_or(&[][..], Node::items);
        let blocks = root.get("blocks").map_or(&[][..], Node::items);
        problems.or(Self {
            name,
            version: whole(root, "version").try_into().unwrap_or(u32::MAX),
            definition: text(root, "definition").trim_end().to_owned(),
            source: text(root, "source").trim_end().to_owned(),
            evidence: evidence.iter().map(Evidence::read).collect(),
            term,
            blocks: blocks.iter().filter_map(Node::text).map(str::to_owned).collect(),
        })
    }

    /// The definition as the text of a proxy file, without the evidence.
    pub fn to_yaml(&self) -> String {
        // JSON is YAML, and its writer knows how to quote.
        let mut file = serde_json::json!({
            "proxy": self.term.kind(),
            "name": self.name,
            "version": self.version,
            "definition": self.definition,
            "source": self.source,
        });
        if let Term::S0Bc { beta } = self.term {
            file["beta"] = beta.into();
        }
        if !self.blocks.is_empty() {
            file["blocks"] = self.blocks.clone().into();
        }
        format!("{file:#}\n")
    }

    /// The proxy it defines.
    pub fn proxy(&self) -> Box<dyn Proxy> {
        Box::new(Structural::new(self.name.clone(), self.term, self.blocks.clone()))
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

/// What a kind adds up. The schema has checked that the kind is one of [`KINDS`].
fn term(root: &Node, kind: &str, problems: &mut Problems) -> Term {
    if let Some(beta) = root.get("beta").filter(|_| kind != "s0_bc") {
        problems.at(beta, "beta", format!("`{kind}` has no `beta`"), "remove it, or use `proxy: s0_bc`");
    }
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

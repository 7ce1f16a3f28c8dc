//! PyTorch: a module as a person would write it, which needs nothing but `torch`, and its weights beside it.
//!
//! Every block of the network whose layers hang in a scope of their own is a class; the others stand one below the other in
//! the network's own `forward`. Layers hang where their names say, so that the keys of the module's `state_dict` are the names of the
//! network's parameters, `s1.0.conv.weight`, and one file of weights serves both. Only names that Python or PyTorch has no
//! room for are changed (`tree.rs`); the weights then go to `NAME.pytorch.safetensors`.
//!
//! What is written works with PyTorch from 1.13 on, and nothing of it runs when it is imported.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Write;

use serde_json::Value as Json;

use super::{Carries, Export, ExportError, Exporter, Rendered, weights};
use crate::graph::{Block, Network, NodeId, Op, Parameter};

mod forward;
mod operators;
mod scopes;
mod tree;

use forward::{Function, Step};
use operators::Helper;
use tree::Tree;

/// The PyTorch format.
#[derive(Debug)]
pub(super) struct PyTorch;

impl Exporter for PyTorch {
    fn name(&self) -> &'static str {
        "pytorch"
    }

    fn about(&self) -> &'static str {
        "a module in Python that needs only PyTorch, and its weights"
    }

    fn carries(&self) -> Carries {
        Carries::Values
    }

    fn render(&self, export: &Export<'_>) -> Result<Vec<Rendered>, ExportError> {
        let weights = export.weights_or_untrained()?;
        let module = Module::new(export.network);
        let extension = if module.renamed() { "pytorch.safetensors" } else { weights::EXTENSION };
        let key = |id: NodeId, parameter: &Parameter| module.key(id, parameter.name);
        let bytes = weights::encode_as(export.network, &weights, key)?;
        let text = module.text(export, &format!("{}.{extension}", export.name));
        Ok(vec![Rendered { extension: EXTENSION, bytes: text.into_bytes() }, Rendered { extension, bytes }])
    }
}

/// The ending of modules.
pub(super) const EXTENSION: &str = "py";

/// The name that Python imports the module of an architecture by: it has no dots, and begins with no digit.
pub(super) fn module_name(name: &str) -> String {
    let name: String = name.chars().map(|c| if c.is_alphanumeric() { c } else { '_' }).collect();
    if name.starts_with(|c: char| c.is_numeric()) { format!("_{name}") } else { name }
}

/// A network as Python has it.
struct Module<'n> {
    network: &'n Network,
    /// Its nodes, block by block, as [`scopes`] has them.
    nodes: Vec<(Block, Vec<NodeId>)>,
    /// The block that each node is in, by index.
    block_of: Vec<usize>,
    /// Where its layers hang.
    tree: Tree,
    /// The place of every layer.
    places: HashMap<NodeId, usize>,
    /// The blocks that are classes, by index, with their places.
    classes: HashMap<usize, usize>,
    /// What each node passes on: itself, or the node before those that only pass on.
    sources: Vec<NodeId>,
    /// Whether an output depends on a node.
    needed: Vec<bool>,
}

impl<'n> Module<'n> {
    fn new(network: &'n Network) -> Self {
        let mut sources: Vec<NodeId> = Vec::with_capacity(network.len());
        for id in network.ids() {
            let passes = match (&network.node(id).op, &network.inputs(id)[..]) {
                (Op::Identity | Op::Add | Op::Multiply | Op::Concat, [only]) => Some(sources[only.index()]),
                _ => None,
            };
            sources.push(passes.unwrap_or(id));
        }
        let mut needed = vec![false; network.len()];
        for id in network.outputs() {
            needed[sources[id.index()].index()] = true;
        }
        for id in network.ids().rev().filter(|id| sources[id.index()] == *id) {
            if needed[id.index()] {
                network.inputs(id).iter().for_each(|input| needed[sources[input.index()].index()] = true);
            }
        }
        let nodes = scopes::blocks(network);
        let mut block_of = vec![0; network.len()];
        for (index, (_, nodes)) in nodes.iter().enumerate() {
            nodes.iter().for_each(|id| block_of[id.index()] = index);
        }
        let mut module = Self {
            network,
            nodes,
            block_of,
            tree: Tree::new(),
            places: HashMap::new(),
            classes: HashMap::new(),
            sources,
            needed,
        };
        module.hang();
        module
    }

    /// Hangs up layers and blocks, in the order of the network.
    fn hang(&mut self) {
        let network = self.network;
        let own = scopes::own(network, &self.nodes);
        for (index, (_, nodes)) in self.nodes.iter().enumerate() {
            if let Some(scope) = own.get(&index) {
                let place = self.tree.hang(scope);
                self.classes.insert(index, place);
            }
            for &id in nodes {
                let node = network.node(id);
                if let Some(layer) = operators::layer(&node.op, network.input_shape(id)) {
                    let place = self.tree.hang(&node.name);
                    self.tree.set_layer(place, layer);
                    self.places.insert(id, place);
                }
            }
        }
        self.tree.name();
    }

    /// The key of a parameter in the module's `state_dict`.
    fn key(&self, id: NodeId, parameter: &str) -> String {
        match self.places.get(&id) {
            Some(&place) => format!("{}.{parameter}", self.tree.path(place)),
            // No other operator has parameters.
            None => format!("{}.{parameter}", self.network.node(id).name),
        }
    }

    /// Whether any layer has another name than its node.
    fn renamed(&self) -> bool {
        self.places.iter().any(|(&id, &place)| self.tree.path(place) != self.network.node(id).name)
    }

    /// The nodes of a block that are computed, in order.
    fn computed(&self, block: usize) -> Vec<NodeId> {
        let computed = |id: &&NodeId| self.sources[id.index()] == **id && self.needed[id.index()];
        self.nodes[block].1.iter().filter(computed).copied().collect()
    }

    /// What a node reads.
    fn reads(&self, id: NodeId) -> Vec<NodeId> {
        self.network.inputs(id).iter().map(|input| self.sources[input.index()]).collect()
    }

    /// The call of a block that is a class: what it reads from outside, and what is read of it.
    fn call(&self, block: usize, readers: &[Vec<usize>]) -> Option<Step> {
        let nodes = self.computed(block);
        let inside: BTreeSet<NodeId> = nodes.iter().copied().collect();
        let mut reads: Vec<NodeId> = Vec::new();
        for id in nodes.iter().flat_map(|&id| self.reads(id)) {
            if !inside.contains(&id) && !reads.contains(&id) {
                reads.push(id);
            }
        }
        let makes: Vec<NodeId> =
            nodes.into_iter().filter(|id| readers[id.index()].iter().any(|&reader| reader != block)).collect();
        let place = *self.classes.get(&block)?;
        (!makes.is_empty()).then_some(Step::Block { place, reads, makes })
    }

    /// The blocks that read each node; one more than there are for the outputs.
    fn readers(&self) -> Vec<Vec<usize>> {
        let mut readers: Vec<Vec<usize>> = vec![Vec::new(); self.network.len()];
        for id in self.network.ids().filter(|id| self.sources[id.index()] == *id && self.needed[id.index()]) {
            let block = self.block_of[id.index()];
            for read in self.reads(id) {
                if readers[read.index()].last() != Some(&block) {
                    readers[read.index()].push(block);
                }
            }
        }
        for id in self.network.outputs() {
            readers[self.sources[id.index()].index()].push(usize::MAX);
        }
        readers
    }

    /// The whole file.
    fn text(mut self, export: &Export<'_>, weights: &str) -> String {
        let readers = self.readers();
        let mut classes = Classes::default();
        for index in 0..self.nodes.len() {
            let Some(&place) = self.classes.get(&index) else { continue };
            let (mut reads, mut makes, mut body) = (Vec::new(), Vec::new(), self.layers(place));
            if let Some(Step::Block { reads: from, makes: to, .. }) = self.call(index, &readers) {
                let steps = self.computed(index).into_iter().map(Step::Node).collect();
                let function = Function { module: &self, scope: place, reads: &from, steps, makes: &to };
                body += &function.text();
                (reads, makes) = (from, to);
            }
            let made = if body.is_empty() {
                // It only passes on, and keeps its place in the row.
                "nn.Identity()".to_owned()
            } else {
                let shapes = |ids: &[NodeId]| self.shapes(ids);
                let border = if makes.is_empty() {
                    "not on the way to an output".to_owned()
                } else {
                    format!("{} to {}", shapes(&reads), shapes(&makes))
                };
                classes.add(&self.nodes[index].0, border, body) + "()"
            };
            self.tree.set_layer(place, made);
        }
        let network = self.whole(&readers);
        let helpers: BTreeSet<Helper> =
            self.network.ids().flat_map(|id| operators::helpers(&self.network.node(id).op)).collect();
        let mut code = String::new();
        helpers.iter().for_each(|helper| code += &format!("\n\n{}", helper.text()));
        classes.list.iter().for_each(|class| code += &class.text());
        code += &network;
        let mut text = self.opening(export, weights);
        for (prefix, import) in
            [("math.", "import math\n\n"), ("torch.", "import torch\n"), ("F.", "import torch.nn.functional as F\n")]
        {
            if code.contains(prefix) {
                text += import;
            }
        }
        text += "from torch import nn\n";
        text + &code + &load(weights)
    }

    /// What the file says about itself.
    fn opening(&self, export: &Export<'_>, weights: &str) -> String {
        let file = export.file;
        let kind = if file.is_imported() {
            "An imported network".to_owned()
        } else {
            format!("A network of the space {}", file.space)
        };
        // Weights that had to take other names lie in a file of their own, and come from the one that is named.
        let origin = match &file.weights {
            Some(stored) if stored.file == weights => {
                format!(": those that the architecture file names (blake3 {})", stored.blake3)
            }
            Some(_) => format!(": those of {} under other names", export.origin()),
            None => format!(": {}", export.origin()),
        };
        let mut text = String::from("\"\"\"");
        text += &wrapped(&plain(&file.architecture));
        let _ = write!(
            text,
            "\n\n{}\n\n",
            wrapped(&plain(&format!(
                "{kind}, canonical hash {}, written by pocketnas {}. Its weights are in {weights} beside it{origin}. `load()` \
                 gives both; the keys of the state_dict are the names of the parameters in other formats.",
                file.hash,
                env!("CARGO_PKG_VERSION"),
            )))
        );
        if self.renamed() {
            text += "Some names were changed for Python; what stands in other formats under another name:\n";
            let mut places: Vec<(&NodeId, &usize)> = self.places.iter().collect();
            places.sort();
            for (id, &place) in places {
                let (path, name) = (self.tree.path(place), &self.network.node(*id).name);
                if path != *name {
                    let _ =
                        writeln!(text, "    {} was {}", plain(&path), plain(&Json::from(name.as_str()).to_string()));
                }
            }
            text.push('\n');
        }
        // The newline before the quotes is one of the text above.
        text.truncate(text.trim_end().len());
        text += "\n\"\"\"\n\n";
        text
    }

    /// `__init__` with the layers of a scope; nothing where it has none.
    fn layers(&self, scope: usize) -> String {
        let statements = self.tree.statements(scope);
        if statements.is_empty() {
            return String::new();
        }
        let mut text = String::from("\n    def __init__(self):\n        super().__init__()\n");
        statements.iter().for_each(|statement| text += &format!("        {statement}\n"));
        text
    }

    /// The class of the network itself.
    fn whole(&self, readers: &[Vec<usize>]) -> String {
        let network = self.network;
        let is_input = |id: &NodeId| matches!(network.node(*id).op, Op::Input { .. });
        let inputs: Vec<NodeId> = network.ids().filter(is_input).collect();
        let outputs: Vec<NodeId> = network.outputs().iter().map(|id| self.sources[id.index()]).collect();
        let mut steps = Vec::new();
        for (index, (block, _)) in self.nodes.iter().enumerate() {
            if self.classes.contains_key(&index) {
                steps.extend(self.call(index, readers));
                continue;
            }
            let nodes: Vec<NodeId> = self.computed(index).into_iter().filter(|id| !is_input(id)).collect();
            if nodes.len() > 1 {
                steps.push(Step::Remark(titled(&block.name, &block.description)));
            }
            steps.extend(nodes.into_iter().map(Step::Node));
        }
        let function = Function { module: self, scope: Tree::ROOT, reads: &inputs, steps, makes: &outputs };
        let title = format!("{} to {}", self.shapes(&inputs), self.shapes(&outputs));
        format!(
            "\n\nclass Network(nn.Module):\n    \"\"\"{title}.\"\"\"\n{}{}",
            self.layers(Tree::ROOT),
            function.text()
        )
    }

    fn shapes(&self, ids: &[NodeId]) -> String {
        let shapes: Vec<String> = ids.iter().map(|&id| self.network.node(id).shape.to_string()).collect();
        shapes.join(", ")
    }
}

/// The classes of blocks, one for all that are alike.
#[derive(Default)]
struct Classes {
    list: Vec<Class>,
    by_body: HashMap<String, usize>,
}

struct Class {
    name: String,
    /// The first block that it is.
    block: Block,
    /// How many others it is.
    more: usize,
    border: String,
    body: String,
}

impl Classes {
    /// The name of the class of a block.
    fn add(&mut self, block: &Block, border: String, body: String) -> String {
        if let Some(&at) = self.by_body.get(&body) {
            self.list[at].more += 1;
            return self.list[at].name.clone();
        }
        let mut name = camel(&block.name);
        let taken = |name: &String| tree::taken(name) || self.list.iter().any(|class| class.name == *name);
        while taken(&name) {
            name.push('_');
        }
        self.by_body.insert(body.clone(), self.list.len());
        self.list.push(Class { name: name.clone(), block: block.clone(), more: 0, border, body });
        name
    }
}

impl Class {
    fn text(&self) -> String {
        let name = match self.more {
            0 => self.block.name.clone(),
            more => format!("{} and {more} more like it", self.block.name),
        };
        let title = titled(&name, &self.block.description);
        format!("\n\nclass {}(nn.Module):\n    \"\"\"{title}; {}.\"\"\"\n{}", self.name, self.border, self.body)
    }
}

/// A block for a line of text.
fn titled(name: &str, description: &str) -> String {
    if description.is_empty() { plain(name) } else { plain(&format!("{name}: {description}")) }
}

/// `s1.0` as `S1_0`, `layers.0` as `Layers0`.
fn camel(name: &str) -> String {
    let mut camel = String::new();
    for part in name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|part| !part.is_empty()) {
        let digit = |c: Option<char>| c.is_some_and(|c| c.is_ascii_digit());
        if digit(camel.chars().last()) && digit(part.chars().next()) {
            camel.push('_');
        }
        camel.extend(part.chars().take(1).map(|c| c.to_ascii_uppercase()));
        camel.extend(part.chars().skip(1));
    }
    if camel.starts_with(|c: char| c.is_ascii_alphabetic()) { camel } else { format!("Block{camel}") }
}

/// Text for a comment or a docstring, which it can neither end nor turn around.
fn plain(text: &str) -> String {
    let turns = |c: char| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}');
    let replace = |c: char| if c.is_control() || turns(c) || matches!(c, '"' | '\\') { '\'' } else { c };
    text.chars().map(replace).collect()
}

/// Text in lines of at most 100 columns, as far as its words are that short.
fn wrapped(text: &str) -> String {
    let (mut wrapped, mut column) = (String::new(), 0);
    for word in text.split_whitespace() {
        let width = word.chars().count();
        if column > 0 && column + 1 + width > 100 {
            wrapped.push('\n');
            column = 0;
        } else if column > 0 {
            wrapped.push(' ');
            column += 1;
        }
        wrapped += word;
        column += width;
    }
    wrapped
}

/// The function that loads the weights.
fn load(weights: &str) -> String {
    let file = Json::from(weights);
    format!(
        r#"

def load(path=None):
    """The network with the weights that lie beside this file, or in `path`, ready to be run.

    It needs the package safetensors. Call `train()` on what it returns before training goes on.
    """
    from pathlib import Path

    from safetensors.torch import load_file

    network = Network()
    network.load_state_dict(load_file(str(path or Path(__file__).with_name({file}))))
    return network.eval()
"#
    )
}

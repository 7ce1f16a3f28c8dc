//! Runs a space file: walks its positions, asks an [`Oracle`] at every choice,
//! and adds the operators that result to a network.
//!
//! There is one interpreter for everything. Building an architecture, reading
//! its text form, listing the variants of a position and sampling differ only
//! in how their oracle answers.

use super::Value;
use super::expr::truth;
use super::file::{Block, Cell, Choice, Combine, File, Item, ItemKind, OpName, Residual, Setting};
use crate::graph::{Builder, NetworkError, NodeId, Op, Shape};
use crate::yaml::Span;
use scope::{Scope, Sharing};

mod ops;
mod scope;
mod settings;

/// More nodes than this are refused: no network for a phone comes near.
const NODES: usize = 100_000;
/// More items than this are refused, so that blocks within blocks end even where they add no nodes.
const ITEMS: usize = 1_000_000;

/// How long the answer to a choice has to be remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Life<'a> {
    /// Until the position ends.
    Position,
    /// Until the positions of this item of the network end.
    Item(u32),
    /// As long as the decision, block or cell of this name is in use.
    Named(&'a str),
}

/// What is asked at a choice.
pub(super) struct Question<'a> {
    /// The decision's path.
    pub path: &'a str,
    /// How long the answer holds.
    pub life: Life<'a>,
    /// Number of options.
    pub options: usize,
    /// Sampling weights.
    pub weights: Option<&'a [f64]>,
    /// Option of the default architecture.
    pub default: usize,
    /// Whether neighbouring options are similar.
    pub ordered: bool,
    /// Where the choice stands in the file: one path means one choice.
    pub origin: Span,
    /// The options themselves.
    pub label: &'a dyn Fn(usize) -> Option<Value>,
}

/// Answers choices.
pub(super) trait Oracle {
    /// The index of the chosen option. The same path always gets the same answer.
    ///
    /// # Errors
    /// In plain words, when there is no answer.
    fn choose(&mut self, question: &Question) -> Result<usize, String>;

    /// Whether [`Oracle::fact`] wants to be called.
    fn wants_facts(&self) -> bool {
        false
    }

    /// Told the value of every setting that constraints may speak of.
    fn fact(&mut self, _path: &str, _value: &Value) {}
}

/// Why a space cannot be run with the answers given.
#[derive(Clone, Debug)]
pub(super) struct Fault {
    pub message: String,
    pub help: String,
    pub span: Span,
    pub path: String,
}

impl Fault {
    fn at(item: &Item, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { message: message.into(), help: help.into(), span: item.span, path: item.path.clone() }
    }
}

type Outcome<T> = Result<T, Box<Fault>>;

/// A place in the walk: the input first, then each repeat of each item of the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Place {
    /// 0 for the input, then 1 + the index of the item.
    pub item: u32,
    /// Which repeat.
    pub index: u32,
}

impl Place {
    pub const INPUT: Self = Self { item: 0, index: 0 };

    /// The place after this one, in a row of `repeat`.
    pub fn next(self, repeat: usize) -> Self {
        if self.index as usize + 1 < repeat {
            Self { item: self.item, index: self.index + 1 }
        } else {
            Self { item: self.item + 1, index: 0 }
        }
    }

    /// Whether nothing is left.
    pub fn is_end(self, file: &File) -> bool {
        self.item as usize > file.network.len()
    }
}

/// The name of a position: `stem`, `s2.0`.
pub(super) fn position_name(file: &File, place: Place) -> String {
    match place.item.checked_sub(1).and_then(|item| file.network.get(item as usize)) {
        None => "input".to_owned(),
        Some(item) if item.repeat.is_some() => format!("{}.{}", item.name, place.index),
        Some(item) => item.name.clone(),
    }
}

/// The interpreter, positioned over a network under construction.
pub(super) struct Interpreter<'a, 'o> {
    pub file: &'a File,
    pub oracle: &'o mut dyn Oracle,
    pub builder: Builder,
    items: usize,
}

impl<'a, 'o> Interpreter<'a, 'o> {
    pub fn new(file: &'a File, oracle: &'o mut dyn Oracle) -> Self {
        Self { file, oracle, builder: Builder::new(), items: 0 }
    }

    /// Runs every position in order and returns the output.
    pub fn run(&mut self) -> Outcome<NodeId> {
        let mut at = self.input()?;
        let mut place = Place::INPUT.next(1);
        while !place.is_end(self.file) {
            let repeat;
            (at, repeat) = self.position(place, at)?;
            place = place.next(repeat);
        }
        Ok(at)
    }

    /// Adds the network's input.
    pub fn input(&mut self) -> Outcome<NodeId> {
        let file = self.file;
        let scope = Scope::top("input", Life::Position);
        let nothing = Shape::Vector { features: 0 };
        let height = self.size(&file.input.height, "size", &scope, nothing, "input")?;
        let width = match &file.input.width {
            Some(width) => self.size(width, "width", &scope, nothing, "input")?,
            None => height,
        };
        let shape = Shape::Map { channels: file.input.channels, height, width };
        self.enter("input", shape, file.input.height.span)
    }

    /// Adds an input of that shape, as the border of a position.
    pub fn enter(&mut self, name: &str, shape: Shape, span: Span) -> Outcome<NodeId> {
        self.builder.block(name, "input");
        self.builder.add(name, Op::Input { shape }, &[]).map_err(|error| {
            let path = "input".to_owned();
            Box::new(Fault { message: error.to_string(), help: String::new(), span, path })
        })
    }

    /// Runs one position. Also says how many there are in its row; 0 if the item is absent.
    pub fn position(&mut self, place: Place, at: NodeId) -> Outcome<(NodeId, usize)> {
        let file = self.file;
        let item = &file.network[place.item as usize - 1];
        let life = Life::Item(place.item);
        let row = Scope::top(&item.name, life);
        if !self.present(item, &row, at)? {
            return Ok((at, 0));
        }
        let repeat = match &item.repeat {
            Some(repeat) => self.count(repeat, "repeat", &row, at, item)?,
            None => 1,
        };
        if place.index as usize >= repeat {
            return Ok((at, 0));
        }
        let name = position_name(file, place);
        self.builder.block(name.as_str(), description(item));
        let at = match &item.kind {
            ItemKind::Stage(stage) => {
                let shape = self.builder.shape(at);
                let mut vars: Vec<(&str, Value)> = Vec::with_capacity(stage.settings.len());
                for (key, setting) in &stage.settings {
                    let value = self.setting(setting, key, &row.with(&vars), shape, &item.path)?;
                    vars.push((key, value));
                }
                // The stride belongs to the first block of the stage alone.
                if place.index > 0
                    && let Some((_, stride)) = vars.iter_mut().find(|(key, _)| *key == "stride")
                {
                    *stride = Value::Int(1);
                }
                let sharing = Sharing { share: &stage.share, stage: &item.name, instance: name.len(), life };
                let scope =
                    Scope { sharing: Some(sharing), passing: true, vars: &vars, ..Scope::top(&name, Life::Position) };
                match &stage.block.kind {
                    ItemKind::Choice(choice) => {
                        let option = self.choose_item(choice, &stage.block, &scope, "block")?;
                        self.item(option, at, &scope.child(&option.name))?
                    }
                    _ => self.item(&stage.block, at, &scope)?,
                }
            }
            _ => self.item_once(item, at, &Scope::top(&name, Life::Position))?,
        };
        Ok((at, repeat))
    }

    fn present(&mut self, item: &'a Item, scope: &Scope<'a, '_>, at: NodeId) -> Outcome<bool> {
        let Some(when) = &item.when else { return Ok(true) };
        let shape = self.builder.shape(at);
        let value = self.evaluate(when, scope, shape, item.span, &item.path)?;
        truth(&value).map_err(|error| Box::new(Fault::at(item, error.message, "`when` takes a condition")))
    }

    /// Runs an item with its `when` and `repeat`. `scope` is the item's own.
    fn item(&mut self, item: &'a Item, mut at: NodeId, scope: &Scope<'a, '_>) -> Outcome<NodeId> {
        if !self.present(item, scope, at)? {
            return Ok(at);
        }
        let Some(repeat) = &item.repeat else { return self.item_once(item, at, scope) };
        for index in 0..self.count(repeat, "repeat", scope, at, item)? {
            at = self.item_once(item, at, &scope.child(&index.to_string()))?;
        }
        Ok(at)
    }

    fn items(&mut self, items: &'a [Item], mut at: NodeId, scope: &Scope<'a, '_>) -> Outcome<NodeId> {
        for item in items {
            at = self.item(item, at, &scope.child(&item.name))?;
        }
        Ok(at)
    }

    fn item_once(&mut self, item: &'a Item, at: NodeId, scope: &Scope<'a, '_>) -> Outcome<NodeId> {
        self.items += 1;
        if self.items > ITEMS {
            return Err(Box::new(Fault::at(item, format!("the network has more than {ITEMS} items"), "repeat less")));
        }
        match &item.kind {
            ItemKind::Op(op, settings) => self.op(*op, settings, item, at, scope),
            ItemKind::Use(name, with) => match self.file.blocks.get_key_value(name) {
                Some((name, block)) => self.block(name, block, with, item, at, scope),
                None => Err(Box::new(Fault::at(item, format!("there is no block `{name}`"), ""))),
            },
            ItemKind::Cell(name) => match self.file.cells.get_key_value(name) {
                Some((name, cell)) => self.cell(name, cell, item, at, scope),
                None => Err(Box::new(Fault::at(item, format!("there is no cell `{name}`"), ""))),
            },
            ItemKind::Branches(branches, combine) => {
                let ends = branches
                    .iter()
                    .enumerate()
                    .map(|(index, branch)| self.items(branch, at, &scope.child(&index.to_string())))
                    .collect::<Outcome<Vec<NodeId>>>()?;
                self.join(scope.nodes.join(""), *combine, &ends, item)
            }
            ItemKind::Choice(choice) => {
                let (owner, key) = scope.owner();
                let option = self.choose_item(choice, item, &owner, key)?;
                self.item(option, at, &scope.child(&option.name))
            }
            ItemKind::Stage(_) => {
                let help = "inside a block, use `repeat`";
                Err(Box::new(Fault::at(item, "a stage can only stand in the network itself", help)))
            }
        }
    }

    /// Decides between items; the decision is `key` of `owner`.
    fn choose_item(
        &mut self,
        choice: &'a Choice<Item>,
        item: &Item,
        owner: &Scope<'a, '_>,
        key: &str,
    ) -> Outcome<&'a Item> {
        let (path, life) = owner.decision(key);
        let label = |index: usize| choice.options.get(index).map(|option| Value::Word(option.name.clone()));
        let question = Question {
            path: &path,
            life,
            options: choice.options.len(),
            weights: choice.weights.as_deref(),
            default: choice.default,
            ordered: false,
            origin: item.span,
            label: &label,
        };
        let index = self.oracle.choose(&question).map_err(|message| Box::new(Fault::at(item, message, "")))?;
        let option = &choice.options[index];
        if self.oracle.wants_facts() {
            self.oracle.fact(&path, &Value::Word(option.name.clone()));
        }
        Ok(option)
    }

    fn block(
        &mut self,
        name: &'a str,
        block: &'a Block,
        with: &'a [(String, Setting)],
        item: &'a Item,
        at: NodeId,
        scope: &Scope<'a, '_>,
    ) -> Outcome<NodeId> {
        let shape = self.builder.shape(at);
        let place = Scope { passing: false, ..*scope };
        let place = if self.file.shared.iter().any(|shared| shared == name) { place.shared(name) } else { place };
        let mut vars: Vec<(&str, Value)> = Vec::with_capacity(block.params.len());
        for (param, default) in &block.params {
            let given = with.iter().find(|(key, _)| key == param).map(|(_, setting)| setting);
            let passed = scope.var(param).filter(|_| scope.passing);
            // What the caller names explicitly wins, then what a stage passes on, then the default.
            let value = match (given, passed, default) {
                (Some(setting), ..) => self.setting(setting, param, &place.with(scope.vars), shape, &item.path)?,
                (None, Some(value), _) => value.clone(),
                (None, None, Some(default)) => self.setting(default, param, &place.with(&vars), shape, &item.path)?,
                (None, None, None) => {
                    let message = format!("block `{name}` needs its parameter `{param}`");
                    return Err(Box::new(Fault::at(item, message, format!("add `with: {{ {param}: … }}`"))));
                }
            };
            vars.push((param, value));
        }
        let inner = place.with(&vars);
        let end = self.items(&block.layers, at, &inner)?;
        let add = match &block.residual {
            Residual::None => false,
            Residual::Auto => end != at && self.builder.shape(end) == shape,
            Residual::When(condition) => {
                let value = self.evaluate(condition, &inner, shape, item.span, &item.path)?;
                truth(&value).map_err(|e| Box::new(Fault::at(item, e.message, "`residual` takes a condition")))?
            }
        };
        if add { self.add(inner.nodes.join("add"), Op::Add, &[end, at], item) } else { Ok(end) }
    }

    fn cell(
        &mut self,
        name: &'a str,
        cell: &'a Cell,
        item: &'a Item,
        at: NodeId,
        scope: &Scope<'a, '_>,
    ) -> Outcome<NodeId> {
        let scope = if self.file.shared.iter().any(|shared| shared == name) { scope.shared(name) } else { *scope };
        let mut states = vec![at];
        for (to, node) in cell.nodes.iter().enumerate().skip(1) {
            let mut arriving = Vec::new();
            for (from, _, edge) in cell.edges.iter().filter(|(_, end, _)| *end == to) {
                let ItemKind::Choice(choice) = &edge.kind else { continue };
                let option = self.choose_item(choice, edge, &scope, &edge.name)?;
                let Some(&start) = states.get(*from) else { continue };
                let edge_scope = scope.child(&edge.name);
                arriving.push(self.item(option, start, &edge_scope.child(&option.name))?);
            }
            states.push(self.join(scope.nodes.join(node), cell.combine, &arriving, item)?);
        }
        Ok(states.last().copied().unwrap_or(at))
    }

    fn join(&mut self, name: String, combine: Combine, ends: &[NodeId], item: &Item) -> Outcome<NodeId> {
        let op = match combine {
            Combine::Add => Op::Add,
            Combine::Multiply => Op::Multiply,
            Combine::Concat => Op::Concat,
        };
        self.add(name, op, ends, item)
    }

    fn add(&mut self, name: String, op: Op, inputs: &[NodeId], item: &Item) -> Outcome<NodeId> {
        let id = self.builder.add(name, op, inputs).map_err(|error| {
            let help = match &error {
                NetworkError::Shape { .. } => "mend the channels, the stride or the size at one of the two ends",
                _ => "",
            };
            Box::new(Fault::at(item, error.to_string(), help))
        })?;
        if id.index() > NODES {
            return Err(Box::new(Fault::at(
                item,
                format!("the network has more than {NODES} operators"),
                "repeat less",
            )));
        }
        Ok(id)
    }
}

/// What an item is, in a word or two.
fn description(item: &Item) -> String {
    match &item.kind {
        ItemKind::Op(op, _) => OpName::ALL.iter().find(|(_, o, _)| o == op).map_or("", |(name, ..)| name).to_owned(),
        ItemKind::Use(name, _) | ItemKind::Cell(name) => name.clone(),
        ItemKind::Branches(..) => "branches".to_owned(),
        ItemKind::Choice(_) => "choice".to_owned(),
        ItemKind::Stage(stage) => description(&stage.block),
    }
}

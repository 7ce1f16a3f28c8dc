//! Runs a space file: walks its positions, asks an [`Oracle`] at every choice,
//! and adds the operators that result to a network.
//!
//! There is one interpreter for everything. Building an architecture, reading
//! its text form, listing the variants of a position and sampling differ only
//! in how their oracle answers.

use super::Value;
use super::expr::truth;
use super::file::{Block, Cell, Choice, Combine, File, Input, Item, ItemKind, OpName, Residual, Setting};
use crate::graph::{Builder, NetworkError, NodeId, Op, Shape, ShapeError};
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
    /// Outputs of the earlier items that `from:` may name, innermost block last.
    named: Vec<(&'a str, NodeId)>,
    /// Where the names of the innermost block start.
    own: usize,
}

impl<'a, 'o> Interpreter<'a, 'o> {
    pub fn new(file: &'a File, oracle: &'o mut dyn Oracle) -> Self {
        Self { file, oracle, builder: Builder::new(), items: 0, named: Vec::new(), own: 0 }
    }

    /// Runs every position in order and returns the output.
    pub fn run(&mut self) -> Outcome<NodeId> {
        let mut at = self.input()?;
        let mut place = Place::INPUT.next(1);
        while !place.is_end(self.file) {
            let repeat;
            (at, repeat) = self.position(place, at)?;
            let next = place.next(repeat);
            if next.item > place.item {
                self.named.push((&self.file.network[place.item as usize - 1].name, at));
            }
            place = next;
        }
        Ok(at)
    }

    /// Adds the output of an earlier item of the network as an input, for a position that names it.
    pub fn enter_earlier(&mut self, item: usize, shape: Shape) -> Outcome<()> {
        let item = &self.file.network[item];
        let at = self.enter(&format!("from.{}", item.name), shape, item.span)?;
        self.named.push((&item.name, at));
        Ok(())
    }

    /// The tensor that an item takes: that of the item it names, or `at`.
    fn taken(&self, item: &Item, name: Option<&String>, at: NodeId) -> Outcome<NodeId> {
        let Some(name) = name else { return Ok(at) };
        let found = self.named[self.own..].iter().rev().find(|(known, _)| known == name);
        found
            .map(|(_, at)| *at)
            .ok_or_else(|| Box::new(Fault::at(item, format!("no earlier item is called `{name}`"), "")))
    }

    /// Adds the network's input.
    pub fn input(&mut self) -> Outcome<NodeId> {
        let file = self.file;
        let scope = Scope::top("input", Life::Position);
        let mut size = |setting, key| self.size(setting, key, &scope, Shape::Vector { features: 0 }, "input");
        let (shape, span) = match &file.input {
            Input::Map { channels, height: setting, width } => {
                let height = size(setting, "size")?;
                let width = width.as_ref().map_or(Ok(height), |width| size(width, "width"))?;
                (Shape::Map { channels: *channels, height, width }, setting.span)
            }
            Input::Tokens { tokens, features } => {
                (Shape::Tokens { tokens: size(tokens, "tokens")?, features: *features }, tokens.span)
            }
            Input::Ids { ids } => (Shape::Vector { features: size(ids, "ids")? }, ids.span),
        };
        self.enter("input", shape, span)
    }

    /// Adds an input of that shape, as the border of a position.
    pub fn enter(&mut self, name: &str, shape: Shape, span: Span) -> Outcome<NodeId> {
        self.builder.block(name, "input");
        self.builder.add(name, Op::Input { shape }, &[]).map_err(|error| {
            let path = "input".to_owned();
            Box::new(Fault { message: error.to_string(), help: String::new(), span, path })
        })
    }

    /// Runs one position as a network of its own. `read` are the shapes of the earlier items' outputs that it names.
    pub fn alone(&mut self, place: Place, shape: Shape, read: &[Shape]) -> Outcome<(NodeId, usize)> {
        let border = self.enter("in", shape, Span::default())?;
        for (item, shape) in self.file.reads(place.item as usize - 1).into_iter().zip(read) {
            self.enter_earlier(item, *shape)?;
        }
        self.position(place, border)
    }

    /// Runs one position. Also says how many there are in its row; 0 if the item is absent.
    pub fn position(&mut self, place: Place, at: NodeId) -> Outcome<(NodeId, usize)> {
        let file = self.file;
        let item = &file.network[place.item as usize - 1];
        let at = if place.index == 0 { self.taken(item, item.from.first(), at)? } else { at };
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
        at = self.taken(item, item.from.first(), at)?;
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
        let outside = self.named.len();
        for item in items {
            at = self.item(item, at, &scope.child(&item.name))?;
            self.named.push((&item.name, at));
        }
        self.named.truncate(outside);
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
            ItemKind::Cell(name, with) => match self.file.cells.get_key_value(name) {
                Some((name, cell)) => self.cell(name, cell, with, item, at, scope),
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
        let vars = self.arguments(("block", name), &block.params, with, item, shape, scope, &place)?;
        let inner = place.with(&vars);
        let around = std::mem::replace(&mut self.own, self.named.len());
        self.named.push(("in", at));
        let end = self.items(&block.layers, at, &inner)?;
        self.named.truncate(self.own);
        self.own = around;
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

    /// The values of the parameters of a block or cell (`what` is the word and the name) at one use of it.
    #[allow(clippy::too_many_arguments)]
    fn arguments(
        &mut self,
        what: (&str, &str),
        params: &'a [(String, Option<Setting>)],
        with: &'a [(String, Setting)],
        item: &'a Item,
        shape: Shape,
        scope: &Scope<'a, '_>,
        place: &Scope<'a, '_>,
    ) -> Outcome<Vec<(&'a str, Value)>> {
        let mut vars: Vec<(&str, Value)> = Vec::with_capacity(params.len());
        for (param, default) in params {
            let given = with.iter().find(|(key, _)| key == param).map(|(_, setting)| setting);
            let passed = scope.var(param).filter(|_| scope.passing);
            // What the caller names explicitly wins, then what a stage passes on, then the default.
            let value = match (given, passed, default) {
                (Some(setting), ..) => self.setting(setting, param, &place.with(scope.vars), shape, &item.path)?,
                (None, Some(value), _) => value.clone(),
                (None, None, Some(default)) => self.setting(default, param, &place.with(&vars), shape, &item.path)?,
                (None, None, None) => {
                    let message = format!("{} `{}` needs its parameter `{param}`", what.0, what.1);
                    return Err(Box::new(Fault::at(item, message, format!("add `with: {{ {param}: … }}`"))));
                }
            };
            vars.push((param, value));
        }
        Ok(vars)
    }

    fn cell(
        &mut self,
        name: &'a str,
        cell: &'a Cell,
        with: &'a [(String, Setting)],
        item: &'a Item,
        at: NodeId,
        scope: &Scope<'a, '_>,
    ) -> Outcome<NodeId> {
        let place = Scope { passing: false, ..*scope };
        let place = if self.file.shared.iter().any(|shared| shared == name) { place.shared(name) } else { place };
        let vars = self.arguments(("cell", name), &cell.params, with, item, self.builder.shape(at), scope, &place)?;
        let scope = place.with(&vars);
        let mut states = Vec::with_capacity(cell.nodes.len());
        for (index, (layers, node)) in cell.inputs.iter().zip(&cell.nodes).enumerate() {
            let start = self.taken(item, item.from.get(index), at)?;
            states.push(start);
            if !layers.is_empty() {
                let around = std::mem::replace(&mut self.own, self.named.len());
                states[index] = self.items(layers, start, &scope.child(node))?;
                self.own = around;
            }
        }
        let inner = cell.inputs.len();
        for (to, node) in cell.nodes.iter().enumerate().skip(inner) {
            let edges: Vec<&(usize, usize, Item)> = cell.edges.iter().filter(|(_, end, _)| *end == to).collect();
            let taken: Vec<usize> = match cell.take {
                Some(take) => self.choose_edges(&edges, take, &scope.child(node))?,
                None => (0..edges.len()).collect(),
            };
            let mut arriving = Vec::with_capacity(taken.len());
            for (slot, index) in taken.into_iter().enumerate() {
                let (from, _, edge) = edges[index];
                let ItemKind::Choice(choice) = &edge.kind else { continue };
                // Where edges are chosen, operators belong to the place among those taken: all architectures then
                // have the same decisions.
                let option = match cell.take {
                    Some(_) => self.choose_item(choice, edge, &scope.child(node), &format!("op{slot}"))?,
                    None => self.choose_item(choice, edge, &scope, &edge.name)?,
                };
                let edge_scope = scope.child(&edge.name);
                arriving.push(self.item(option, states[*from], &edge_scope.child(&option.name))?);
            }
            states.push(self.join(scope.nodes.join(node), cell.combine, &arriving, item)?);
        }
        match cell.output {
            Some(combine) => self.join(scope.nodes.join("output"), combine, &states[inner..], item),
            None => Ok(states.last().copied().unwrap_or(at)),
        }
    }

    /// Decides which `take` of the edges into a node are there.
    fn choose_edges(
        &mut self,
        edges: &[&(usize, usize, Item)],
        take: usize,
        node: &Scope<'a, '_>,
    ) -> Outcome<Vec<usize>> {
        let sets = subsets(edges.len(), take);
        if sets.len() < 2 {
            return Ok(sets.into_iter().next().unwrap_or_default());
        }
        let Some((_, _, edge)) = edges.first() else { return Ok(Vec::new()) };
        let (path, life) = node.decision("from");
        let label = |index: usize| {
            let names = sets.get(index)?.iter().map(|&edge| edges[edge].0.to_string());
            Some(Value::Word(names.collect::<Vec<_>>().join("-")))
        };
        let question = Question {
            path: &path,
            life,
            options: sets.len(),
            weights: None,
            default: 0,
            ordered: false,
            origin: edge.span,
            label: &label,
        };
        let index = self.oracle.choose(&question).map_err(|message| Box::new(Fault::at(edge, message, "")))?;
        if let (true, Some(value)) = (self.oracle.wants_facts(), label(index)) {
            self.oracle.fact(&path, &value);
        }
        Ok(sets.into_iter().nth(index).unwrap_or_default())
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
                NetworkError::Shape { source, .. } => match **source {
                    ShapeError::Divide { .. } => "change one of the two numbers",
                    ShapeError::Elements { .. } => "a new shape holds the same elements, no more and no fewer",
                    _ => "mend the channels, the stride or the size at one of the two ends",
                },
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

/// Every way to take `take` of `of` things, in order.
fn subsets(of: usize, take: usize) -> Vec<Vec<usize>> {
    if take == 0 {
        return vec![Vec::new()];
    }
    let with_last = |last: usize| {
        subsets(last, take - 1).into_iter().map(move |mut set| {
            set.push(last);
            set
        })
    };
    (take - 1..of).flat_map(with_last).collect()
}

/// What an item is, in a word or two.
fn description(item: &Item) -> String {
    match &item.kind {
        ItemKind::Op(op, _) => OpName::ALL.iter().find(|(_, o, _)| o == op).map_or("", |(name, ..)| name).to_owned(),
        ItemKind::Use(name, _) | ItemKind::Cell(name, _) => name.clone(),
        ItemKind::Branches(..) => "branches".to_owned(),
        ItemKind::Choice(_) => "choice".to_owned(),
        ItemKind::Stage(stage) => description(&stage.block),
    }
}

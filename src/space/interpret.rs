//! Runs a space file: walks its positions, asks an [`Oracle`] at every choice,
//! and adds the operators that result to a network.
//!
//! There is one interpreter for everything. Building an architecture, reading
//! its text form, listing the variants of a position and sampling differ only
//! in how their oracle answers.

use super::Value;
use super::expr::{Expr, truth};
use super::file::{
    Block, Cell, Choice, Combine, File, Item, ItemKind, OpName, Residual, Setting, SettingKind, Share, resample,
};
use crate::graph::{
    Activation, Builder, Conv2d, NetworkError, NodeId, Op, Pool, PoolKind, Resample, Shape, SqueezeExcite,
};
use crate::yaml::Span;

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

/// Where decisions drawn once for a stage go.
#[derive(Clone, Copy)]
struct Sharing<'a> {
    share: &'a Share,
    stage: &'a str,
    /// Length of the position's name, which the stage's name replaces.
    instance: usize,
    life: Life<'a>,
}

/// What is visible where an item runs.
#[derive(Clone)]
struct Scope<'a> {
    /// Prefix of node names.
    nodes: String,
    /// Prefix of decision paths.
    decisions: String,
    life: Life<'a>,
    sharing: Option<Sharing<'a>>,
    /// Whether `vars` are a stage's settings, which blocks take as arguments.
    passing: bool,
    vars: Vec<(&'a str, Value)>,
}

impl<'a> Scope<'a> {
    /// The scope of that name at the top of the network.
    fn top(name: &str, life: Life<'a>) -> Self {
        let name = name.to_owned();
        Self { nodes: name.clone(), decisions: name, life, sharing: None, passing: false, vars: Vec::new() }
    }

    fn child(&self, name: &str) -> Self {
        Self {
            nodes: join(&self.nodes, name),
            decisions: join(&self.decisions, name),
            life: self.life,
            sharing: self.sharing,
            passing: self.passing,
            vars: self.vars.clone(),
        }
    }

    /// The path of the decision `key`, and how long it lives.
    fn decision(&self, key: &str) -> (String, Life<'a>) {
        let path = join(&self.decisions, key);
        if let Some(sharing) = self.sharing {
            let drawn_once = match sharing.share {
                Share::All => true,
                Share::Named(names) => names.iter().any(|name| name == key),
            };
            if drawn_once {
                return (format!("{}{}", sharing.stage, &path[sharing.instance..]), sharing.life);
            }
        }
        (path, self.life)
    }
}

fn join(prefix: &str, name: &str) -> String {
    let mut path = String::with_capacity(prefix.len() + 1 + name.len());
    path.push_str(prefix);
    if !prefix.is_empty() && !name.is_empty() {
        path.push('.');
    }
    path.push_str(name);
    path
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
        let mut row = Scope::top(&item.name, life);
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
                for (key, setting) in &stage.settings {
                    let value = self.setting(setting, key, &row, shape, &item.path)?;
                    row.vars.push((key, value));
                }
                // The stride belongs to the first block of the stage alone.
                if place.index > 0
                    && let Some((_, stride)) = row.vars.iter_mut().find(|(key, _)| *key == "stride")
                {
                    *stride = Value::Int(1);
                }
                let sharing = Sharing { share: &stage.share, stage: &item.name, instance: name.len(), life };
                let scope = Scope {
                    sharing: Some(sharing),
                    passing: true,
                    vars: row.vars,
                    ..Scope::top(&name, Life::Position)
                };
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

    fn present(&mut self, item: &'a Item, scope: &Scope<'a>, at: NodeId) -> Outcome<bool> {
        let Some(when) = &item.when else { return Ok(true) };
        let shape = self.builder.shape(at);
        let value = self.evaluate(when, scope, shape, item.span, &item.path)?;
        truth(&value).map_err(|error| Box::new(Fault::at(item, error.message, "`when` takes a condition")))
    }

    /// Runs an item with its `when` and `repeat`. `scope` is the item's own.
    fn item(&mut self, item: &'a Item, mut at: NodeId, scope: &Scope<'a>) -> Outcome<NodeId> {
        if !self.present(item, scope, at)? {
            return Ok(at);
        }
        let Some(repeat) = &item.repeat else { return self.item_once(item, at, scope) };
        for index in 0..self.count(repeat, "repeat", scope, at, item)? {
            at = self.item_once(item, at, &scope.child(&index.to_string()))?;
        }
        Ok(at)
    }

    fn items(&mut self, items: &'a [Item], mut at: NodeId, scope: &Scope<'a>) -> Outcome<NodeId> {
        for item in items {
            at = self.item(item, at, &scope.child(&item.name))?;
        }
        Ok(at)
    }

    fn item_once(&mut self, item: &'a Item, at: NodeId, scope: &Scope<'a>) -> Outcome<NodeId> {
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
                self.join(&scope.nodes, *combine, &ends, item)
            }
            ItemKind::Choice(choice) => {
                let (parent, key) = scope.decisions.rsplit_once('.').unwrap_or(("", &scope.decisions));
                let owner = Scope { decisions: parent.to_owned(), ..scope.clone() };
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
        owner: &Scope<'a>,
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
        scope: &Scope<'a>,
    ) -> Outcome<NodeId> {
        let shape = self.builder.shape(at);
        let mut inner = Scope { passing: false, vars: Vec::with_capacity(block.params.len()), ..scope.clone() };
        if self.file.shared.iter().any(|shared| shared == name) {
            inner.decisions = name.to_owned();
            inner.life = Life::Named(name);
            inner.sharing = None;
        }
        for (param, default) in &block.params {
            let given = with.iter().find(|(key, _)| key == param).map(|(_, setting)| setting);
            // What the caller names explicitly wins, then what a stage passes on, then the default.
            let value = match (given, scope.vars.iter().find(|(key, _)| key == param), default) {
                (Some(setting), ..) => {
                    let caller = Scope { vars: scope.vars.clone(), ..inner.clone() };
                    self.setting(setting, param, &caller, shape, &item.path)?
                }
                (None, Some((_, value)), _) if scope.passing => value.clone(),
                (None, _, Some(default)) => self.setting(default, param, &inner, shape, &item.path)?,
                _ => {
                    let message = format!("block `{name}` needs its parameter `{param}`");
                    return Err(Box::new(Fault::at(item, message, format!("add `with: {{ {param}: … }}`"))));
                }
            };
            inner.vars.push((param, value));
        }
        let end = self.items(&block.layers, at, &inner)?;
        let add = match &block.residual {
            Residual::None => false,
            Residual::Auto => end != at && self.builder.shape(end) == shape,
            Residual::When(condition) => {
                let value = self.evaluate(condition, &inner, shape, item.span, &item.path)?;
                truth(&value).map_err(|e| Box::new(Fault::at(item, e.message, "`residual` takes a condition")))?
            }
        };
        if add { self.add(format!("{}.add", inner.nodes), Op::Add, &[end, at], item) } else { Ok(end) }
    }

    fn cell(
        &mut self,
        name: &'a str,
        cell: &'a Cell,
        item: &'a Item,
        at: NodeId,
        scope: &Scope<'a>,
    ) -> Outcome<NodeId> {
        let mut scope = scope.clone();
        if self.file.shared.iter().any(|shared| shared == name) {
            scope.decisions = name.to_owned();
            scope.life = Life::Named(name);
            scope.sharing = None;
        }
        let mut states = vec![at];
        for (to, node) in cell.nodes.iter().enumerate().skip(1) {
            let mut arriving = Vec::new();
            for (from, _, edge) in cell.edges.iter().filter(|(_, end, _)| *end == to) {
                let ItemKind::Choice(choice) = &edge.kind else { continue };
                let option = self.choose_item(choice, edge, &scope, &edge.name)?;
                let Some(&start) = states.get(*from) else { continue };
                arriving.push(self.item(option, start, &scope.child(&edge.name).child(&option.name))?);
            }
            states.push(self.join(&join(&scope.nodes, node), cell.combine, &arriving, item)?);
        }
        Ok(states.last().copied().unwrap_or(at))
    }

    fn join(&mut self, name: &str, combine: Combine, ends: &[NodeId], item: &Item) -> Outcome<NodeId> {
        let op = match combine {
            Combine::Add => Op::Add,
            Combine::Multiply => Op::Multiply,
            Combine::Concat => Op::Concat,
        };
        self.add(name.to_owned(), op, ends, item)
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

    /// Evaluates an expression where `shape` is the tensor that enters.
    fn evaluate(&mut self, expr: &Expr, scope: &Scope<'a>, shape: Shape, span: Span, path: &str) -> Outcome<Value> {
        let mut known: Vec<(&str, Value)> = Vec::new();
        for name in expr.names() {
            let local = scope.vars.iter().any(|(key, _)| *key == name);
            if !local && let Some((key, setting)) = self.file.decisions.iter().find(|(key, _)| key == name) {
                let global = Scope::top("", Life::Named(key));
                known.push((name, self.setting(setting, key, &global, shape, path)?));
            }
        }
        let lookup = |name: &str| {
            let (height, width) = shape.size();
            match name {
                "in.channels" => Some(Value::Int(shape.channels() as i64)),
                "in.height" | "in.size" => Some(Value::Int(height as i64)),
                "in.width" => Some(Value::Int(width as i64)),
                _ => known.iter().chain(&scope.vars).find(|(key, _)| *key == name).map(|(_, value)| value.clone()),
            }
        };
        expr.evaluate(&lookup).map_err(|error| {
            let mut help = error.help;
            if let Some(unknown) = expr.names().into_iter().find(|name| lookup(name).is_none()) {
                let decisions = self.file.decisions.iter().map(|(key, _)| key.as_str());
                let own = scope.vars.iter().map(|(key, _)| *key);
                let tensor = ["in.channels", "in.size", "in.height", "in.width"];
                help = crate::yaml::nearest(unknown, own.chain(decisions).chain(tensor));
            }
            Box::new(Fault { message: format!("{}, in `{expr}`", error.message), help, span, path: path.to_owned() })
        })
    }

    /// The value of a setting. `key` names the decision if it is a choice.
    fn setting(
        &mut self,
        setting: &'a Setting,
        key: &str,
        scope: &Scope<'a>,
        shape: Shape,
        path: &str,
    ) -> Outcome<Value> {
        let (value, place) = match &setting.kind {
            SettingKind::Choice(choice) => {
                let (place, life) = scope.decision(key);
                let label = |index: usize| match &choice.options.get(index)?.kind {
                    SettingKind::Fixed(value) => Some(value.clone()),
                    SettingKind::Computed(expr) => Some(Value::Word(expr.to_string())),
                    SettingKind::Choice(_) => None,
                };
                let question = Question {
                    path: &place,
                    life,
                    options: choice.options.len(),
                    weights: choice.weights.as_deref(),
                    default: choice.default,
                    ordered: choice.ordered,
                    label: &label,
                };
                let fault = |message| {
                    Box::new(Fault { message, help: String::new(), span: setting.span, path: path.to_owned() })
                };
                let index = self.oracle.choose(&question).map_err(fault)?;
                (self.plain(&choice.options[index], scope, shape, path)?, Some(place))
            }
            _ => (self.plain(setting, scope, shape, path)?, None),
        };
        if self.oracle.wants_facts() {
            let place = place.unwrap_or_else(|| scope.decision(key).0);
            self.oracle.fact(&place, &value);
        }
        Ok(value)
    }

    /// The value of a setting that is not a choice.
    fn plain(&mut self, setting: &'a Setting, scope: &Scope<'a>, shape: Shape, path: &str) -> Outcome<Value> {
        match &setting.kind {
            SettingKind::Fixed(value) => Ok(value.clone()),
            SettingKind::Computed(expr) => self.evaluate(expr, scope, shape, setting.span, path),
            SettingKind::Choice(_) => {
                let message = "an option cannot be a choice itself".to_owned();
                let help = "list all options in one choice".to_owned();
                Err(Box::new(Fault { message, help, span: setting.span, path: path.to_owned() }))
            }
        }
    }

    /// A setting that counts something, zero allowed.
    fn count(&mut self, setting: &'a Setting, key: &str, scope: &Scope<'a>, at: NodeId, item: &Item) -> Outcome<usize> {
        let shape = self.builder.shape(at);
        let value = self.setting(setting, key, scope, shape, &item.path)?;
        whole(&value, key).map_err(|(message, help)| {
            Box::new(Fault { message, help, span: setting.span, path: format!("{}.{key}", item.path) })
        })
    }

    /// A setting that is a size, at least 1.
    fn size(&mut self, setting: &'a Setting, key: &str, scope: &Scope<'a>, shape: Shape, path: &str) -> Outcome<usize> {
        let value = self.setting(setting, key, scope, shape, path)?;
        let fault = |message: String, help: String| {
            Box::new(Fault { message, help, span: setting.span, path: format!("{path}.{key}") })
        };
        match whole(&value, key) {
            Ok(0) => Err(fault(format!("`{key}` is 0; it must be at least 1"), String::new())),
            Ok(size) => Ok(size),
            Err((message, help)) => Err(fault(message, help)),
        }
    }
}

/// A value as a count.
fn whole(value: &Value, key: &str) -> Result<usize, (String, String)> {
    match value.number() {
        Some(number) if number >= 0.0 && number.fract() == 0.0 && number < (1u64 << 40) as f64 => Ok(number as usize),
        Some(number) if number.fract() != 0.0 => {
            let help = "round it: round(x), or divisible(x, 8) for channels".to_owned();
            Err((format!("`{key}` is {value}, which is not a whole number"), help))
        }
        Some(_) => Err((format!("`{key}` is {value}, which is out of range"), String::new())),
        None => Err((format!("`{key}` is `{value}`, which is not a number"), String::new())),
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

/// The settings of one operator, evaluated on demand.
struct Settings<'a, 's> {
    list: &'a [(&'static str, Setting)],
    item: &'a Item,
    scope: &'s Scope<'a>,
    shape: Shape,
}

impl<'a> Interpreter<'a, '_> {
    fn get(&mut self, settings: &Settings<'a, '_>, key: &str) -> Outcome<Option<Value>> {
        match settings.list.iter().find(|(k, _)| *k == key) {
            Some((_, setting)) => {
                self.setting(setting, key, settings.scope, settings.shape, &settings.item.path).map(Some)
            }
            None => Ok(None),
        }
    }

    fn get_size(&mut self, settings: &Settings<'a, '_>, key: &str) -> Outcome<Option<usize>> {
        match settings.list.iter().find(|(k, _)| *k == key) {
            Some((_, setting)) => {
                self.size(setting, key, settings.scope, settings.shape, &settings.item.path).map(Some)
            }
            None => Ok(None),
        }
    }

    fn get_bool(&mut self, settings: &Settings<'a, '_>, key: &str) -> Outcome<Option<bool>> {
        match self.get(settings, key)? {
            Some(Value::Bool(truth)) => Ok(Some(truth)),
            Some(other) => {
                let message = format!("`{key}` is `{other}`, which is neither true nor false");
                Err(Box::new(Fault::at(settings.item, message, "")))
            }
            None => Ok(None),
        }
    }

    fn get_word<T>(
        &mut self,
        settings: &Settings<'a, '_>,
        key: &str,
        of: impl Fn(&str) -> Option<T>,
    ) -> Outcome<Option<T>> {
        let Some(value) = self.get(settings, key)? else { return Ok(None) };
        match of(&value.to_string()) {
            Some(found) => Ok(Some(found)),
            None => {
                let words = Activation::ALL.iter().map(|a| a.name()).chain(["none"]);
                let help = if matches!(key, "act" | "gate") {
                    crate::yaml::nearest(&value.to_string(), words)
                } else {
                    String::new()
                };
                Err(Box::new(Fault::at(settings.item, format!("`{value}` is not a valid `{key}`"), help)))
            }
        }
    }

    fn op(
        &mut self,
        op: OpName,
        list: &'a [(&'static str, Setting)],
        item: &'a Item,
        at: NodeId,
        scope: &Scope<'a>,
    ) -> Outcome<NodeId> {
        let shape = self.builder.shape(at);
        let settings = Settings { list, item, scope, shape };
        let name = scope.nodes.clone();
        match op {
            OpName::Conv | OpName::DepthwiseConv => self.conv(op, &settings, at, name),
            OpName::Linear => {
                let features = self.get_size(&settings, "features")?.unwrap_or(1);
                let bias = self.get_bool(&settings, "bias")?.unwrap_or(true);
                let act = self.activation(&settings)?;
                let end = self.add(name.clone(), Op::Linear { features, bias }, &[at], item)?;
                self.activate(act, end, name, item)
            }
            OpName::MaxPool | OpName::AvgPool => {
                let kernel = self.get_size(&settings, "kernel")?.unwrap_or(1);
                let stride = self.get_size(&settings, "stride")?.unwrap_or(1);
                let padding = match list.iter().find(|(k, _)| *k == "padding") {
                    Some((_, padding)) => self.count(padding, "padding", scope, at, item)?,
                    None => 0,
                };
                let ceil = self.get_bool(&settings, "ceil")?.unwrap_or(false);
                let kind = if op == OpName::MaxPool { PoolKind::Max } else { PoolKind::Avg };
                self.add(name, Op::Pool(Pool { kind, kernel, stride, padding, ceil }), &[at], item)
            }
            OpName::SqueezeExcite => {
                let hidden = self.get_size(&settings, "hidden")?.unwrap_or(1);
                let activation = self.activation(&settings)?.unwrap_or(Activation::Relu);
                let gate = self.get_word(&settings, "gate", |word| match word {
                    "sigmoid" => Some(Activation::Sigmoid),
                    "hsigmoid" => Some(Activation::Hsigmoid),
                    _ => None,
                })?;
                let gate = gate.unwrap_or(Activation::Hsigmoid);
                self.add(name, Op::SqueezeExcite(SqueezeExcite { hidden, activation, gate }), &[at], item)
            }
            OpName::Upsample => {
                let scale = self.get_size(&settings, "scale")?.unwrap_or(1);
                let mode = self.get_word(&settings, "mode", resample)?.unwrap_or(Resample::Nearest);
                self.add(name, Op::Upsample { scale, mode }, &[at], item)
            }
            OpName::Zero => {
                let stride = self.get_size(&settings, "stride")?.unwrap_or(1);
                self.add(name, Op::Zero { stride }, &[at], item)
            }
            OpName::BatchNorm => self.add(name, Op::BatchNorm, &[at], item),
            OpName::Activation(function) => self.add(name, Op::Activation { function }, &[at], item),
            OpName::GlobalAvgPool => self.add(name, Op::GlobalAvgPool, &[at], item),
            OpName::Flatten => self.add(name, Op::Flatten, &[at], item),
            OpName::Identity => self.add(name, Op::Identity, &[at], item),
        }
    }

    fn conv(&mut self, op: OpName, settings: &Settings<'a, '_>, at: NodeId, name: String) -> Outcome<NodeId> {
        let item = settings.item;
        let entering = settings.shape.channels();
        let kernel = self.get_size(settings, "kernel")?.unwrap_or(1);
        let stride = self.get_size(settings, "stride")?.unwrap_or(1);
        let dilation = self.get_size(settings, "dilation")?.unwrap_or(1);
        let (channels, groups) = if op == OpName::DepthwiseConv {
            (entering, entering)
        } else {
            (self.get_size(settings, "channels")?.unwrap_or(entering), self.get_size(settings, "groups")?.unwrap_or(1))
        };
        let padding = match settings.list.iter().find(|(k, _)| *k == "padding") {
            Some((_, padding)) => self.count(padding, "padding", settings.scope, at, item)?,
            None => (kernel - 1).saturating_mul(dilation) / 2,
        };
        let norm = self.get_word(settings, "norm", |word| match word {
            "batch" => Some(true),
            "none" => Some(false),
            _ => None,
        })?;
        let norm = norm.unwrap_or(true);
        let bias = self.get_bool(settings, "bias")?.unwrap_or(!norm);
        let act = self.activation(settings)?;
        let conv =
            Conv2d { channels, kernel: [kernel, kernel], stride, padding: [padding, padding], dilation, groups, bias };
        let mut end = self.add(name.clone(), Op::Conv2d(conv), &[at], item)?;
        if norm {
            end = self.add(format!("{name}.norm"), Op::BatchNorm, &[end], item)?;
        }
        self.activate(act, end, name, item)
    }

    fn activation(&mut self, settings: &Settings<'a, '_>) -> Outcome<Option<Activation>> {
        let found = self.get_word(settings, "act", |word| match word {
            "none" => Some(None),
            _ => Activation::from_name(word).map(Some),
        })?;
        Ok(found.flatten())
    }

    fn activate(&mut self, act: Option<Activation>, at: NodeId, name: String, item: &Item) -> Outcome<NodeId> {
        match act {
            Some(function) => self.add(format!("{name}.act"), Op::Activation { function }, &[at], item),
            None => Ok(at),
        }
    }
}

//! From the YAML tree to a [`File`]: names resolved, expressions parsed, and
//! every mistake of the file collected.

use std::collections::BTreeMap;

use super::Value;
use super::expr::Expr;
use super::file::{
    Block, Choice, Combine, Constraint, File, Format, Input, Item, ItemKind, OpName, Residual, SHAPE, Setting,
    SettingKind, Share, Stage, TeacherFile,
};
use super::schema::SCHEMA;
use crate::yaml::{Diagnostics, Document, Node, Problems, Span, nearest};

mod cells;
mod nesting;
mod refuse;

/// Reads a space file.
pub(super) fn lower(document: &Document) -> Result<File, Diagnostics> {
    let mut problems = document.problems();
    SCHEMA.check(document, &mut problems);
    if problems.any() {
        return Err(problems.into_diagnostics());
    }
    let root = &document.root;
    let params = block_params(root);
    let cells = root.get("cells").map(Node::entries).unwrap_or_default();
    let inputs = |cell: &Node| cell.get("inputs").map_or(1, |inputs| inputs.items().len());
    let cells = cells.iter().map(|(key, cell)| (key.text.clone(), inputs(cell))).collect();
    let mut lower = Lower { problems, text: &document.text, params, cells, visible: Vec::new() };
    let file = lower.file(root);
    lower.problems.or(file)
}

/// Parameters of every block and cell, with whether each has a default.
fn block_params(root: &Node) -> BTreeMap<String, Vec<(String, bool)>> {
    let named = ["blocks", "cells"].map(|group| root.get(group).map(Node::entries).unwrap_or_default());
    let params = |block: &Node| {
        let params = block.get("params").map(Node::entries).unwrap_or_default();
        params.iter().map(|(key, value)| (key.text.clone(), has_default(value))).collect()
    };
    named.into_iter().flatten().map(|(key, block)| (key.text.clone(), params(block))).collect()
}

/// `{}` marks a parameter that must be given.
fn has_default(node: &Node) -> bool {
    !matches!(&node.value, crate::yaml::Value::Map(entries) if entries.is_empty())
}

struct Lower<'a> {
    problems: Problems,
    text: &'a str,
    params: BTreeMap<String, Vec<(String, bool)>>,
    /// Cells, with how many inputs each takes.
    cells: BTreeMap<String, usize>,
    /// Names that `from:` may mention where the walk is.
    visible: Vec<String>,
}

impl Lower<'_> {
    fn file(&mut self, root: &Node) -> File {
        let text = |key: &str| root.get(key).and_then(Node::text).unwrap_or_default().to_owned();
        let blocks: BTreeMap<String, Block> = root
            .get("blocks")
            .map(Node::entries)
            .unwrap_or_default()
            .iter()
            .map(|(key, node)| {
                self.identifier(&key.text, key.span, "blocks");
                (key.text.clone(), self.block(node, &format!("blocks.{}", key.text)))
            })
            .collect();
        self.refuse_ambiguity(root);
        let cells = root
            .get("cells")
            .map(Node::entries)
            .unwrap_or_default()
            .iter()
            .map(|(key, node)| {
                self.identifier(&key.text, key.span, "cells");
                (key.text.clone(), self.cell(node, &format!("cells.{}", key.text)))
            })
            .collect();
        let decisions = self.settings(root.get("decisions"), "decisions");
        for (key, _) in root.get("decisions").map(Node::entries).unwrap_or_default() {
            self.identifier(&key.text, key.span, "decisions");
        }
        let file = File {
            name: text("space"),
            about: text("about").trim().to_owned(),
            input: self.input(root.get("input")),
            decisions,
            network: self.items(root.get("network"), "network", true, &[]),
            shared: self.shared(root.get("share"), &blocks),
            constraints: self.constraints(root.get("constraints")),
            format: match text("format").as_str() {
                "nas-bench" => Format::NasBench,
                "sizes" => Format::Sizes,
                _ => Format::Path,
            },
            teacher: self.teacher(root),
            blocks,
            cells,
        };
        self.refuse_recursion(root, &file);
        file
    }

    /// `boundary: teacher` and `teacher: FILE` go together.
    fn teacher(&mut self, root: &Node) -> Option<TeacherFile> {
        match (root.get("boundary"), root.get("teacher")) {
            (Some(_), Some(file)) => {
                Some(TeacherFile { path: file.text().unwrap_or_default().to_owned(), span: file.span })
            }
            (Some(boundary), None) => {
                let help = "add `teacher: NAME.yaml`, an architecture file beside the space";
                self.problems.at(boundary, "boundary", "`boundary: teacher` names no teacher", help);
                None
            }
            (None, Some(teacher)) => {
                let help = "add `boundary: teacher`, so that the borders are held against it";
                self.problems.at(teacher, "teacher", "there is a teacher, but no border is the teacher's", help);
                None
            }
            (None, None) => None,
        }
    }

    fn input(&mut self, node: Option<&Node>) -> Input {
        let key = |key: &str| node.and_then(|n| n.get(key));
        let whole = |name: &str| key(name).and_then(Node::int).unwrap_or(1) as usize;
        if let Some(ids) = key("ids") {
            return Input::Ids { ids: self.setting(ids, "input.ids") };
        }
        if let Some(tokens) = key("tokens") {
            return Input::Tokens { tokens: self.setting(tokens, "input.tokens"), features: whole("features") };
        }
        Input::Map {
            channels: whole("channels"),
            height: self.required_setting(key("size"), "input.size"),
            width: key("width").map(|n| self.setting(n, "input.width")),
        }
    }

    fn required_setting(&mut self, node: Option<&Node>, path: &str) -> Setting {
        match node {
            Some(node) => self.setting(node, path),
            // The schema has reported that it is missing.
            None => Setting { kind: SettingKind::Fixed(Value::Int(1)), span: Span::default() },
        }
    }

    fn identifier(&mut self, name: &str, span: Span, path: &str) {
        let starts_well = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        if !starts_well || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            let message = format!("`{name}` cannot be used as a name");
            self.problems.add(span, path, message, "use letters, digits and `_`, and start with a letter");
        } else if matches!(name, "and" | "or" | "not" | "true" | "false" | "in") {
            self.problems.add(
                span,
                path,
                format!("`{name}` is a word of the expression language"),
                "choose another name",
            );
        }
    }

    fn settings(&mut self, node: Option<&Node>, path: &str) -> Vec<(String, Setting)> {
        let entries = node.map(Node::entries).unwrap_or_default();
        entries.iter().map(|(key, n)| (key.text.clone(), self.setting(n, &format!("{path}.{}", key.text)))).collect()
    }

    fn setting(&mut self, node: &Node, path: &str) -> Setting {
        let kind = match (node.get("choice"), node.text().and_then(|t| t.strip_prefix('='))) {
            (Some(options), _) => {
                let values = options.items().iter().enumerate();
                let lowered = values.map(|(i, n)| self.setting(n, &format!("{path}.choice[{i}]"))).collect();
                let default = node.get("default").and_then(|default| {
                    let found = options.items().iter().position(|o| Value::of(o) == Value::of(default));
                    if found.is_none() {
                        let message = format!("the default `{default}` is not among the options");
                        self.problems.at(default, path, message, "repeat one of the options");
                    }
                    found
                });
                SettingKind::Choice(Choice {
                    options: lowered,
                    weights: weights(node),
                    ordered: node.get("ordered").and_then(Node::bool).unwrap_or(false),
                    default: default.unwrap_or(0),
                })
            }
            (None, Some(text)) => SettingKind::Computed(self.expr(text, 1, node, path, false)),
            (None, None) => SettingKind::Fixed(Value::of(node).unwrap_or(Value::Bool(false))),
        };
        Setting { kind, span: node.span }
    }

    /// Parses an expression that starts `skip` bytes into the text of `node`.
    fn expr(&mut self, text: &str, skip: usize, node: &Node, path: &str, folds: bool) -> Expr {
        match Expr::parse(text, folds) {
            Ok(expr) => expr,
            Err(error) => {
                let quoted = self.text.as_bytes().get(node.span.offset).is_some_and(|b| matches!(b, b'"' | b'\''));
                let offset = node.span.offset + usize::from(quoted) + skip + error.offset;
                self.problems.add(Span { offset, len: 1 }, path, error.message, error.help);
                Expr::Const(Value::Bool(true))
            }
        }
    }

    fn condition(&mut self, node: &Node, path: &str) -> Expr {
        match (node.bool(), node.text()) {
            (Some(truth), _) => Expr::Const(Value::Bool(truth)),
            (None, Some(text)) => self.expr(text, 0, node, path, false),
            (None, None) => Expr::Const(Value::Bool(true)),
        }
    }

    fn params(&mut self, node: &Node, path: &str) -> Vec<(String, Option<Setting>)> {
        let entries = node.get("params").map(Node::entries).unwrap_or_default();
        entries
            .iter()
            .map(|(key, value)| {
                self.identifier(&key.text, key.span, path);
                let path = format!("{path}.params.{}", key.text);
                (key.text.clone(), has_default(value).then(|| self.setting(value, &path)))
            })
            .collect()
    }

    fn block(&mut self, node: &Node, path: &str) -> Block {
        let params = self.params(node, path);
        let residual = match node.get("residual") {
            None => Residual::None,
            Some(n) if n.text() == Some("auto") => Residual::Auto,
            Some(n) => Residual::When(self.condition(n, &format!("{path}.residual"))),
        };
        self.visible = vec!["in".to_owned()];
        let layers = self.items(node.get("layers"), &format!("{path}.layers"), false, &[]);
        self.visible.clear();
        if !matches!(residual, Residual::None)
            && let Some(layer) = layers.iter().find(|layer| layer.name == "add")
        {
            let help = "the sum of a `residual` block has that name; choose another";
            self.problems.add(layer.span, layer.path.as_str(), "a layer cannot be called `add` here", help);
        }
        Block { params, layers, residual }
    }

    /// Items in order, each of which may name those before it. `given` are arguments that a stage passes on to blocks.
    fn items(&mut self, node: Option<&Node>, path: &str, top: bool, given: &[&str]) -> Vec<Item> {
        self.list(node, path, top, given, true)
    }

    /// Items; in a `row` they see those before them, as alternatives they do not.
    fn list(&mut self, node: Option<&Node>, path: &str, top: bool, given: &[&str], row: bool) -> Vec<Item> {
        let mut items: Vec<Item> = Vec::new();
        let outside = self.visible.len();
        for (index, node) in node.map(Node::items).unwrap_or_default().iter().enumerate() {
            let path = format!("{path}[{index}]");
            let mut item = self.item(node, &path, top, given);
            let explicit = node.get("name").or(node.get("stage"));
            if items.iter().any(|other| other.name == item.name) {
                match explicit {
                    Some(name) => {
                        let message = format!("two items are named `{}`", item.name);
                        self.problems.at(name, &path, message, "give each its own name");
                    }
                    None => {
                        let free = (2..).map(|n| format!("{}_{n}", item.name));
                        let taken = |name: &String| items.iter().any(|other| other.name == *name);
                        item.name = free.into_iter().find(|name| !taken(name)).unwrap_or_default();
                    }
                }
            }
            if row {
                self.visible.push(item.name.clone());
            }
            items.push(item);
        }
        self.visible.truncate(outside);
        if row {
            self.refuse_unread(node, path, &items);
        }
        items
    }

    /// The earlier items that an item names as its inputs.
    fn from(&mut self, node: &Node, path: &str) -> Vec<String> {
        let Some(from) = node.get("from") else { return Vec::new() };
        let names: Vec<&Node> = if from.text().is_some() { vec![from] } else { from.items().iter().collect() };
        let mut wanted = 1;
        if let Some(cell) = node.get("cell").and_then(Node::text) {
            wanted = self.cells.get(cell).copied().unwrap_or(names.len());
        }
        if names.len() != wanted {
            let message = format!("{} outputs are named, but it takes {wanted}", names.len());
            self.problems.at(from, path, message, "name one earlier item for each input");
        }
        for name in &names {
            let text = name.text().unwrap_or_default();
            if !self.visible.iter().any(|known| known == text) {
                let help = nearest(text, self.visible.iter().map(String::as_str));
                self.problems.at(name, path, format!("no earlier item here is called `{text}`"), help);
            }
        }
        names.iter().filter_map(|name| name.text().map(str::to_owned)).collect()
    }

    fn item(&mut self, node: &Node, path: &str, top: bool, given: &[&str]) -> Item {
        let text = |key: &str| node.get(key).and_then(Node::text).unwrap_or_default();
        let (kind, default_name) = if node.get("op").is_some() {
            self.op(node, text("op"), path)
        } else if node.get("use").is_some() {
            (self.arguments(node, text("use"), "use", path, given), text("use").to_owned())
        } else if let Some(cell) = node.get("cell") {
            let name = text("cell");
            match self.cells.get(name) {
                None => {
                    let help = nearest(name, self.cells.keys().map(String::as_str));
                    self.problems.at(cell, path, format!("there is no cell `{name}`"), help);
                }
                Some(1) => {}
                Some(inputs) => {
                    if node.get("from").is_none() || node.get("repeat").is_some() {
                        let message = format!("`{name}` takes {inputs} inputs, which have to be named each time");
                        self.problems.at(cell, path, message, "write `from: [a, b]`, without `repeat`");
                    }
                }
            }
            (self.arguments(node, name, "cell", path, given), name.to_owned())
        } else if let Some(branches) = node.get("branches") {
            let lowered = branches
                .items()
                .iter()
                .enumerate()
                .map(|(i, n)| self.items(Some(n), &format!("{path}.branches[{i}]"), false, given))
                .collect();
            (ItemKind::Branches(lowered, node.get("combine").map_or(Combine::Add, combine_of)), "branches".to_owned())
        } else if node.get("stage").is_some() {
            if !top {
                let help = "a stage is a row of positions; inside a block, use `repeat`";
                self.problems.at(node, path, "a stage can only stand in the network itself", help);
            }
            (self.stage(node, path), text("stage").to_owned())
        } else {
            (ItemKind::Choice(self.item_choice(node, path, given)), "choice".to_owned())
        };
        let name = node.get("name").and_then(Node::text).map_or(default_name, str::to_owned);
        self.identifier(&name, node.get("name").or(node.get("stage")).unwrap_or(node).span, path);
        Item {
            name,
            kind,
            when: node.get("when").map(|n| self.condition(n, &format!("{path}.when"))),
            repeat: node.get("repeat").map(|n| self.setting(n, &format!("{path}.repeat"))),
            from: self.from(node, path),
            span: node.entries().first().map_or(node.span, |(key, _)| key.span),
            path: path.to_owned(),
        }
    }

    fn op(&mut self, node: &Node, name: &str, path: &str) -> (ItemKind, String) {
        let Some((op, keys)) = OpName::find(name) else {
            return (ItemKind::Op(OpName::Identity, vec![]), name.to_owned());
        };
        let mut settings = Vec::new();
        for (key, value) in node.entries() {
            let text = key.text.as_str();
            if matches!(text, "op" | "name" | "when" | "repeat" | "from") {
                continue;
            }
            match keys.iter().find(|k| **k == text) {
                Some(&"shape") => settings.extend(self.sizes(value, &format!("{path}.shape"))),
                Some(known) => settings.push((*known, self.setting(value, &format!("{path}.{text}")))),
                None => {
                    let help = nearest(text, keys.iter().copied());
                    self.problems.add(key.span, path, format!("`{name}` has no setting `{text}`"), help);
                }
            }
        }
        let needed: &[&str] = match op {
            OpName::Conv => &["channels", "kernel"],
            OpName::DepthwiseConv | OpName::MaxPool | OpName::AvgPool => &["kernel"],
            OpName::Linear => &["features"],
            OpName::Embedding => &["vocabulary", "features"],
            OpName::PrependTokens => &["count"],
            OpName::Slice => &["axis", "count"],
            OpName::ChannelShuffle => &["groups"],
            OpName::Attention => &["heads"],
            OpName::ToMap => &["height"],
            OpName::Reshape => &["shape"],
            OpName::SqueezeExcite => &["hidden"],
            OpName::Upsample | OpName::PixelShuffle => &["scale"],
            _ => &[],
        };
        for key in needed.iter().filter(|key| node.get(key).is_none()) {
            let at = node.get("op").unwrap_or(node);
            self.problems.at(at, path, format!("`{name}` needs the setting `{key}`"), "");
        }
        (ItemKind::Op(op, settings), name.to_owned())
    }

    /// The sizes of a new shape, each a setting of its own.
    fn sizes(&mut self, node: &Node, path: &str) -> Vec<(&'static str, Setting)> {
        let sizes = node.items();
        if sizes.len() > SHAPE.len() {
            let message = format!("a shape has at most {} sizes, not {}", SHAPE.len(), sizes.len());
            let help = "write [features], [tokens, features] or [channels, height, width]";
            self.problems.at(node, path, message, help);
        }
        let named = SHAPE.iter().zip(sizes).enumerate();
        named.map(|(index, (name, size))| (*name, self.setting(size, &format!("{path}[{index}]")))).collect()
    }

    /// A block or a cell (`kind` is the key that names it) with its arguments.
    fn arguments(&mut self, node: &Node, name: &str, kind: &str, path: &str, given: &[&str]) -> ItemKind {
        let with = self.settings(node.get("with"), &format!("{path}.with"));
        let of = if kind == "cell" { "cell" } else { "block" };
        let item = |with| {
            if kind == "cell" { ItemKind::Cell(name.to_owned(), with) } else { ItemKind::Use(name.to_owned(), with) }
        };
        let Some(params) = self.params.get(name) else {
            if kind != "cell" {
                let help = nearest(name, self.params.keys().map(String::as_str));
                let at = node.get(kind).unwrap_or(node);
                self.problems.at(at, path, format!("there is no block `{name}`"), help);
            }
            return item(with);
        };
        for (key, _) in node.get("with").map(Node::entries).unwrap_or_default() {
            if !params.iter().any(|(param, _)| *param == key.text) {
                let help = nearest(&key.text, params.iter().map(|(param, _)| param.as_str()));
                let message = format!("{of} `{name}` has no parameter `{}`", key.text);
                self.problems.add(key.span, path, message, help);
            }
        }
        for (param, default) in params {
            let passed = *default || with.iter().any(|(key, _)| key == param) || given.contains(&param.as_str());
            if !passed {
                let at = node.get(kind).unwrap_or(node);
                let message = format!("{of} `{name}` needs its parameter `{param}`");
                self.problems.at(at, path, message, format!("add `with: {{ {param}: … }}`"));
            }
        }
        item(with)
    }

    fn item_choice(&mut self, node: &Node, path: &str, given: &[&str]) -> Choice<Item> {
        let path = format!("{path}.choice");
        let options = self.list(node.get("choice"), &path, false, given, false);
        let default = node.get("default").and_then(|default| {
            let found = options.iter().position(|o| Some(o.name.as_str()) == default.text());
            if found.is_none() {
                let help = nearest(default.text().unwrap_or_default(), options.iter().map(|o| o.name.as_str()));
                self.problems.at(default, &path, format!("the default `{default}` is not among the options"), help);
            }
            found
        });
        if let Some(weights) = node.get("weights") {
            let values = weights.items().iter().filter_map(Node::number);
            if weights.items().len() != options.len() || values.sum::<f64>() <= 0.0 {
                let message = format!("`weights` needs {} numbers, not all zero", options.len());
                self.problems.at(weights, &path, message, "one weight for each option, in the same order");
            }
        }
        Choice { options, weights: weights(node), ordered: false, default: default.unwrap_or(0) }
    }

    fn stage(&mut self, node: &Node, path: &str) -> ItemKind {
        let mut settings = self.settings(node.get("with"), &format!("{path}.with"));
        for key in ["channels", "stride"] {
            if let Some(value) = node.get(key) {
                settings.push((key.to_owned(), self.setting(value, &format!("{path}.{key}"))));
            }
        }
        let given: Vec<&str> = settings.iter().map(|(key, _)| key.as_str()).collect();
        let block_path = format!("{path}.block");
        let block = match node.get("block") {
            Some(block) => {
                let mut item = self.item(block, &block_path, false, &given);
                let mut taken = None;
                item.visit_from(&mut |name| taken = Some(name.to_owned()));
                if let Some(name) = taken {
                    let message =
                        format!("the block of a stage cannot take `{name}`: every repeat takes the one before it");
                    self.problems.at(block, &block_path, message, "take it in an item before the stage");
                }
                item.name = "block".to_owned();
                item
            }
            None => Item {
                name: "block".to_owned(),
                kind: ItemKind::Op(OpName::Identity, vec![]),
                when: None,
                repeat: None,
                from: Vec::new(),
                span: node.span,
                path: block_path.clone(),
            },
        };
        for name in &given {
            if !self.takes(&block, name) {
                let at = node.get(name).or(node.get("with")).unwrap_or(node);
                self.problems.at(at, path, format!("the block of this stage has no parameter `{name}`"), "");
            }
        }
        let share = match node.get("share") {
            Some(n) if n.text() == Some("all") => Share::All,
            Some(n) => Share::Named(n.items().iter().filter_map(|s| s.text().map(str::to_owned)).collect()),
            None => Share::Named(Vec::new()),
        };
        if let Share::Named(names) = &share {
            for (index, name) in names.iter().enumerate() {
                if name != "block" && !self.takes(&block, name) {
                    let at = node.get("share").and_then(|s| s.items().get(index)).unwrap_or(node);
                    self.problems.at(at, path, format!("the block of this stage has no parameter `{name}`"), "");
                }
            }
        }
        ItemKind::Stage(Box::new(Stage { block, settings, share }))
    }

    /// Whether a block, or any option of a choice between blocks, has a parameter.
    fn takes(&self, item: &Item, name: &str) -> bool {
        match &item.kind {
            ItemKind::Use(block, _) | ItemKind::Cell(block, _) => {
                self.params.get(block).is_none_or(|params| params.iter().any(|(param, _)| param == name))
            }
            ItemKind::Choice(choice) => choice.options.iter().any(|option| self.takes(option, name)),
            ItemKind::Op(_, settings) => settings.iter().any(|(key, _)| *key == name),
            _ => false,
        }
    }

    fn shared(&mut self, node: Option<&Node>, blocks: &BTreeMap<String, Block>) -> Vec<String> {
        let mut shared = Vec::new();
        for name in node.map(Node::items).unwrap_or_default() {
            let text = name.text().unwrap_or_default();
            if blocks.contains_key(text) || self.cells.contains_key(text) {
                shared.push(text.to_owned());
            } else {
                let valid = blocks.keys().chain(self.cells.keys()).map(String::as_str);
                let help = nearest(text, valid);
                self.problems.at(name, "share", format!("there is no block or cell `{text}`"), help);
            }
        }
        shared
    }

    fn constraints(&mut self, node: Option<&Node>) -> Vec<Constraint> {
        let mut constraints = Vec::new();
        for (index, rule) in node.map(Node::items).unwrap_or_default().iter().enumerate() {
            let path = format!("constraints[{index}]");
            let constraint = match (rule.text(), rule.get("when"), rule.get("require")) {
                (Some(text), ..) => Constraint {
                    expr: self.expr(text, 0, rule, &path, true),
                    text: text.to_owned(),
                    span: rule.span,
                    path,
                },
                (None, Some(when), Some(require)) => {
                    let (if_text, then_text) = (when.text().unwrap_or_default(), require.text().unwrap_or_default());
                    let condition = self.expr(if_text, 0, when, &path, true);
                    let required = self.expr(then_text, 0, require, &path, true);
                    let implied = Expr::Binary(
                        super::expr::Operator::Or,
                        Box::new(Expr::Not(Box::new(condition))),
                        Box::new(required),
                    );
                    let text = format!("when {if_text} require {then_text}");
                    Constraint { expr: implied, text, span: when.span, path }
                }
                _ => continue,
            };
            constraints.push(constraint);
        }
        constraints
    }
}

fn combine_of(node: &Node) -> Combine {
    match node.text() {
        Some("concat") => Combine::Concat,
        Some("multiply") => Combine::Multiply,
        _ => Combine::Add,
    }
}

fn weights(node: &Node) -> Option<Vec<f64>> {
    node.get("weights").map(|w| w.items().iter().filter_map(Node::number).collect())
}

//! Values of settings and expressions, and the decisions that settings are.

use super::super::Value;
use super::super::expr::Expr;
use super::super::file::{Item, Setting, SettingKind};
use super::scope::Scope;
use super::{Fault, Interpreter, Life, Outcome, Question};
use crate::graph::{NodeId, Shape};
use crate::yaml::Span;

impl<'a> Interpreter<'a, '_> {
    /// Evaluates an expression where `shape` is the tensor that enters.
    pub(super) fn evaluate(
        &mut self,
        expr: &Expr,
        scope: &Scope<'a, '_>,
        shape: Shape,
        span: Span,
        path: &str,
    ) -> Outcome<Value> {
        let mut known: Vec<(&str, Value)> = Vec::new();
        let globals = if self.file.decisions.is_empty() { Vec::new() } else { expr.names() };
        for name in globals {
            if scope.var(name).is_none()
                && let Some((key, setting)) = self.file.decisions.iter().find(|(key, _)| key == name)
            {
                let global = Scope::top("", Life::Named(key));
                known.push((name, self.setting(setting, key, &global, shape, path)?));
            }
        }
        let lookup = |name: &str| {
            if let Some(size) = entering(shape, name) {
                return Some(Value::Int(size as i64));
            }
            scope.var(name).or_else(|| known.iter().find(|(key, _)| *key == name).map(|(_, v)| v)).cloned()
        };
        expr.evaluate(&lookup).map_err(|error| {
            let mut help = error.help;
            if let Some(unknown) = expr.names().into_iter().find(|name| lookup(name).is_none()) {
                let decisions = self.file.decisions.iter().map(|(key, _)| key.as_str());
                let own = scope.vars.iter().map(|(key, _)| *key);
                let tensor = ENTERING.into_iter().filter(|name| entering(shape, name).is_some());
                help = if ENTERING.contains(&unknown) {
                    let known: Vec<String> = tensor.map(|name| format!("`{name}`")).collect();
                    format!("{shape} enters here; it has {}", known.join(", "))
                } else {
                    crate::yaml::nearest(unknown, own.chain(decisions).chain(tensor))
                };
            }
            Box::new(Fault { message: format!("{}, in `{expr}`", error.message), help, span, path: path.to_owned() })
        })
    }

    /// The value of a setting. `key` names the decision if it is a choice.
    pub(super) fn setting(
        &mut self,
        setting: &'a Setting,
        key: &str,
        scope: &Scope<'a, '_>,
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
                    origin: setting.span,
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
    pub(super) fn plain(
        &mut self,
        setting: &'a Setting,
        scope: &Scope<'a, '_>,
        shape: Shape,
        path: &str,
    ) -> Outcome<Value> {
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
    pub(super) fn count(
        &mut self,
        setting: &'a Setting,
        key: &str,
        scope: &Scope<'a, '_>,
        at: NodeId,
        item: &Item,
    ) -> Outcome<usize> {
        let shape = self.builder.shape(at);
        let value = self.setting(setting, key, scope, shape, &item.path)?;
        whole(&value, key).map_err(|(message, help)| {
            Box::new(Fault { message, help, span: setting.span, path: format!("{}.{key}", item.path) })
        })
    }

    /// A setting that is a size, at least 1.
    pub(super) fn size(
        &mut self,
        setting: &'a Setting,
        key: &str,
        scope: &Scope<'a, '_>,
        shape: Shape,
        path: &str,
    ) -> Outcome<usize> {
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

/// What expressions may ask of the tensor that enters.
const ENTERING: [&str; 6] = ["in.channels", "in.size", "in.height", "in.width", "in.tokens", "in.features"];

/// A size of the tensor that enters, by its name in expressions. Tokens have no height and no width.
fn entering(shape: Shape, name: &str) -> Option<usize> {
    let (height, width) = shape.size();
    match (name, shape) {
        ("in.channels", _) => Some(shape.channels()),
        ("in.height" | "in.size", Shape::Map { .. } | Shape::Vector { .. }) => Some(height),
        ("in.width", Shape::Map { .. } | Shape::Vector { .. }) => Some(width),
        ("in.tokens", Shape::Tokens { tokens, .. }) => Some(tokens),
        ("in.features", Shape::Tokens { features, .. } | Shape::Vector { features }) => Some(features),
        _ => None,
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

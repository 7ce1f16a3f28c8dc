//! What is visible where an item runs: names, variables, and where decisions go.
//! Scopes live on the stack and refer to the scope around them; a name is only
//! written out where a node or a decision needs it.

use super::super::Value;
use super::super::file::Share;
use super::Life;

/// A dotted name, innermost segment last.
#[derive(Clone, Copy)]
pub(super) struct Path<'s> {
    parent: Option<&'s Path<'s>>,
    name: &'s str,
}

impl<'s> Path<'s> {
    fn len(&self) -> usize {
        self.name.len() + self.parent.map_or(0, |parent| parent.len() + 1)
    }

    fn write(&self, text: &mut String) {
        if let Some(parent) = self.parent {
            parent.write(text);
        }
        push(text, self.name);
    }

    /// The whole name, with `end` as its last segment unless it is empty.
    pub fn join(&self, end: &str) -> String {
        let mut text = String::with_capacity(self.len() + 1 + end.len());
        self.write(&mut text);
        push(&mut text, end);
        text
    }
}

fn push(text: &mut String, segment: &str) {
    if !text.is_empty() && !segment.is_empty() {
        text.push('.');
    }
    text.push_str(segment);
}

/// Where decisions drawn once for a stage go.
#[derive(Clone, Copy)]
pub(super) struct Sharing<'a> {
    pub share: &'a Share,
    pub stage: &'a str,
    /// Length of the position's name, which the stage's name replaces.
    pub instance: usize,
    pub life: Life<'a>,
}

/// Names, variables, and where decisions go. `'a` is the space file, `'s` the stack.
#[derive(Clone, Copy)]
pub(super) struct Scope<'a, 's> {
    /// Prefix of node names.
    pub nodes: Path<'s>,
    /// Prefix of decision paths.
    pub decisions: Path<'s>,
    pub life: Life<'a>,
    pub sharing: Option<Sharing<'a>>,
    /// Whether `vars` are a stage's settings, which blocks take as arguments.
    pub passing: bool,
    pub vars: &'s [(&'a str, Value)],
}

impl<'a, 's> Scope<'a, 's> {
    /// The scope of that name at the top of the network.
    pub fn top(name: &'s str, life: Life<'a>) -> Self {
        let path = Path { parent: None, name };
        Self { nodes: path, decisions: path, life, sharing: None, passing: false, vars: &[] }
    }

    /// The scope of that name within this one.
    pub fn child(&'s self, name: &'s str) -> Self {
        let nodes = Path { parent: Some(&self.nodes), name };
        let decisions = Path { parent: Some(&self.decisions), name };
        Self { nodes, decisions, ..*self }
    }

    /// The same place with other variables.
    pub fn with<'t>(&self, vars: &'t [(&'a str, Value)]) -> Scope<'a, 't>
    where
        's: 't,
    {
        Scope { vars, ..*self }
    }

    /// The same place, its decisions drawn once for the whole network under `name`.
    pub fn shared(&self, name: &'a str) -> Self
    where
        'a: 's,
    {
        let decisions = Path { parent: None, name };
        Self { decisions, life: Life::Named(name), sharing: None, ..*self }
    }

    /// Where the decision of this scope itself goes: the scope around it, and the key there.
    pub fn owner(&self) -> (Self, &'s str) {
        let around = self.decisions.parent.copied().unwrap_or(Path { parent: None, name: "" });
        (Self { decisions: around, ..*self }, self.decisions.name)
    }

    /// The path of the decision `key`, and how long it lives.
    pub fn decision(&self, key: &str) -> (String, Life<'a>) {
        let path = self.decisions.join(key);
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

    /// The value of a variable.
    pub fn var(&self, name: &str) -> Option<&'s Value> {
        self.vars.iter().find(|(key, _)| *key == name).map(|(_, value)| value)
    }
}

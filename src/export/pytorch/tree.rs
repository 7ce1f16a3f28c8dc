//! Where the layers of a network hang in a Python module. The dots of their names make a tree of attributes:
//! `s1.0.conv` hangs as `conv` on the first entry of the list `s1`, and the norm `stem.norm` on the convolution `stem`.

use std::collections::{HashMap, HashSet};

use serde_json::Value as Json;

/// Deeper names are flattened.
const DEEPEST: usize = 32;

/// The words of Python that are no names.
const KEYWORDS: [&str; 35] = [
    "False", "None", "True", "and", "as", "assert", "async", "await", "break", "class", "continue", "def", "del",
    "elif", "else", "except", "finally", "for", "from", "global", "if", "import", "in", "is", "lambda", "nonlocal",
    "not", "or", "pass", "raise", "return", "try", "while", "with", "yield",
];

/// What every module has, as far as it does not begin with an underscore: `dir(torch.nn.Module())` of versions 1.13 to 2.15.
const MODULE: [&str; 54] = [
    "T_destination",
    "add_module",
    "apply",
    "bfloat16",
    "buffers",
    "call_super_init",
    "children",
    "compile",
    "cpu",
    "cuda",
    "double",
    "dump_patches",
    "eval",
    "extra_repr",
    "float",
    "forward",
    "get_buffer",
    "get_extra_state",
    "get_parameter",
    "get_submodule",
    "half",
    "ipu",
    "load_state_dict",
    "modules",
    "mtia",
    "named_buffers",
    "named_children",
    "named_modules",
    "named_parameters",
    "parameters",
    "register_backward_hook",
    "register_buffer",
    "register_forward_hook",
    "register_forward_pre_hook",
    "register_full_backward_hook",
    "register_full_backward_pre_hook",
    "register_load_state_dict_post_hook",
    "register_load_state_dict_pre_hook",
    "register_module",
    "register_parameter",
    "register_state_dict_post_hook",
    "register_state_dict_pre_hook",
    "requires_grad_",
    "set_extra_state",
    "set_submodule",
    "share_memory",
    "state_dict",
    "to",
    "to_empty",
    "train",
    "training",
    "type",
    "xpu",
    "zero_grad",
];

/// What layers have besides.
const LAYER: [&str; 30] = [
    "weight",
    "bias",
    "in_channels",
    "out_channels",
    "kernel_size",
    "stride",
    "padding",
    "dilation",
    "transposed",
    "output_padding",
    "groups",
    "padding_mode",
    "in_features",
    "out_features",
    "num_features",
    "eps",
    "momentum",
    "affine",
    "track_running_stats",
    "running_mean",
    "running_var",
    "num_batches_tracked",
    "normalized_shape",
    "elementwise_affine",
    "num_embeddings",
    "embedding_dim",
    "reduce",
    "expand",
    "activation",
    "gate",
];

/// What embeddings have besides those.
const EMBEDDING: [&str; 7] =
    ["padding_idx", "max_norm", "norm_type", "scale_grad_by_freq", "sparse", "from_pretrained", "reset_parameters"];

/// What dictionaries of modules have besides.
const DICTIONARY: [&str; 6] = ["clear", "items", "keys", "pop", "update", "values"];

/// Names that the file has for other things, which a class may not take.
const TAKEN: [&str; 4] = ["Network", "RMSNorm", "SqueezeExcite", "F"];

/// Whether a class may not be called so.
pub(super) fn taken(class: &str) -> bool {
    TAKEN.contains(&class) || KEYWORDS.contains(&class)
}

/// Whether the first part of a name is one that Python has attributes for.
pub(super) fn begins_as_attribute(name: &str) -> bool {
    is_identifier(name.split('.').next().unwrap_or_default())
}

/// Whether a name is flattened.
pub(super) fn is_deep(name: &str) -> bool {
    name.matches('.').count() >= DEEPEST
}

/// Layers and scopes by their names.
#[derive(Debug)]
pub(super) struct Tree {
    places: Vec<Place>,
    known: HashMap<(usize, String), usize>,
}

/// A layer, a block, or what others hang on.
#[derive(Debug, Default)]
struct Place {
    parent: usize,
    /// What it is called in the network.
    wanted: String,
    /// What it is called in Python.
    name: String,
    children: Vec<usize>,
    /// The expression that makes it, where it is more than a scope.
    layer: Option<String>,
    /// Whether it is a layer or a block, which may have attributes of its own.
    taken: bool,
    /// Whether it is a block, whose children are made by its class.
    block: bool,
}

impl Tree {
    /// The network itself.
    pub(super) const ROOT: usize = 0;

    pub(super) fn new() -> Self {
        let root = Place { block: true, taken: true, ..Place::default() };
        Self { places: vec![root], known: HashMap::new() }
    }

    /// A place of that name that nothing else takes. Until it is said to be a layer, it is a block.
    pub(super) fn hang(&mut self, name: &str) -> usize {
        let flat = name.replace('.', "_");
        let parts: Vec<&str> = if is_deep(name) { vec![&*flat] } else { name.split('.').collect() };
        let mut at = Self::ROOT;
        for part in &parts {
            at = self.child(at, part);
        }
        while self.places[at].taken {
            let (parent, wanted) = (self.places[at].parent, format!("{}_", self.places[at].wanted));
            at = self.child(parent, &wanted);
        }
        (self.places[at].taken, self.places[at].block) = (true, true);
        at
    }

    fn child(&mut self, parent: usize, wanted: &str) -> usize {
        if let Some(&known) = self.known.get(&(parent, wanted.to_owned())) {
            return known;
        }
        let at = self.places.len();
        self.places.push(Place { parent, wanted: wanted.to_owned(), ..Place::default() });
        self.places[parent].children.push(at);
        self.known.insert((parent, wanted.to_owned()), at);
        at
    }

    /// Says how what hangs at a place is made. Before the names are given, that makes it a layer.
    pub(super) fn set_layer(&mut self, place: usize, expression: String) {
        self.places[place].layer = Some(expression);
        if self.places[place].name.is_empty() {
            self.places[place].block = false;
        }
    }

    /// Gives every place its name in Python; nothing may be hung up after that.
    pub(super) fn name(&mut self) {
        for parent in 0..self.places.len() {
            let taken: &[&[&str]] = match () {
                () if self.places[parent].layer.is_some() => &[&LAYER, &EMBEDDING],
                () if self.is_dictionary(parent) => &[&DICTIONARY],
                () => &[],
            };
            let listed = self.is_list(parent);
            let mut siblings = HashSet::new();
            for child in self.places[parent].children.clone() {
                let wanted = &self.places[child].wanted;
                let mut name = if listed { wanted.clone() } else { attribute(wanted, taken) };
                while !siblings.insert(name.clone()) {
                    name.push('_');
                }
                self.places[child].name = name;
            }
        }
    }

    /// Whether the children of a place are numbered from 0 without a gap, and it is nothing but their list.
    fn is_list(&self, place: usize) -> bool {
        let Place { children, taken, .. } = &self.places[place];
        let numbers: HashSet<usize> = children
            .iter()
            .filter_map(|&child| {
                let number = self.places[child].wanted.parse::<usize>().ok()?;
                (number < children.len() && number.to_string() == self.places[child].wanted).then_some(number)
            })
            .collect();
        !taken && !children.is_empty() && numbers.len() == children.len()
    }

    /// Whether a place holds nothing but its children, and Python has no attribute for the name of one of them, such as `1`.
    fn is_dictionary(&self, place: usize) -> bool {
        let Place { children, taken, .. } = &self.places[place];
        !taken && !self.is_list(place) && children.iter().any(|&child| !is_identifier(&self.places[child].wanted))
    }

    /// The children of a list in the order of their numbers, of anything else in that of the network.
    fn children(&self, place: usize) -> Vec<usize> {
        let mut children = self.places[place].children.clone();
        if self.is_list(place) {
            children.sort_by_key(|&child| self.places[child].wanted.parse::<usize>().unwrap_or(0));
        }
        children
    }

    /// The dotted path of a place, as PyTorch writes it in keys.
    pub(super) fn path(&self, place: usize) -> String {
        let mut parts = Vec::new();
        let mut at = place;
        while at != Self::ROOT {
            parts.push(self.places[at].name.as_str());
            at = self.places[at].parent;
        }
        parts.reverse();
        parts.join(".")
    }

    /// The expression that leads to a place from the class around it.
    pub(super) fn access(&self, place: usize, scope: usize) -> String {
        if place == scope || place == Self::ROOT {
            return "self".to_owned();
        }
        let parent = self.places[place].parent;
        self.step(&self.access(parent, scope), parent, place)
    }

    fn step(&self, from: &str, parent: usize, child: usize) -> String {
        let name = &self.places[child].name;
        if self.is_list(parent) {
            format!("{from}[{name}]")
        } else if self.is_dictionary(parent) {
            format!("{from}[{}]", Json::from(name.as_str()))
        } else if is_identifier(name) {
            format!("{from}.{name}")
        } else {
            format!("getattr({from}, {})", Json::from(name.as_str()))
        }
    }

    /// What makes the thing at a place.
    fn made(&self, place: usize) -> String {
        let at = &self.places[place];
        if let Some(layer) = &at.layer {
            return layer.clone();
        }
        let children = self.children(place);
        if self.is_dictionary(place) {
            let item =
                |&child: &usize| format!("{}: {}", Json::from(self.places[child].name.as_str()), self.made(child));
            let items: Vec<String> = children.iter().map(item).collect();
            return among("nn.ModuleDict({", &items, "})");
        }
        if !self.is_list(place) {
            return "nn.Module()".to_owned();
        }
        let items: Vec<String> = children.into_iter().map(|child| self.made(child)).collect();
        if items.len() > 2 && items.iter().all(|item| *item == items[0]) {
            return format!("nn.ModuleList([{} for _ in range({})])", items[0], items.len());
        }
        among("nn.ModuleList([", &items, "])")
    }

    /// The statements that make all that hangs on the class at `scope`.
    pub(super) fn statements(&self, scope: usize) -> Vec<String> {
        let mut statements = Vec::new();
        self.make(scope, "self", &mut statements);
        statements
    }

    fn make(&self, place: usize, from: &str, statements: &mut Vec<String>) {
        let held = self.is_list(place) || self.is_dictionary(place);
        for child in self.children(place) {
            let (name, to) = (&self.places[child].name, self.step(from, place, child));
            if !held {
                let made = self.made(child);
                statements.push(if is_identifier(name) {
                    format!("{to} = {made}")
                } else {
                    format!("setattr({from}, {}, {made})", Json::from(name.as_str()))
                });
            }
            if !self.places[child].block {
                self.make(child, &to, statements);
            }
        }
    }
}

/// Items between brackets, on a line each where one line is too short for them.
fn among(open: &str, items: &[String], close: &str) -> String {
    let line = format!("{open}{}{close}", items.join(", "));
    if line.len() <= 80 {
        return line;
    }
    format!("{open}\n            {},\n        {close}", items.join(",\n            "))
}

/// A name for an attribute that clashes with none that modules have, and none of those that are taken besides.
fn attribute(wanted: &str, taken: &[&[&str]]) -> String {
    let taken = taken.iter().any(|names| names.contains(&wanted));
    if wanted.is_empty() {
        "node".to_owned()
    } else if wanted.starts_with('_') {
        // Modules keep much under such names, and Python changes some of them within classes.
        format!("n{wanted}")
    } else if MODULE.contains(&wanted) || taken {
        format!("{wanted}_")
    } else {
        wanted.to_owned()
    }
}

fn is_identifier(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && !KEYWORDS.contains(&name)
}

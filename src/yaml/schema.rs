//! What a file kind may contain, said once: the same description checks the
//! structure of a document, explains it in messages, and prints the JSON Schema
//! (draft-07) that editors complete from.

use serde_json::{Map, Value as Json, json};

use super::{Document, Key, Node, Problems, Value, nearest};

/// One key of a mapping.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// The key.
    pub name: &'static str,
    /// What its value may be.
    pub kind: &'static Kind,
    /// Whether it must be there.
    pub required: bool,
    /// What it means, in a sentence.
    pub doc: &'static str,
}

/// What a value may be.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// Any text.
    Text,
    /// A whole number within bounds.
    Int {
        /// Smallest.
        min: i64,
        /// Largest.
        max: i64,
    },
    /// Any number within bounds.
    Number {
        /// Smallest.
        min: f64,
        /// Largest.
        max: f64,
    },
    /// `true` or `false`.
    Bool,
    /// A number, text or truth value.
    Scalar,
    /// One of these words.
    Word(&'static [&'static str]),
    /// A list of one kind, with at least so many elements.
    List(&'static Kind, usize),
    /// A mapping with known keys.
    Map(&'static [Field]),
    /// A mapping with keys of the user's choosing.
    Dictionary(&'static Kind),
    /// A mapping told apart by which of these keys it has.
    Tagged(&'static [(&'static str, &'static [Field])]),
    /// One of several kinds, told apart by the YAML type.
    Either(&'static [&'static Kind]),
    /// Any value of the kind, a `choice:` among such values, or an `=expression`.
    Choosable(&'static Kind),
    /// A kind that contains itself, by name.
    Recursive(&'static str, fn() -> &'static Kind),
}

/// The description of a file kind.
#[derive(Clone, Copy, Debug)]
pub struct Schema {
    /// Its name: `space`, `search`, `proxy`, `table`.
    pub name: &'static str,
    /// What the file is, in a sentence.
    pub doc: &'static str,
    /// The keys of the document.
    pub fields: &'static [Field],
}

/// The keys of a `choice:` in place of a value.
const CHOICE_KEYS: [&str; 4] = ["choice", "weights", "ordered", "default"];

impl Schema {
    /// Checks the structure of a document and collects every mistake.
    pub fn check(&self, document: &Document, problems: &mut Problems) {
        if matches!(document.root.value, Value::Map(_)) {
            check_map(self.fields, &document.root, "", problems);
        } else {
            let message = format!("a {} file is a mapping, but this is {}", self.name, document.root.kind());
            let required: Vec<&str> = self.fields.iter().filter(|f| f.required).map(|f| f.name).collect();
            problems.at(&document.root, "", message, format!("it needs at least: {}", required.join(", ")));
        }
    }
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

fn check_map(fields: &[Field], node: &Node, path: &str, problems: &mut Problems) {
    for (key, value) in node.entries() {
        match fields.iter().find(|f| f.name == key.text) {
            Some(field) => check(field.kind, value, &join(path, &key.text), problems),
            None => unknown_key(key, fields.iter().map(|f| f.name), path, problems),
        }
    }
    for field in fields.iter().filter(|f| f.required && node.get(f.name).is_none()) {
        let message = format!("`{}` is missing", field.name);
        problems.add(first_line(node), path, message, format!("{}: {}", field.name, field.doc));
    }
}

/// Points at the start of a node, since a whole mapping would underline half the file.
fn first_line(node: &Node) -> super::Span {
    match node.entries().first() {
        Some((key, _)) => key.span,
        None => super::Span { offset: node.span.offset, len: 1 },
    }
}

fn unknown_key<'a>(key: &Key, valid: impl Iterator<Item = &'a str>, path: &str, problems: &mut Problems) {
    problems.add(key.span, join(path, &key.text), format!("unknown key `{}`", key.text), nearest(&key.text, valid));
}

fn check(kind: &Kind, node: &Node, path: &str, problems: &mut Problems) {
    match kind {
        Kind::Text => expect(matches!(node.value, Value::Text(_)), kind, node, path, problems),
        Kind::Bool => expect(matches!(node.value, Value::Bool(_)), kind, node, path, problems),
        Kind::Scalar => {
            let scalar = matches!(node.value, Value::Text(_) | Value::Bool(_) | Value::Int(_) | Value::Float(_));
            expect(scalar, kind, node, path, problems);
        }
        Kind::Int { min, max } => {
            let fits = node.int().is_some_and(|int| (*min..=*max).contains(&int));
            expect(fits, kind, node, path, problems);
        }
        Kind::Number { min, max } => {
            let fits = node.number().is_some_and(|number| (*min..=*max).contains(&number));
            expect(fits, kind, node, path, problems);
        }
        Kind::Word(words) => {
            let fits = node.text().is_some_and(|text| words.contains(&text));
            if !fits {
                let help = nearest(node.text().unwrap_or_default(), words.iter().copied());
                problems.at(node, path, format!("`{node}` is not {}", describe(kind)), help);
            }
        }
        Kind::List(element, least) => match &node.value {
            Value::List(items) => {
                if items.len() < *least {
                    let message = format!("needs at least {least} element(s), but has {}", items.len());
                    problems.at(node, path, message, "");
                }
                for (index, item) in items.iter().enumerate() {
                    check(element, item, &format!("{path}[{index}]"), problems);
                }
            }
            _ => expect(false, kind, node, path, problems),
        },
        Kind::Map(fields) => match node.value {
            Value::Map(_) => check_map(fields, node, path, problems),
            _ => expect(false, kind, node, path, problems),
        },
        Kind::Dictionary(element) => match &node.value {
            Value::Map(entries) => {
                for (key, value) in entries {
                    check(element, value, &join(path, &key.text), problems);
                }
            }
            _ => expect(false, kind, node, path, problems),
        },
        Kind::Tagged(variants) => check_tagged(variants, node, path, problems),
        Kind::Either(kinds) => match kinds.iter().find(|kind| same_type(kind, node)) {
            // A word that is none of those may be meant as something else.
            Some(Kind::Word(words)) if !node.text().is_some_and(|text| words.contains(&text)) => {
                expect(false, kind, node, path, problems);
            }
            Some(kind) => check(kind, node, path, problems),
            None => expect(false, kind, node, path, problems),
        },
        Kind::Choosable(inner) => check_choosable(inner, node, path, problems),
        Kind::Recursive(_, kind) => check(kind(), node, path, problems),
    }
}

fn expect(fits: bool, kind: &Kind, node: &Node, path: &str, problems: &mut Problems) {
    if !fits {
        problems.at(node, path, format!("expected {}, found {}", describe(kind), found(node)), "");
    }
}

fn found(node: &Node) -> String {
    match node.value {
        Value::Null | Value::List(_) | Value::Map(_) => node.kind().to_owned(),
        _ => format!("`{node}`"),
    }
}

fn check_tagged(variants: &[(&str, &[Field])], node: &Node, path: &str, problems: &mut Problems) {
    if !matches!(node.value, Value::Map(_)) {
        let tags: Vec<&str> = variants.iter().map(|(tag, _)| *tag).collect();
        let message = format!("expected a mapping with one of the keys {}, found {}", tags.join(", "), found(node));
        problems.at(node, path, message, "");
        return;
    }
    match variants.iter().find(|(tag, _)| node.get(tag).is_some()) {
        Some((_, fields)) => check_map(fields, node, path, problems),
        None => {
            let message = "this mapping does not say what it is".to_owned();
            let tags: Vec<String> = variants.iter().map(|(tag, _)| format!("`{tag}:`")).collect();
            problems.add(first_line(node), path, message, format!("give it one of {}", tags.join(", ")));
        }
    }
}

fn check_choosable(inner: &'static Kind, node: &Node, path: &str, problems: &mut Problems) {
    if node.text().is_some_and(|text| text.starts_with('=')) {
        return;
    }
    let Some(choice) = node.get("choice") else { return check(inner, node, path, problems) };
    for (key, _) in node.entries() {
        if !CHOICE_KEYS.contains(&key.text.as_str()) {
            unknown_key(key, CHOICE_KEYS.into_iter(), path, problems);
        }
    }
    let options = choice.items();
    let path = format!("{path}.choice");
    if !matches!(choice.value, Value::List(_)) {
        problems.at(choice, &path, format!("expected a list of options, found {}", found(choice)), "");
    } else if options.is_empty() {
        problems.at(
            choice,
            &path,
            "a choice needs at least one option",
            "remove the choice, or list what may be chosen",
        );
    }
    for (index, option) in options.iter().enumerate() {
        check(inner, option, &format!("{path}[{index}]"), problems);
    }
    if let Some(weights) = node.get("weights") {
        let fits = weights.items().len() == options.len()
            && weights.items().iter().all(|w| w.number().is_some_and(|w| w >= 0.0 && w.is_finite()))
            && weights.items().iter().filter_map(Node::number).sum::<f64>() > 0.0;
        if !fits {
            let message = format!("`weights` needs {} numbers, none negative, not all zero", options.len());
            problems.at(weights, &path, message, "one weight for each option, in the same order");
        }
    }
    if let Some(ordered) = node.get("ordered") {
        check(&Kind::Bool, ordered, &path, problems);
    }
}

/// Whether a node has the YAML type of a kind, whatever its value.
fn same_type(kind: &Kind, node: &Node) -> bool {
    match kind {
        Kind::Text | Kind::Word(_) => matches!(node.value, Value::Text(_)),
        Kind::Int { .. } => matches!(node.value, Value::Int(_)),
        Kind::Number { .. } => matches!(node.value, Value::Int(_) | Value::Float(_)),
        Kind::Bool => matches!(node.value, Value::Bool(_)),
        Kind::Scalar => !matches!(node.value, Value::List(_) | Value::Map(_) | Value::Null),
        Kind::List(..) => matches!(node.value, Value::List(_)),
        Kind::Map(_) | Kind::Dictionary(_) | Kind::Tagged(_) => matches!(node.value, Value::Map(_)),
        Kind::Either(kinds) => kinds.iter().any(|kind| same_type(kind, node)),
        Kind::Choosable(inner) => {
            node.get("choice").is_some()
                || node.text().is_some_and(|text| text.starts_with('='))
                || same_type(inner, node)
        }
        Kind::Recursive(_, kind) => same_type(kind(), node),
    }
}

/// A kind in words.
fn describe(kind: &Kind) -> String {
    match kind {
        Kind::Text => "text".to_owned(),
        Kind::Int { min, max } if *max == i64::MAX => format!("a whole number of at least {min}"),
        Kind::Int { min, max } => format!("a whole number from {min} to {max}"),
        Kind::Number { min, max } => match (min.is_finite(), max.is_finite()) {
            (true, true) => format!("a number from {min} to {max}"),
            (true, false) => format!("a number of at least {min}"),
            _ => "a number".to_owned(),
        },
        Kind::Bool => "true or false".to_owned(),
        Kind::Scalar => "a number, text, or true/false".to_owned(),
        Kind::Word(words) => format!("one of {}", words.join(", ")),
        Kind::List(element, _) => format!("a list (each {})", describe(element)),
        Kind::Map(_) | Kind::Dictionary(_) | Kind::Tagged(_) => "a mapping".to_owned(),
        Kind::Either(kinds) => kinds.iter().map(|kind| describe(kind)).collect::<Vec<_>>().join(", or "),
        Kind::Choosable(inner) => format!("{}, a choice, or an =expression", describe(inner)),
        Kind::Recursive(name, _) => format!("a {name}"),
    }
}

/// The JSON Schema (draft-07) of a file kind.
pub fn json_schema(schema: &Schema) -> Json {
    let mut definitions = Map::new();
    let mut root = map_schema(schema.fields, &mut definitions);
    let mut document = Map::new();
    document.insert("$schema".to_owned(), json!("http://json-schema.org/draft-07/schema#"));
    document.insert("title".to_owned(), json!(format!("pocketnas {}", schema.name)));
    document.insert("description".to_owned(), json!(schema.doc));
    if let Json::Object(root) = &mut root {
        document.append(root);
    }
    document.insert("definitions".to_owned(), Json::Object(definitions));
    Json::Object(document)
}

fn map_schema(fields: &[Field], definitions: &mut Map<String, Json>) -> Json {
    let mut properties = Map::new();
    for field in fields {
        let mut schema = kind_schema(field.kind, definitions);
        if let Json::Object(object) = &mut schema {
            // draft-07 ignores whatever stands beside a $ref.
            if object.contains_key("$ref") {
                schema = json!({ "allOf": [schema], "description": field.doc });
            } else {
                object.insert("description".to_owned(), json!(field.doc));
            }
        }
        properties.insert(field.name.to_owned(), schema);
    }
    let required: Vec<&str> = fields.iter().filter(|f| f.required).map(|f| f.name).collect();
    json!({ "type": "object", "additionalProperties": false, "properties": properties, "required": required })
}

fn kind_schema(kind: &Kind, definitions: &mut Map<String, Json>) -> Json {
    match kind {
        Kind::Text => json!({ "type": "string" }),
        Kind::Bool => json!({ "type": "boolean" }),
        Kind::Scalar => json!({ "type": ["string", "number", "boolean"] }),
        Kind::Int { min, max } if *max == i64::MAX => json!({ "type": "integer", "minimum": min }),
        Kind::Int { min, max } => json!({ "type": "integer", "minimum": min, "maximum": max }),
        Kind::Number { min, max } => {
            let mut schema = json!({ "type": "number" });
            if min.is_finite() {
                schema["minimum"] = json!(min);
            }
            if max.is_finite() {
                schema["maximum"] = json!(max);
            }
            schema
        }
        Kind::Word(words) => json!({ "enum": words }),
        Kind::List(element, least) => {
            json!({ "type": "array", "items": kind_schema(element, definitions), "minItems": least })
        }
        Kind::Map(fields) => map_schema(fields, definitions),
        Kind::Dictionary(element) => {
            json!({ "type": "object", "additionalProperties": kind_schema(element, definitions) })
        }
        Kind::Tagged(variants) => {
            let each: Vec<Json> = variants
                .iter()
                .map(|(tag, fields)| {
                    let mut schema = map_schema(fields, definitions);
                    if let Some(required) = schema["required"].as_array_mut()
                        && !required.contains(&json!(tag))
                    {
                        required.push(json!(tag));
                    }
                    schema
                })
                .collect();
            json!({ "anyOf": each })
        }
        Kind::Either(kinds) => {
            json!({ "anyOf": kinds.iter().map(|kind| kind_schema(kind, definitions)).collect::<Vec<_>>() })
        }
        Kind::Choosable(inner) => {
            let inner = kind_schema(inner, definitions);
            json!({ "anyOf": [
                inner.clone(),
                { "type": "string", "pattern": "^=", "description": "an expression" },
                { "type": "object", "additionalProperties": false, "required": ["choice"], "properties": {
                    "choice": { "type": "array", "items": inner, "minItems": 1, "description": "what may be chosen" },
                    "weights": { "type": "array", "items": { "type": "number", "minimum": 0 }, "description": "how often each option is sampled, in proportion" },
                    "ordered": { "type": "boolean", "description": "whether neighbours in the list are similar" },
                    "default": { "description": "the option of the default architecture" },
                } },
            ] })
        }
        Kind::Recursive(name, kind) => {
            if !definitions.contains_key(*name) {
                // Reserve the name first: the kind refers to itself.
                definitions.insert((*name).to_owned(), Json::Null);
                let schema = kind_schema(kind(), definitions);
                definitions.insert((*name).to_owned(), schema);
            }
            json!({ "$ref": format!("#/definitions/{name}") })
        }
    }
}

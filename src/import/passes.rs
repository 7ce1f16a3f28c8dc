//! What is taken out of a model before it is read: operators that pass their input on when a network is run.

use std::collections::{HashMap, HashSet};

use super::fold;
use super::model::{Model, Node};

/// The program that writes the files of this one.
const OWN: &str = "pocketnas";

/// Whether this program wrote the file.
pub(super) fn is_own(model: &Model) -> bool {
    model.producer == OWN
}

/// Joins what reads an operator that only passes its input on to what that reads.
pub(super) fn drop_passing(model: &mut Model) {
    let own = is_own(model);
    let mut source: HashMap<String, String> = HashMap::new();
    let nodes = std::mem::take(&mut model.nodes);
    let checked: HashMap<String, String> = nodes
        .iter()
        .filter(|node| node.op == "IsNaN" && node.domain.is_empty())
        .filter_map(|node| Some((node.output().to_owned(), node.input(0)?.to_owned())))
        .collect();
    let mut whole = whole_numbers(model);
    let idle = idle_dropouts(model, &nodes);
    for mut node in nodes {
        for input in &mut node.inputs {
            if let Some(from) = source.get(input) {
                input.clone_from(from);
            }
        }
        let counts = matches!(node.op.as_str(), "Shape" | "Size")
            || node.op == "Cast" && !matches!(node.int("to"), Some(1 | 10 | 11 | 16));
        if counts || node.op != "Cast" && node.input(0).is_some_and(|first| whole.contains(first)) {
            whole.extend(node.outputs.iter().cloned());
        }
        // Sizes that are turned to floating point are another thing than they were: their quotients are not cut off.
        if node.op == "Cast" && node.input(0).is_some_and(|first| whole.contains(first)) {
            model.nodes.push(node);
            continue;
        }
        match passed(&node, own, &model.outputs, &checked, &idle) {
            Some(from) => {
                source.insert(node.output().to_owned(), from.to_owned());
            }
            None => model.nodes.push(node),
        }
    }
    for output in &mut model.outputs {
        if let Some(from) = source.get(output) {
            output.clone_from(from);
        }
    }
}

/// What dropouts make that are not told to train, and whose mask nothing reads.
fn idle_dropouts(model: &Model, nodes: &[Node]) -> HashSet<String> {
    let read: HashSet<&String> = nodes.iter().flat_map(|node| &node.inputs).chain(&model.outputs).collect();
    let made: HashMap<&str, &Node> =
        nodes.iter().filter(|node| node.op == "Constant").map(|node| (node.output(), node)).collect();
    let off = |name: &str| {
        let value = || made.get(name).and_then(|node| fold::value(node));
        model.constants.get(name).cloned().or_else(value).and_then(|value| value.scalar()) == Some(0.0)
    };
    let idle = |node: &&Node| {
        node.op == "Dropout"
            && node.input(2).is_none_or(off)
            && node.outputs.get(1).is_none_or(|mask| !read.contains(mask))
    };
    nodes.iter().filter(idle).map(|node| node.output().to_owned()).collect()
}

/// Whether an input has its channels last, as TensorFlow has images: they are put first before anything is done to it but
/// element by element.
pub(super) fn channels_last(model: &Model, input: &str) -> bool {
    let mut last = HashSet::from([input]);
    let mut turned = false;
    for node in &model.nodes {
        if !node.inputs.iter().any(|name| last.contains(name.as_str())) {
            continue;
        }
        match node.op.as_str() {
            "Transpose" if node.ints("perm") == Some(&[0, 3, 1, 2]) => turned = true,
            "Add" | "Sub" | "Mul" | "Div" | "Cast" | "Clip" | "Pad" => {
                last.extend(node.outputs.iter().map(String::as_str))
            }
            "Shape" => {}
            _ => return false,
        }
    }
    turned && !model.outputs.iter().any(|output| last.contains(output.as_str()))
}

/// Constants and inputs of whole numbers.
fn whole_numbers(model: &Model) -> HashSet<String> {
    let constants = model.constants.iter().filter(|(_, value)| !value.is_float()).map(|(name, _)| name.clone());
    let inputs = model.inputs.iter().filter(|input| input.is_whole()).map(|input| input.name.clone());
    constants.chain(inputs).collect()
}

/// The input that a node passes on.
fn passed<'n>(
    node: &'n Node,
    own: bool,
    outputs: &[String],
    checked: &HashMap<String, String>,
    idle: &HashSet<String>,
) -> Option<&'n str> {
    if !node.domain.is_empty() {
        return None;
    }
    let first = node.input(0)?;
    match node.op.as_str() {
        // Our own files hold an identity where the network does, and where an output needs a name of its own.
        "Identity" if own => {
            let renamed = node.output().trim_end_matches('_').strip_suffix("/output") == Some(first);
            (renamed && outputs.iter().any(|output| output == node.output())).then_some(first)
        }
        "Identity" => Some(first),
        "Dropout" => idle.contains(node.output()).then_some(first),
        // Whether in single or double precision, a network computes the same; ids keep their cast.
        "Cast" if matches!(node.int("to"), Some(1 | 10 | 11 | 16)) => Some(first),
        // PyTorch has softmax yield zeros where a whole row is masked: where(isnan(p), 0, p).
        "Where" => {
            let kept = node.input(2)?;
            (checked.get(first).map(String::as_str) == Some(kept)).then_some(kept)
        }
        _ => None,
    }
}

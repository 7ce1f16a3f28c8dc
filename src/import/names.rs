//! Names for the nodes of a network, as close as can be to those they had where the model was written. Weights are named
//! after their layers; where they are not, the scopes that exporters write are taken.

use std::collections::HashSet;

use super::model::Node;

/// Names that are taken.
#[derive(Debug, Default)]
pub(super) struct Names(HashSet<String>);

impl Names {
    /// That name, or with a number after it if it is taken.
    pub(super) fn take(&mut self, wanted: &str) -> String {
        let wanted = if wanted.is_empty() { "node" } else { wanted };
        if self.0.insert(wanted.to_owned()) {
            return wanted.to_owned();
        }
        let mut number = 1u64;
        loop {
            let name = format!("{wanted}_{number}");
            if self.0.insert(name.clone()) {
                return name;
            }
            number += 1;
        }
    }

    /// A name for what a node becomes.
    pub(super) fn of(&mut self, node: &Node) -> String {
        let layer = node.inputs.iter().skip(1).find_map(|input| layer(input));
        match layer {
            Some(layer) if !self.0.contains(layer) => self.take(layer),
            _ => self.take(&scope(&node.name)),
        }
    }
}

/// The layer that a weight belongs to, where its name says so.
fn layer(weight: &str) -> Option<&str> {
    let layer = weight.strip_suffix(".weight")?;
    (!layer.is_empty() && !layer.contains("::") && !layer.contains('/')).then_some(layer)
}

/// `/layer1/layer1.0/conv1/Conv` as `layer1.0.conv1`; a name without scopes as it is.
pub(super) fn scope(name: &str) -> String {
    let Some(scopes) = name.strip_prefix('/') else { return name.to_owned() };
    let mut parts: Vec<&str> = scopes.split('/').collect();
    let op = parts.pop().unwrap_or_default();
    let mut path = String::new();
    for part in parts {
        // A scope within a list or a sequence repeats the name of that.
        if path.is_empty() || part.starts_with(&format!("{path}.")) {
            path = part.to_owned();
        } else if let Some(last) = path.rfind('.').map_or(Some(0), |dot| Some(dot + 1))
            && part.strip_prefix(&path[last..]).is_some_and(|rest| rest.starts_with('.'))
        {
            path.replace_range(last.., part);
        } else {
            path = format!("{path}.{part}");
        }
    }
    if path.is_empty() { op.to_lowercase() } else { path }
}

/// Our own files name the steps towards an operator `NAME/step`; the network knows it as `NAME`.
pub(super) fn plain<'n>(names: impl Iterator<Item = &'n mut String>) {
    let names: Vec<&mut String> = names.collect();
    let mut taken: HashSet<String> = names.iter().map(|name| (**name).clone()).collect();
    for name in names {
        if let Some((before, _)) = name.rsplit_once('/')
            && !before.is_empty()
            && taken.insert(before.to_owned())
        {
            *name = before.to_owned();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_become_the_names_of_layers() {
        for (name, wanted) in [
            ("/layer1/layer1.0/conv1/Conv", "layer1.0.conv1"),
            ("/features/features.0/features.0.0/Conv", "features.0.0"),
            ("/features/features.3/block/block.1/fc1/Conv", "features.3.block.1.fc1"),
            ("/Flatten", "flatten"),
            ("s1.0.conv", "s1.0.conv"),
            ("node_relu_1", "node_relu_1"),
        ] {
            assert_eq!(scope(name), wanted);
        }
        let mut names = Names::default();
        assert_eq!([names.take("a"), names.take("a"), names.take("")], ["a", "a_1", "node"]);
    }
}

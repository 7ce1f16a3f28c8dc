//! Which blocks become classes, and where they hang: what the names of layers say.

use std::collections::{BTreeMap, BTreeSet};

use super::tree;
use crate::graph::{Block, Network, NodeId, Op};

/// A block with its nodes.
pub(super) type Blocked = (Block, Vec<NodeId>);

/// The names of all layers, each with its block by index, in the order of their texts: those within a scope stand together.
fn layers<'n>(network: &'n Network, nodes: &[Blocked]) -> Vec<(&'n str, usize)> {
    let of_block = |(index, (_, nodes)): (usize, &'_ Blocked)| -> Vec<(&'n str, usize)> {
        let layers = nodes.iter().filter(|id| !network.parameters(**id).is_empty());
        layers.map(|id| (&*network.node(*id).name, index)).collect()
    };
    let mut layers: Vec<(&str, usize)> = nodes.iter().enumerate().flat_map(of_block).collect();
    layers.sort_unstable();
    layers
}

/// Those within a scope.
fn within<'l, 'n>(layers: &'l [(&'n str, usize)], scope: &str) -> &'l [(&'n str, usize)] {
    let prefix = format!("{scope}.");
    let start = layers.partition_point(|(name, _)| *name < &*prefix);
    &layers[start..start + layers[start..].iter().take_while(|(name, _)| name.starts_with(&prefix)).count()]
}

/// The blocks of a network. Those that follow each other and share a numbered scope, as attention and perceptron share
/// `blocks.3`, are one, which is called like the scope.
pub(super) fn blocks(network: &Network) -> Vec<Blocked> {
    let ids: Vec<NodeId> = network.ids().collect();
    let with_nodes = |block: Block| {
        let nodes = ids[block.nodes.clone()].to_vec();
        (block, nodes)
    };
    let mut single: Vec<Blocked> = network.blocks().into_iter().map(with_nodes).collect();
    // Blocks without nodes bear no layers, and have no place among those that do.
    single.retain(|(_, nodes)| !nodes.is_empty());
    let layers = layers(network, &single);
    let mut of_block: Vec<Vec<&str>> = vec![Vec::new(); single.len()];
    layers.iter().for_each(|(name, block)| of_block[*block].push(name));
    let mut blocks: Vec<Blocked> = Vec::with_capacity(single.len());
    let mut next = 0;
    while next < single.len() {
        let scope = shared(&of_block[next]);
        let same = |block: &usize| of_block[*block].is_empty() || shared(&of_block[*block]) == scope;
        let run = (next..single.len()).take_while(same).filter(|block| !of_block[*block].is_empty());
        let last = run.last().filter(|_| scope.is_some()).unwrap_or(next);
        let held: usize = (next..=last).map(|block| of_block[block].len()).sum();
        match scope {
            Some(scope) if last > next && within(&layers, scope).len() == held => {
                let nodes = single[next..=last].iter().flat_map(|(_, nodes)| nodes.iter().copied()).collect();
                let span = single[next].0.nodes.start..single[last].0.nodes.end;
                blocks.push((Block { name: scope.to_owned(), description: String::new(), nodes: span }, nodes));
            }
            _ => blocks.extend_from_slice(&single[next..=last]),
        }
        next = last + 1;
    }
    blocks
}

/// The narrowest numbered scope that holds all of these layers, which stand in order.
fn shared<'n>(names: &[&'n str]) -> Option<&'n str> {
    let (first, last) = (names.first()?, names.last()?);
    let same = first.bytes().zip(last.bytes()).take_while(|(a, b)| a == b).count();
    // What the first and the last have in common, all have.
    let scopes = first.match_indices('.').filter(|(at, _)| *at < same).map(|(at, _)| &first[..at]);
    scopes.rev().find(|scope| is_numbered(scope))
}

fn is_numbered(scope: &str) -> bool {
    scope.rsplit_once('.').is_some_and(|(_, last)| last.bytes().all(|b| b.is_ascii_digit()))
}

/// The blocks that become classes, each with the scope that it hangs at: that of its own name, or else the widest one
/// that holds all of its layers and none of another block. A block without layers is one where it stands in a row of such
/// blocks, as `s1.2` does between `s1.1` and `s1.3`.
pub(super) fn own(network: &Network, nodes: &[Blocked]) -> BTreeMap<usize, String> {
    let layers = layers(network, nodes);
    let within = |scope: &str| within(&layers, scope);
    let mut of_block: Vec<Vec<&str>> = vec![Vec::new(); nodes.len()];
    layers.iter().for_each(|(name, block)| of_block[*block].push(name));
    let is_layer = |scope: &str| layers.binary_search_by(|(name, _)| (*name).cmp(scope)).is_ok();
    // All of a block's layers, and those of no other; one that bears the name of a layer is no scope of its own.
    let holds = |scope: &str, index: usize| {
        let inside = within(scope);
        let deep = tree::is_deep(scope) || inside.iter().any(|(name, _)| tree::is_deep(name));
        let alone = inside.iter().all(|(_, owner)| *owner == index) && inside.len() == of_block[index].len();
        alone && !deep && !is_layer(scope)
    };
    let mut scopes: Vec<(String, usize)> = Vec::new();
    let mut without_layers: Vec<(String, usize)> = Vec::new();
    for (index, (block, nodes)) in nodes.iter().enumerate() {
        let opens = nodes.iter().any(|&id| matches!(network.node(id).op, Op::Input { .. }));
        if nodes.is_empty() || opens {
            continue;
        }
        let Some(first) = of_block[index].first() else {
            if holds(&block.name, index) {
                without_layers.push((block.name.clone(), index));
            }
            continue;
        };
        let around = first.match_indices('.').map(|(at, _)| &first[..at]);
        // What hangs on a class is an attribute of it.
        let named =
            |scope: &&str| within(scope).iter().all(|(name, _)| tree::begins_as_attribute(&name[scope.len() + 1..]));
        let scope = std::iter::once(&*block.name).chain(around.filter(named)).find(|scope| holds(scope, index));
        scopes.extend(scope.map(|scope| (scope.to_owned(), index)));
    }
    let row = |name: &str| name.rsplit_once('.').filter(|_| is_numbered(name)).map(|(row, _)| row.to_owned());
    let rows: BTreeSet<String> = scopes.iter().filter_map(|(scope, _)| row(scope)).collect();
    scopes.extend(without_layers.into_iter().filter(|(name, _)| row(name).is_some_and(|row| rows.contains(&row))));
    // One within another stays lines of the network.
    let mut scopes: Vec<(String, usize)> =
        scopes.into_iter().map(|(scope, index)| (format!("{scope}."), index)).collect();
    scopes.sort();
    let mut own = BTreeMap::new();
    let mut last: Option<String> = None;
    for (scope, index) in scopes {
        if last.as_ref().is_none_or(|last| !scope.starts_with(last)) {
            own.insert(index, scope[..scope.len() - 1].to_owned());
            last = Some(scope);
        }
    }
    own
}

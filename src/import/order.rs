//! The order in which the operators of a model can be computed.

use std::collections::{BTreeSet, HashMap};

use super::model::Node;

/// The nodes, each after what it reads, else in the order of the file. What no node makes is there from the beginning.
///
/// # Errors
/// The names of nodes that feed each other in a cycle.
pub(super) fn sort(nodes: Vec<Node>) -> Result<Vec<Node>, String> {
    let mut maker: HashMap<&str, usize> = HashMap::new();
    for (index, node) in nodes.iter().enumerate() {
        maker.extend(node.outputs.iter().map(|name| (name.as_str(), index)));
    }
    let feeders: Vec<Vec<usize>> = nodes
        .iter()
        .map(|node| node.inputs.iter().filter_map(|name| maker.get(name.as_str()).copied()).collect())
        .collect();
    let mut waiting: Vec<usize> = feeders.iter().map(Vec::len).collect();
    let mut feeds: Vec<Vec<usize>> = vec![Vec::new(); nodes.len()];
    for (index, from) in feeders.iter().enumerate() {
        from.iter().for_each(|&from| feeds[from].push(index));
    }
    let mut ready: BTreeSet<usize> = (0..nodes.len()).filter(|&index| waiting[index] == 0).collect();
    let mut order = Vec::with_capacity(nodes.len());
    while let Some(index) = ready.pop_first() {
        order.push(index);
        for &next in &feeds[index] {
            waiting[next] -= 1;
            if waiting[next] == 0 {
                ready.insert(next);
            }
        }
    }
    if order.len() < nodes.len() {
        return Err(cycle(&nodes, &feeders, &waiting));
    }
    let mut slots: Vec<Option<Node>> = nodes.into_iter().map(Some).collect();
    Ok(order.into_iter().filter_map(|index| slots[index].take()).collect())
}

/// One cycle among the nodes that still wait for something.
fn cycle(nodes: &[Node], feeders: &[Vec<usize>], waiting: &[usize]) -> String {
    let mut at = waiting.iter().position(|&count| count > 0).unwrap_or(0);
    let mut path = Vec::new();
    loop {
        if let Some(start) = path.iter().position(|&seen| seen == at) {
            let mut names: Vec<&str> =
                path[start..].iter().rev().map(|&index: &usize| nodes[index].name.as_str()).collect();
            names.push(names[0]);
            return names.join(" → ");
        }
        path.push(at);
        // A node that waits reads something from one that waits too.
        match feeders[at].iter().find(|&&from| waiting[from] > 0) {
            Some(&from) => at = from,
            None => return nodes[at].name.clone(),
        }
    }
}

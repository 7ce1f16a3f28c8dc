//! Cells: small graphs whose edges are choices, from their nodes, or the edges given, to the pairs they join.

use super::super::file::{Cell, Combine, Item, ItemKind};
use super::{Lower, combine_of};
use crate::yaml::{Node, nearest};

impl Lower<'_> {
    pub(super) fn cell(&mut self, node: &Node, path: &str) -> Cell {
        let listed = node.get("nodes").map(Node::items).unwrap_or_default();
        let nodes: Vec<String> = listed.iter().filter_map(|n| n.text().map(str::to_owned)).collect();
        for (index, name) in nodes.iter().enumerate() {
            if nodes[..index].contains(name) {
                self.problems.at(&listed[index], path, format!("two nodes are named `{name}`"), "rename one of them");
            }
        }
        let params = self.params(node, path);
        let inputs: Vec<Vec<Item>> = match node.get("inputs") {
            Some(lists) => (lists.items().iter().enumerate())
                .map(|(index, list)| self.items(Some(list), &format!("{path}.inputs[{index}]"), false, &[]))
                .collect(),
            None => vec![Vec::new()],
        };
        if inputs.len() >= nodes.len() {
            self.problems.at(node, path, "every node is an input", "name the nodes behind the inputs too");
        }
        let mut edges: Vec<(usize, usize, Item)> = Vec::new();
        for (index, edge) in node.get("edges").map(Node::items).unwrap_or_default().iter().enumerate() {
            let path = format!("{path}.edges[{index}]");
            let choice = self.item_choice(edge, &path, &[]);
            for (from, to) in self.pairs(edge, &nodes, &path).into_iter().filter(|(_, to)| *to >= inputs.len()) {
                if edges.iter().any(|(f, t, _)| (*f, *t) == (from, to)) {
                    let message = format!("there are two edges from `{}` to `{}`", nodes[from], nodes[to]);
                    self.problems.at(edge, &path, message, "merge their choices");
                }
                let name = format!("{}_{}", nodes[from], nodes[to]);
                let kind = ItemKind::Choice(choice.clone());
                edges.push((
                    from,
                    to,
                    Item {
                        name,
                        kind,
                        when: None,
                        repeat: None,
                        from: Vec::new(),
                        span: edge.span,
                        path: path.clone(),
                    },
                ));
            }
        }
        if let (Some(take), true) = (node.get("take"), node.get("edges").map_or(0, |edges| edges.items().len()) > 1) {
            let help = "write one entry, `between: all`";
            self.problems.at(take, path, "edges can only be chosen among edges with the same operators", help);
        }
        let take = node.get("take").and_then(Node::int).map(|take| take as usize);
        for (index, name) in nodes.iter().enumerate().skip(inputs.len()) {
            let arriving = edges.iter().filter(|(_, to, _)| *to == index).count();
            if arriving == 0 {
                self.problems.at(node, path, format!("nothing leads to the node `{name}`"), "add an edge to it");
            } else if take.is_some_and(|take| take > arriving) {
                let message = format!("only {arriving} edges lead to the node `{name}`, fewer than are to be taken");
                self.problems.at(node.get("take").unwrap_or(node), path, message, "take fewer, or add edges to it");
            }
        }
        edges.sort_by_key(|(from, to, _)| (*to, *from));
        let combine = node.get("combine").map_or(Combine::Add, combine_of);
        let output = node.get("output").map(combine_of);
        Cell { params, nodes, inputs, edges, take, combine, output }
    }

    /// The pairs of nodes that an edge entry stands for.
    fn pairs(&mut self, edge: &Node, nodes: &[String], path: &str) -> Vec<(usize, usize)> {
        let Some(between) = edge.get("between") else { return Vec::new() };
        if between.text() == Some("all") {
            return (1..nodes.len()).flat_map(|to| (0..to).map(move |from| (from, to))).collect();
        }
        let mut ends = Vec::new();
        for end in between.items() {
            let name = end.text().unwrap_or_default();
            match nodes.iter().position(|n| n == name) {
                Some(index) => ends.push(index),
                None => {
                    let help = nearest(name, nodes.iter().map(String::as_str));
                    self.problems.at(end, path, format!("the cell has no node `{name}`"), help);
                }
            }
        }
        match ends[..] {
            [from, to] if from < to => vec![(from, to)],
            [from, to] => {
                let message = format!("an edge from `{}` to `{}` would close a cycle", nodes[from], nodes[to]);
                self.problems.at(between, path, message, "edges lead from a node to a later one in the list of nodes");
                Vec::new()
            }
            _ if ends.len() == between.items().len() => {
                self.problems.at(between, path, "an edge lies between two nodes", "write [from, to]");
                Vec::new()
            }
            _ => Vec::new(),
        }
    }
}

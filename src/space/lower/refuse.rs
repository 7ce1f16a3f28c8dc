//! What only shows when a whole list or the whole file has been read: outputs that nothing takes, blocks that contain
//! themselves, names that mean two things.

use std::collections::{HashMap, HashSet};

use super::super::file::{File, Item};
use super::Lower;
use super::nesting::{DEPTH, contains_itself, depth};
use crate::yaml::{Node, Span};

impl Lower<'_> {
    /// An item whose output nothing takes computes nothing, and would still be priced.
    pub(super) fn refuse_unread(&mut self, node: Option<&Node>, path: &str, items: &[Item]) {
        let nodes = node.map(Node::items).unwrap_or_default();
        for (index, (item, node)) in items.iter().zip(nodes).enumerate() {
            let Some(next) = items.get(index + 1) else { break };
            let mut read = next.from.is_empty();
            for later in &items[index + 1..] {
                later.visit_from(&mut |name| read |= name == item.name);
            }
            if !read {
                let message = format!("nothing takes the output of `{}`", item.name);
                let help = format!("name it in the `from:` of a later item (`{}` comes next), or remove it", next.name);
                self.problems.at(node, &format!("{path}[{index}]"), message, help);
            }
        }
    }

    /// A block or cell that contains itself would never end.
    pub(super) fn refuse_recursion(&mut self, root: &Node, file: &File) {
        for name in file.blocks.keys().chain(file.cells.keys()) {
            let mut trail = vec![name.as_str()];
            if contains_itself(name, file, &mut HashSet::new(), &mut trail) {
                let key = ["blocks", "cells"].iter().find_map(|group| root.get(group)?.key(name));
                let message = format!("`{name}` contains itself: {}", trail.join(" → "));
                let span = key.map_or(Span::default(), |key| key.span);
                self.problems.add(span, name.as_str(), message, "nothing can be recursive here; use `repeat`");
                return;
            }
        }
        let mut depths = HashMap::new();
        for name in file.blocks.keys().chain(file.cells.keys()) {
            if depth(name, file, &mut depths, 0) > DEPTH {
                let key = ["blocks", "cells"].iter().find_map(|group| root.get(group)?.key(name));
                let span = key.map_or(Span::default(), |key| key.span);
                let message = format!("`{name}` nests blocks more than {DEPTH} deep");
                self.problems.add(span, name.as_str(), message, "nest less; a row is written with `repeat`");
                return;
            }
        }
    }

    /// Blocks, cells and decisions are spoken of by name alone.
    pub(super) fn refuse_ambiguity(&mut self, root: &Node) {
        let mut seen: Vec<&str> = Vec::new();
        for group in ["blocks", "cells", "decisions"] {
            for (key, _) in root.get(group).map(Node::entries).unwrap_or_default() {
                if seen.contains(&key.text.as_str()) {
                    let message = format!("`{}` is the name of something else already", key.text);
                    self.problems.add(key.span, group, message, "blocks, cells and decisions share one set of names");
                }
                seen.push(&key.text);
            }
        }
    }
}

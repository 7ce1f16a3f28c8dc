//! Which blocks and cells contain which, and how deep: nothing may contain itself, and no file may exhaust the stack.

use std::collections::{HashMap, HashSet};

use super::super::file::{File, Part};

/// Deeper nesting of blocks is refused.
pub(super) const DEPTH: usize = 64;

/// Whether `target` can be reached from the last name of `trail`, which then ends in it. Each is looked into once.
pub(super) fn contains_itself<'a>(
    target: &str,
    file: &'a File,
    seen: &mut HashSet<&'a str>,
    trail: &mut Vec<&'a str>,
) -> bool {
    let Some(last) = trail.last() else { return false };
    // What nests deeper is refused for its depth.
    if trail.len() > DEPTH + 1 {
        return false;
    }
    for next in used_by(last, file) {
        trail.push(next);
        if next == target || (seen.insert(next) && contains_itself(target, file, seen, trail)) {
            return true;
        }
        trail.pop();
    }
    false
}

/// Blocks and cells that one of them uses directly.
fn used_by<'a>(name: &str, file: &'a File) -> Vec<&'a str> {
    let mut used = Vec::new();
    file.visit_named(name, &mut |part| {
        if let Part::Named(name) = part {
            used.push(name);
        }
    });
    used
}

/// How deep blocks and cells nest below one of them; the count stops beyond [`DEPTH`].
pub(super) fn depth<'a>(name: &'a str, file: &'a File, known: &mut HashMap<&'a str, usize>, level: usize) -> usize {
    if let Some(&depth) = known.get(name) {
        return depth;
    }
    if level > DEPTH {
        return 1;
    }
    let below = used_by(name, file).into_iter().map(|next| depth(next, file, known, level + 1)).max();
    let depth = 1 + below.unwrap_or(0);
    known.insert(name, depth);
    depth
}

//! Counts a space without compiling it, where no decision depends on another: then every architecture takes the same
//! decisions, and the architectures are the product of their options. Shared cells make spaces that no automaton of
//! a sensible size holds, but whose size is known all the same.

use num_bigint::BigUint;

use super::file::{File, Item, ItemKind, Part, Setting, SettingKind};

/// Whether every architecture of a space takes the same decisions. Conservative: `false` may also mean that this is
/// not plain to see.
pub(super) fn unconditional(file: &File) -> bool {
    let mut steady = file.constraints.is_empty();
    let mut look = |part: Part<'_>| {
        if let Part::Setting(setting) = part {
            steady &= options_decide_nothing(setting);
        }
    };
    let names = file.blocks.keys().chain(file.cells.keys());
    names.for_each(|name| file.visit_named(name, &mut look));
    file.network.iter().for_each(|item| item.visit(&mut look));
    file.decisions.iter().for_each(|(_, setting)| look(Part::Setting(setting)));
    let inputs = file.cells.values().flat_map(|cell| cell.inputs.iter().flatten());
    let edges = file.cells.values().flat_map(|cell| cell.edges.iter().map(|(_, _, edge)| edge));
    let layers = file.blocks.values().flat_map(|block| &block.layers);
    steady && file.network.iter().chain(layers).chain(inputs).chain(edges).all(|item| is_steady(file, item))
}

/// Whether the decisions within an item are taken whatever else is decided.
fn is_steady(file: &File, item: &Item) -> bool {
    let chosen = |setting: &Option<Setting>| setting.as_ref().is_some_and(|s| !matches!(s.kind, SettingKind::Fixed(_)));
    if (item.when.is_some() || chosen(&item.repeat)) && decides(file, item) {
        return false;
    }
    match &item.kind {
        ItemKind::Choice(choice) => choice.options.iter().all(|option| !decides(file, option)),
        ItemKind::Branches(branches, _) => branches.iter().flatten().all(|item| is_steady(file, item)),
        ItemKind::Stage(stage) => is_steady(file, &stage.block),
        _ => true,
    }
}

/// Whether anything may be decided within an item, directly or in a block or cell that it uses.
fn decides(file: &File, item: &Item) -> bool {
    let mut decided = matches!(item.kind, ItemKind::Choice(_));
    let mut used = Vec::new();
    let mut look = |part: Part<'_>| match part {
        Part::Setting(setting) => decided |= matters(file, setting),
        Part::Expr(expr) => decided |= expr.names().iter().any(|name| is_decision(file, name)),
        Part::Named(name) => used.push(name.to_owned()),
    };
    item.visit(&mut look);
    let mut at = 0;
    while at < used.len() {
        let name = used[at].clone();
        at += 1;
        if file.cells.contains_key(&name) {
            return true;
        }
        let mut more = Vec::new();
        file.visit_named(&name, &mut |part| match part {
            Part::Setting(setting) => decided |= matters(file, setting),
            Part::Expr(expr) => decided |= expr.names().iter().any(|name| is_decision(file, name)),
            Part::Named(name) => more.push(name.to_owned()),
        });
        decided |= file
            .blocks
            .get(&name)
            .is_some_and(|block| block.layers.iter().any(|i| matches!(i.kind, ItemKind::Choice(_))));
        used.extend(more);
    }
    decided
}

fn is_decision(file: &File, name: &str) -> bool {
    file.decisions.iter().any(|(key, _)| key == name)
}

/// Whether a setting is a choice or mentions a decision.
fn matters(file: &File, setting: &Setting) -> bool {
    matches!(setting.kind, SettingKind::Choice(_)) || setting.names().iter().any(|name| is_decision(file, name))
}

/// Whether the options of a choice are plain values.
fn options_decide_nothing(setting: &Setting) -> bool {
    match &setting.kind {
        SettingKind::Choice(choice) => choice.options.iter().all(|o| matches!(o.kind, SettingKind::Fixed(_))),
        _ => true,
    }
}

/// The product of the options.
pub(super) fn product(options: impl IntoIterator<Item = usize>) -> BigUint {
    options.into_iter().fold(BigUint::from(1u32), |product, options| product * options)
}

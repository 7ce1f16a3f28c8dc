//! What is decided before a program runs: through what every value is read, where its gradient gathers, and how long
//! both are kept.
//!
//! A *reading* is a stored value (the *base*) seen through at most one batch norm and one activation. Gradients gather
//! in *slots*, one for each base and norm it is read through: the gradient of the value before the activation. Where the
//! terms of a sum need nothing but the gradient of the sum itself, they share its slot and nothing is copied.

use std::collections::HashMap;

use super::buffers::{Span, Stores};
use super::items::{Action, Items, Port};
use crate::engine::Plan;
use crate::graph::{Activation, Network};

/// How the value of an item is read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reading {
    /// The item that stores it.
    pub base: usize,
    /// The batch norm it is read through.
    pub norm: Option<usize>,
    /// The activation after that.
    pub activation: Option<Activation>,
}

/// All decisions about one network.
#[derive(Debug)]
pub(super) struct Decisions {
    pub readings: Vec<Reading>,
    /// Whether the gradient of an item's value is needed.
    pub needed: Vec<bool>,
    /// Items whose value and gradient are kept to the end.
    pub pinned: Vec<bool>,
    /// The store of each item's value.
    pub values: Vec<Option<usize>>,
    /// The slot of each base and norm.
    pub slots: HashMap<(usize, Option<usize>), usize>,
    /// The store of each slot, those that share one included.
    pub gradients: Vec<Option<usize>>,
    /// The slot whose gradient each one shares; itself if it shares none.
    pub shares: Vec<usize>,
    /// The norm through which alone the gradient of a base arrives.
    pub through: Vec<Option<usize>>,
    /// The sum that a pooling writes into directly.
    pub fused: Vec<Option<usize>>,
    /// Norms whose sums are taken when the gradient of a sum item is complete, since they share its slot.
    pub turned_with: Vec<Vec<usize>>,
    /// The item that sends the last gradient to a slot of a batch norm, if the slot is the norm's alone.
    pub completes: Vec<Option<usize>>,
    /// Bases whose statistics a batch norm needs.
    pub normed: Vec<bool>,
    /// Elements of each store.
    pub sizes: Vec<usize>,
}

impl Decisions {
    pub fn new(network: &Network, items: &Items, plan: &Plan) -> Self {
        let count = items.list.len();
        let mut decisions = Self {
            readings: readings(items),
            needed: vec![false; count],
            pinned: vec![false; count],
            values: vec![None; count],
            slots: HashMap::new(),
            gradients: Vec::new(),
            shares: Vec::new(),
            through: vec![None; count],
            fused: vec![None; count],
            turned_with: vec![Vec::new(); count],
            completes: Vec::new(),
            normed: vec![false; count],
            sizes: Vec::new(),
        };
        for &id in network.outputs().iter().chain(&plan.watch) {
            if let Some(port) = items.of_node[id.index()] {
                decisions.pinned[decisions.readings[port.item].base] = true;
            }
        }
        if plan.input_gradients {
            items.inputs.iter().flatten().for_each(|&item| decisions.pinned[item] = true);
        }
        for (i, item) in items.list.iter().enumerate() {
            if item.action == Action::BatchNorm {
                decisions.normed[decisions.readings[i].base] = true;
            }
        }
        decisions.fuse(items);
        if plan.backward {
            decisions.need(items);
            decisions.gather(items);
            decisions.share(items);
            decisions.complete(items);
        }
        decisions.place(items, plan);
        decisions
    }

    /// Average poolings and others whose only reader is a sum are added to it as they are computed.
    fn fuse(&mut self, items: &Items) {
        let mut readers = vec![Vec::new(); items.list.len()];
        for (i, item) in items.list.iter().enumerate() {
            item.inputs.iter().for_each(|port| readers[port.item].push(i));
        }
        for (i, item) in items.list.iter().enumerate() {
            if let (Action::Pool(_), [reader]) = (&item.action, readers[i].as_slice())
                && items.list[*reader].action == Action::Sum
                && !self.pinned[i]
            {
                self.fused[i] = Some(*reader);
            }
        }
    }

    fn need(&mut self, items: &Items) {
        for (i, item) in items.list.iter().enumerate() {
            let trained = matches!(item.action, Action::Conv { .. } | Action::BatchNorm) || item.action.has_table();
            self.needed[i] = trained || self.pinned[i] || item.inputs.iter().any(|port| self.needed[port.item]);
        }
    }

    /// The readings that send a gradient back: item, port.
    fn senders<'a>(&'a self, items: &'a Items) -> impl Iterator<Item = (usize, Port)> + 'a {
        let active = |&(i, _): &(usize, &super::items::Item)| self.needed[i];
        items.list.iter().enumerate().filter(active).filter(|(_, item)| !item.action.is_view()).flat_map(|(i, item)| {
            let needed = item.inputs.iter().filter(|port| self.needed[port.item]);
            needed.map(move |&port| (i, port))
        })
    }

    /// Whether something with padding between its channels lies in each store.
    pub fn padded(&self, items: &Items) -> Vec<bool> {
        let mut padded = vec![false; self.sizes.len()];
        let mut mark = |store: Option<usize>, item: usize| {
            let layout = items.list[item].layout;
            if let Some(store) = store.filter(|_| layout.channels < layout.stride()) {
                padded[store] = true;
            }
        };
        self.values.iter().enumerate().for_each(|(item, &store)| mark(store, item));
        self.slots.iter().for_each(|(&(base, _), &slot)| mark(self.gradients[slot], base));
        padded
    }

    fn slot(&mut self, base: usize, norm: Option<usize>) -> usize {
        let next = self.shares.len();
        let slot = *self.slots.entry((base, norm)).or_insert(next);
        if slot == next {
            self.shares.push(next);
        }
        slot
    }

    /// Whether the backward kernel of an item takes its gradient through a batch norm.
    fn takes_slope(&self, items: &Items, item: usize) -> bool {
        let action = &items.list[item].action;
        let feeds_pool = *action == Action::Sum && self.fused.contains(&Some(item));
        action.takes_slope() && !feeds_pool && !self.pinned[item]
    }

    /// Makes the slots, and decides through what the gradient of each base arrives.
    fn gather(&mut self, items: &Items) {
        let keys: Vec<(usize, Option<usize>)> = self
            .senders(items)
            .map(|(_, port)| self.readings[port.item])
            .map(|reading| (reading.base, reading.norm))
            .collect();
        let pinned = (0..items.list.len()).filter(|&i| self.pinned[i] && self.readings[i].base == i);
        let pinned: Vec<(usize, Option<usize>)> = pinned.map(|i| (i, None)).collect();
        for &(base, norm) in keys.iter().chain(&pinned) {
            self.slot(base, norm);
        }
        for base in 0..items.list.len() {
            let norms: Vec<usize> =
                self.slots.keys().filter(|(of, _)| *of == base).filter_map(|&(_, norm)| norm).collect();
            match norms[..] {
                [] => {}
                [norm] if !self.slots.contains_key(&(base, None)) && self.takes_slope(items, base) => {
                    self.through[base] = Some(norm);
                }
                // The parts are added up in a slot of the base's own.
                _ => {
                    self.slot(base, None);
                }
            }
        }
    }

    /// Lets the terms of sums share the gradient of the sum.
    fn share(&mut self, items: &Items) {
        let mut senders: HashMap<(usize, Option<usize>), usize> = HashMap::new();
        for (_, port) in self.senders(items) {
            let reading = self.readings[port.item];
            *senders.entry((reading.base, reading.norm)).or_default() += 1;
        }
        for sum in (0..items.list.len()).rev() {
            // A gradient that arrives through a norm is not stored as such.
            if items.list[sum].action != Action::Sum || self.through[sum].is_some() {
                continue;
            }
            let Some(&whole) = self.slots.get(&(sum, None)) else { continue };
            for port in &items.list[sum].inputs {
                let Reading { base, norm, activation } = self.readings[port.item];
                let key = (base, norm);
                let merged = norm.is_none() && self.slots.keys().any(|&(of, norm)| of == base && norm.is_some());
                if activation.is_none() && senders.get(&key) == Some(&1) && !self.pinned[base] && !merged {
                    self.shares[self.slots[&key]] = self.shares[whole];
                    self.turned_with[sum].extend(norm);
                }
            }
        }
    }

    /// Finds who sends the last gradient to each slot: on the way back the first item that reads it.
    fn complete(&mut self, items: &Items) {
        let mut first: Vec<Option<usize>> = vec![None; self.shares.len()];
        let mut twice = vec![false; self.shares.len()];
        for (i, port) in self.senders(items) {
            let Reading { base, norm, .. } = self.readings[port.item];
            let slot = self.slots[&(base, norm)];
            // One that reads it by two ports sends twice, and is complete only after the second.
            twice[slot] |= first[slot] == Some(i);
            first[slot].get_or_insert(i);
            twice[self.shares[slot]] |= self.shares[slot] != slot;
        }
        let alone = |slot: usize| self.shares[slot] == slot && !twice[slot];
        self.completes = first.iter().enumerate().map(|(slot, &item)| item.filter(|_| alone(slot))).collect();
    }

    /// Decides how long everything is kept, and where.
    fn place(&mut self, items: &Items, plan: &Plan) {
        let count = items.list.len();
        let backward = |item: usize| 2 * count - item;
        let (seeds, end) = (count, 2 * count + 1);
        let mut spans: Vec<Option<Span>> = vec![None; count + self.shares.len()];
        let mut keep = |buffer: usize, item: usize, step: usize| {
            let size = items.list[item].layout.sample() * plan.batch;
            let span = spans[buffer].get_or_insert(Span { size, born: step, dies: step });
            span.born = span.born.min(step);
            span.dies = span.dies.max(step);
            span.size = span.size.max(size);
        };
        for (i, item) in items.list.iter().enumerate() {
            let reading = self.readings[i];
            if reading.base == i && self.fused[i].is_none() {
                keep(i, i, i);
                // Inputs are kept, so that a second backward pass can make the values again that the first one used up.
                if self.pinned[i] || matches!(item.action, Action::Input(_)) {
                    keep(i, i, end);
                }
            }
            if item.action == Action::BatchNorm {
                keep(reading.base, reading.base, i);
            }
            for port in &item.inputs {
                let read = self.readings[port.item];
                if self.fused[read.base].is_some() {
                    continue;
                }
                // A fused pooling runs when its sum does.
                keep(read.base, read.base, self.fused[i].unwrap_or(i));
                if plan.backward && self.needed[i] && !item.action.is_view() && needs_value(&item.action, &read) {
                    keep(read.base, read.base, backward(i));
                }
            }
            if plan.backward && self.needed[i] && item.action == Action::Softmax {
                keep(i, i, backward(i));
            }
        }
        for (&(base, norm), &slot) in &self.slots {
            let buffer = count + self.shares[slot];
            if let Some(norm) = norm {
                keep(buffer, base, backward(norm));
                keep(base, base, backward(base));
            }
            keep(buffer, base, backward(base));
            if self.pinned[base] {
                keep(buffer, base, seeds);
                keep(buffer, base, end);
            }
        }
        if plan.backward {
            for (i, port) in self.senders(items) {
                let Reading { base, norm, .. } = self.readings[port.item];
                keep(count + self.shares[self.slots[&(base, norm)]], base, backward(i));
            }
        }
        let stores = Stores::new(&spans);
        self.values = stores.of[..count].to_vec();
        self.gradients = self.shares.iter().map(|&slot| stores.of[count + slot]).collect();
        self.sizes = stores.sizes;
    }
}

fn readings(items: &Items) -> Vec<Reading> {
    let mut readings: Vec<Reading> = Vec::with_capacity(items.list.len());
    for (i, item) in items.list.iter().enumerate() {
        readings.push(match item.action {
            Action::BatchNorm => Reading { base: readings[item.inputs[0].item].base, norm: Some(i), activation: None },
            Action::Activation(function) => Reading { activation: Some(function), ..readings[item.inputs[0].item] },
            _ => Reading { base: i, norm: None, activation: None },
        });
    }
    readings
}

/// Whether an item looks at what it reads again on the way back.
fn needs_value(action: &Action, reading: &Reading) -> bool {
    match action {
        Action::Sum => reading.activation.is_some(),
        Action::Upsample { .. }
        | Action::PixelShuffle { .. }
        | Action::Reshape { .. }
        | Action::Softmax
        | Action::Place
        | Action::Prepend
        | Action::Slice { .. }
        | Action::Shuffle { .. } => false,
        _ => true,
    }
}

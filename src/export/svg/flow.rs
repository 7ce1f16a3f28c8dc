//! The operators of one block, laid out from left to right: what depends on each other in columns, what does not in lanes.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::label::{Tint, follows, label};
use crate::graph::{Live, Network, NodeId};
use crate::report::Typeface;

/// From one line of a chip to the next, px.
pub(super) const LINE: f64 = 14.0;
/// From one column to the next, px.
const GAP: f64 = 20.0;
/// From one lane to the next, px.
const BETWEEN: f64 = 7.0;
/// From the label of a port to what is right of it, px.
pub(super) const PORT: f64 = 6.0;
/// A block that is wider, px, has operators in a row stacked in one chip.
const WIDEST: f64 = 900.0;

/// How high a chip of so many lines is, px.
pub(super) fn chip_height(lines: usize) -> f64 {
    6.0 + LINE * lines as f64
}

/// What stands in a place.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    /// Where a tensor enters or leaves, with what it is where there are several.
    Port { label: String },
    /// A line that passes by.
    Way { live: bool },
    /// Operators.
    Chip { lines: Vec<String>, tint: Tint, live: bool },
}

/// A place of a block, in px from its upper left corner.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Spot {
    pub(super) kind: Kind,
    pub(super) left: f64,
    pub(super) width: f64,
    pub(super) middle: f64,
    /// Right edge of its column, from which lines may bend.
    pub(super) edge: f64,
    column: usize,
    lane: usize,
}

impl Spot {
    pub(super) fn right(&self) -> f64 {
        self.left + self.width
    }
}

/// A block laid out.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Flow {
    pub(super) spots: Vec<Spot>,
    /// Lines between spots of neighbouring columns, and whether anything depends on what they carry.
    pub(super) segments: Vec<(usize, usize, bool)>,
    pub(super) width: f64,
    pub(super) height: f64,
}

/// Where an operator takes an input from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    /// A tensor from outside, by position among them.
    Entry(usize),
    /// A chip before it.
    Chip(usize),
}

/// One operator and what is written behind it.
#[derive(Clone, Debug)]
struct Chip {
    lines: Vec<String>,
    tint: Tint,
    live: bool,
    last: NodeId,
    inputs: Vec<Source>,
    /// Whether something outside of the block reads it.
    leaves: bool,
}

impl Flow {
    /// The nodes of a block, which stand in order.
    pub(super) fn new(network: &Network, live: &Live, nodes: &[NodeId], typeface: &Typeface) -> Self {
        let (entries, chips) = chips(network, live, nodes);
        let flow = Self::laid(&entries, &chips, typeface);
        if flow.width <= WIDEST {
            return flow;
        }
        Self::laid(&entries, &stacked(&chips), typeface)
    }

    /// Places for entries and chips.
    fn laid(entries: &[Entry], chips: &[Chip], typeface: &Typeface) -> Self {
        let spot =
            |kind: Kind, column: usize| Spot { kind, column, lane: 0, left: 0.0, width: 0.0, middle: 0.0, edge: 0.0 };
        let port = |label: &str| Kind::Port { label: label.to_owned() };
        // Room for viewers without the typeface, whose own is up to a tenth wider.
        let wide = |words: &str, size: f64| 1.1 * typeface.width(words, size, false);
        let mut spots: Vec<Spot> = entries.iter().map(|entry| spot(port(&entry.label), 0)).collect();
        for spot in &mut spots {
            if let Kind::Port { label } = &spot.kind
                && !label.is_empty()
            {
                spot.width = (wide(label, super::SMALL) + PORT).ceil();
            }
        }
        // Every line: from a spot to a spot.
        let mut lines: Vec<(usize, usize)> = Vec::new();
        let place = |source: &Source| match source {
            Source::Entry(at) => *at,
            Source::Chip(at) => entries.len() + at,
        };
        for chip in chips {
            let from: Vec<usize> = chip.inputs.iter().map(place).collect();
            let column = from.iter().map(|&from| spots[from].column + 1).max().unwrap_or(0);
            lines.extend(from.into_iter().map(|from| (from, spots.len())));
            let kind = Kind::Chip { lines: chip.lines.clone(), tint: chip.tint, live: chip.live };
            let width = chip.lines.iter().map(|line| wide(line, super::CHIP)).fold(11.0, f64::max);
            spots.push(Spot { width: (width + 12.0).ceil(), ..spot(kind, column) });
        }
        let last = spots.iter().map(|spot| spot.column).max().unwrap_or(0) + 1;
        for (at, _) in chips.iter().enumerate().filter(|(_, chip)| chip.leaves) {
            lines.push((entries.len() + at, spots.len()));
            spots.push(spot(port(""), last));
        }
        let is_live = |at: usize| match at.checked_sub(entries.len()) {
            None => entries[at].live,
            Some(chip) => chips.get(chip).is_some_and(|chip| chip.live),
        };
        let segments = ways(&mut spots, &lines, &is_live);
        let mut flow = Self { spots, segments, width: 0.0, height: 0.0 };
        flow.choose_lanes();
        flow.measure();
        flow
    }

    /// Gives every spot a lane of its own within its column, near those it comes from.
    fn choose_lanes(&mut self) {
        let mut before: Vec<Vec<usize>> = vec![Vec::new(); self.spots.len()];
        self.segments.iter().for_each(|&(from, to, _)| before[to].push(from));
        let mut columns: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (at, spot) in self.spots.iter().enumerate() {
            columns.entry(spot.column).or_default().push(at);
        }
        for column in columns.into_values() {
            let mut taken = BTreeSet::new();
            for at in column {
                let wanted = before[at].iter().map(|&from| self.spots[from].lane).min().unwrap_or(0);
                let near = (0..).map(|off| wanted + off).find(|lane| !taken.contains(lane)).unwrap_or(wanted);
                let above = (0..wanted).rev().find(|lane| !taken.contains(lane));
                let lane = above.filter(|above| wanted - above < near - wanted).unwrap_or(near);
                taken.insert(lane);
                self.spots[at].lane = lane;
            }
        }
    }

    /// Columns as wide as their widest chip, lanes as high as their highest.
    fn measure(&mut self) {
        let columns = self.spots.iter().map(|spot| spot.column).max().map_or(0, |last| last + 1);
        let lanes = self.spots.iter().map(|spot| spot.lane).max().map_or(0, |last| last + 1);
        let (mut widths, mut heights) = (vec![0f64; columns], vec![8f64; lanes]);
        for spot in &self.spots {
            widths[spot.column] = widths[spot.column].max(spot.width);
            if let Kind::Chip { lines, .. } = &spot.kind {
                heights[spot.lane] = heights[spot.lane].max(chip_height(lines.len()));
            }
        }
        let offsets = |sizes: &[f64], gap: f64| -> Vec<f64> {
            let mut at = 0.0;
            let mut next = |size: &f64| {
                let here = at;
                at += size + gap;
                here
            };
            sizes.iter().map(&mut next).collect()
        };
        let (lefts, tops) = (offsets(&widths, GAP), offsets(&heights, BETWEEN));
        for spot in &mut self.spots {
            spot.left = lefts[spot.column];
            spot.edge = spot.left + widths[spot.column];
            if matches!(spot.kind, Kind::Way { .. } | Kind::Port { .. }) {
                spot.width = widths[spot.column];
            }
            spot.middle = tops[spot.lane] + heights[spot.lane] / 2.0;
        }
        self.width = lefts.last().map_or(0.0, |left| left + widths[columns - 1]);
        self.height = tops.last().map_or(0.0, |top| top + heights[lanes - 1]);
    }
}

/// A tensor from outside.
#[derive(Clone, Debug)]
struct Entry {
    label: String,
    live: bool,
}

/// What enters a block: where it comes from, which goes without saying where there is only one.
fn labelled(network: &Network, live: &Live, entries: &[NodeId]) -> Vec<Entry> {
    let block = |id: NodeId| network.block_name(network.node(id).block);
    let label = |&id: &NodeId| match entries.iter().filter(|&&other| block(other) == block(id)).count() {
        _ if entries.len() == 1 => String::new(),
        1 => block(id).to_owned(),
        _ => network.node(id).name.clone(),
    };
    entries.iter().map(|id| Entry { label: super::one_line(&label(id)), live: live.contains(*id) }).collect()
}

/// What enters, and operators with what is written behind them.
fn chips(network: &Network, live: &Live, nodes: &[NodeId]) -> (Vec<Entry>, Vec<Chip>) {
    let mut entries: Vec<NodeId> = Vec::new();
    let mut chips: Vec<Chip> = Vec::new();
    let mut chip_of: HashMap<NodeId, usize> = HashMap::new();
    let leaves = |id: NodeId| {
        network.outputs().contains(&id) || network.consumers(id).any(|(_, to)| nodes.binary_search(&to).is_err())
    };
    for &id in nodes {
        let (node, inputs) = (network.node(id), network.inputs(id));
        let (words, tint) = label(&node.op, network.input_shape(id));
        // What only one operator reads, and that in a row, shares a chip with it.
        if let ([from], true) = (&inputs[..], follows(&node.op))
            && let Some(&at) = chip_of.get(from)
            && chips[at].last == *from
            && network.consumers(*from).count() == 1
            && !network.outputs().contains(from)
            && chips[at].live == live.contains(id)
            && chips[at].tint != Tint::Join
        {
            let chip = &mut chips[at];
            if let Some(line) = chip.lines.last_mut() {
                line.push_str(" · ");
                line.push_str(&words);
            }
            (chip.last, chip.leaves) = (id, leaves(id));
            chip_of.insert(id, at);
            continue;
        }
        let mut sources: Vec<Source> = Vec::with_capacity(inputs.len());
        for from in inputs {
            let source = match chip_of.get(&from) {
                Some(&at) => Source::Chip(at),
                None => Source::Entry(entries.iter().position(|entry| *entry == from).unwrap_or_else(|| {
                    entries.push(from);
                    entries.len() - 1
                })),
            };
            if !sources.contains(&source) {
                sources.push(source);
            }
        }
        chip_of.insert(id, chips.len());
        let live = live.contains(id);
        chips.push(Chip { lines: vec![words], tint, live, last: id, inputs: sources, leaves: leaves(id) });
    }
    (labelled(network, live, &entries), chips)
}

/// The same with operators in a row in one chip, a line for each.
fn stacked(chips: &[Chip]) -> Vec<Chip> {
    let mut readers = vec![0usize; chips.len()];
    for source in chips.iter().flat_map(|chip| &chip.inputs) {
        if let Source::Chip(at) = source {
            readers[*at] += 1;
        }
    }
    let mut place: Vec<usize> = Vec::with_capacity(chips.len());
    let mut kept: Vec<Chip> = Vec::new();
    for chip in chips {
        if let [Source::Chip(from)] = chip.inputs[..] {
            let before = &mut kept[place[from]];
            let plain = chip.tint != Tint::Join && before.tint != Tint::Join;
            if readers[from] == 1 && !before.leaves && plain && before.live == chip.live {
                before.lines.extend(chip.lines.iter().cloned());
                if before.tint == Tint::Plain {
                    before.tint = chip.tint;
                }
                (before.last, before.leaves) = (chip.last, chip.leaves);
                place.push(place[from]);
                continue;
            }
        }
        let moved = |source: &Source| match source {
            Source::Chip(at) => Source::Chip(place[*at]),
            entry => *entry,
        };
        let inputs = chip.inputs.iter().map(moved).collect();
        place.push(kept.len());
        kept.push(Chip { inputs, ..chip.clone() });
    }
    kept
}

/// Cuts lines that pass columns into segments between neighbouring ones; lines from one spot share their ways.
fn ways(spots: &mut Vec<Spot>, lines: &[(usize, usize)], is_live: &dyn Fn(usize) -> bool) -> Vec<(usize, usize, bool)> {
    let mut furthest: BTreeMap<usize, usize> = BTreeMap::new();
    for &(from, to) in lines {
        let column = furthest.entry(from).or_default();
        *column = (*column).max(spots[to].column);
    }
    let mut segments = Vec::new();
    let mut way: HashMap<(usize, usize), usize> = HashMap::new();
    for (from, last) in furthest {
        let live = is_live(from);
        let mut at = from;
        for column in spots[from].column + 1..last {
            segments.push((at, spots.len(), live));
            at = spots.len();
            way.insert((from, column), at);
            spots.push(Spot {
                kind: Kind::Way { live },
                column,
                lane: 0,
                left: 0.0,
                width: 0.0,
                middle: 0.0,
                edge: 0.0,
            });
        }
    }
    for &(from, to) in lines {
        let start = way.get(&(from, spots[to].column - 1)).copied().unwrap_or(from);
        segments.push((start, to, is_live(from)));
    }
    segments
}

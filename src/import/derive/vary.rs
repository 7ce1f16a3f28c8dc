//! What varies within a block: the kernel, the channels between its layers, groups, heads, and the gate.

use std::collections::HashMap;

use super::{Joined, Part, Unit};
use crate::graph::{Conv2d, Op};

/// The values that a choice offers, and the one that the network has.
type Options = (Vec<usize>, usize);

/// What varies of a chain and of the branches within it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Variation {
    /// What its own layers take.
    pub(super) own: Varied,
    /// The part that branches, where the layers before it vary, and those after it do not.
    pub(super) until: Option<usize>,
    /// What branches take, by the part that joins them and their place in it.
    pub(super) branches: HashMap<(usize, usize), Self>,
}

/// The values that a chain may take. Names of choices end in `suffix`, so that each part of a block has its own.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Varied {
    suffix: String,
    /// The side of the windows.
    kernel: Option<Options>,
    /// Channels, or features of tokens, between the layers.
    hidden: Option<Options>,
    /// Groups of the convolutions that have a window.
    groups: Option<Options>,
    /// Heads of an attention.
    heads: Option<Options>,
    /// Channels within the gate; 0 for none.
    pub(super) excite: Option<usize>,
    /// The layer ahead of which the gate may stand, where the network has none.
    pub(super) gate_at: Option<usize>,
}

/// Shares of the network's own channels that are offered; rounded to multiples of 8.
const SHARES: [(usize, usize); 4] = [(1, 2), (3, 4), (1, 1), (5, 4)];

impl Variation {
    /// What of a block may vary while its borders stay.
    pub(super) fn of(body: &[Part]) -> Self {
        let joins: Vec<(usize, &Joined)> = body
            .iter()
            .enumerate()
            .filter_map(|(at, part)| match part {
                Part::Joined(joined) => Some((at, joined)),
                Part::Unit(_) => None,
            })
            .collect();
        let (at, joined) = match joins[..] {
            [] => return Self { own: Varied::of(&units(body)), ..Self::default() },
            [only] => only,
            // Which of them works is not plain to see.
            _ => return Self::default(),
        };
        let mut variation = Self::default();
        let weighted = |branch: &[Part]| units(branch).iter().filter(|unit| unit.is_weighted()).count();
        let branches = &joined.branches;
        match joined.combine {
            // Only the branch that does the work varies: a shortcut has to fit it.
            "add" => {
                let longest = (0..branches.len()).max_by_key(|&at| (weighted(&branches[at]), usize::MAX - at));
                if let Some(index) = longest {
                    let own = Varied::of(&units(&branches[index]));
                    variation.branches.insert((at, index), Self { own, ..Self::default() });
                }
            }
            // Each branch has its own channels at the border, and varies by itself.
            "concat" => {
                let before = body[..at].iter().rev().find_map(Part::unit).and_then(Unit::width);
                variation.own.hidden = before.and_then(|own| shares(own, 1));
                variation.until = Some(at);
                for (index, branch) in branches.iter().enumerate() {
                    let units = units(branch);
                    let kernel = units.iter().find_map(|unit| unit.window()).map(kernels);
                    let own = Varied { suffix: (index + 1).to_string(), kernel, groups: None, ..Varied::of(&units) };
                    variation.branches.insert((at, index), Self { own, ..Self::default() });
                }
            }
            _ => {}
        }
        variation
    }

    /// The parameters of the block, a line each.
    pub(super) fn params(&self) -> Vec<String> {
        let mut places: Vec<&(usize, usize)> = self.branches.keys().collect();
        places.sort_unstable();
        let branches = places.into_iter().flat_map(|place| self.branches[place].params());
        self.own.params().into_iter().chain(branches).collect()
    }
}

/// The layers of a chain; none where it has branches, of which only those of a whole block vary.
fn units(branch: &[Part]) -> Vec<&Unit> {
    branch.iter().map(Part::unit).collect::<Option<_>>().unwrap_or_default()
}

impl Varied {
    /// What of a chain between two borders may vary.
    fn of(units: &[&Unit]) -> Self {
        let heads = units.iter().find_map(|unit| match unit {
            Unit::Attention { attention, width, .. } => heads(attention.heads, attention.kv_heads, *width),
            _ => None,
        });
        let mut varied = Self { heads, ..Self::default() };
        varied.kernel = units.iter().find_map(|unit| unit.window()).map(kernels);
        let layers: Vec<usize> = (0..units.len()).filter(|&at| units[at].is_weighted()).collect();
        // Of a layer that stands alone, between two borders, the window is all that can vary.
        let Some((&end, inner)) = layers.split_last().filter(|(_, inner)| !inner.is_empty()) else {
            return varied;
        };
        let widths = |at: usize| units[at].width();
        let grouped = units.iter().filter_map(|unit| unit.groups()).max().unwrap_or(1);
        varied.hidden = inner.iter().find_map(|&at| widths(at)).and_then(|own| shares(own, grouped));
        let offered = varied.hidden.as_ref().map_or_else(Vec::new, |(options, _)| options.clone());
        let grouped: Vec<&Conv2d> = units.iter().filter_map(|unit| unit.windowed()).collect();
        if let [conv] = grouped[..]
            && conv.groups < 32
        {
            let divides = |groups: usize| {
                let channels = std::iter::once(conv.channels).chain(offered.iter().copied());
                let entering = inner.iter().filter_map(|&at| widths(at));
                channels.chain(entering).all(|width| width.is_multiple_of(groups))
            };
            let first = units.iter().position(|unit| unit.windowed().is_some());
            // The channels that enter the first layer are the border's, and not known here.
            if first.is_some_and(|at| units[..at].iter().any(|unit| unit.is_weighted())) {
                let options: Vec<usize> = [1, 2, 4].into_iter().filter(|&groups| divides(groups)).collect();
                varied.groups =
                    Some((with(&options, conv.groups), conv.groups)).filter(|(options, _)| options.len() > 1);
            }
        }
        varied.excite = units.iter().find_map(|unit| match unit {
            Unit::Op(Op::SqueezeExcite(se)) => Some(se.hidden),
            _ => None,
        });
        let convolves = |at: usize| matches!(units[at], Unit::Conv { .. });
        if let (None, Some(&before), true) = (varied.excite, inner.last(), layers.iter().all(|&at| convolves(at)))
            && let Some(width) = layers.iter().take_while(|&&at| at <= before).filter_map(|&at| widths(at)).last()
        {
            varied.excite = Some((width / 4).next_multiple_of(8));
            varied.gate_at = Some(end);
        }
        varied
    }

    /// What varies of the layer that ends at the border: all but its channels.
    pub(super) fn at_border(&self) -> Self {
        Self { hidden: None, ..self.clone() }
    }

    fn params(&self) -> Vec<String> {
        let list = |values: &[usize]| values.iter().map(usize::to_string).collect::<Vec<_>>().join(", ");
        let chosen =
            [("kernel", &self.kernel), ("hidden", &self.hidden), ("groups", &self.groups), ("heads", &self.heads)];
        let mut lines = Vec::new();
        for (name, values) in chosen {
            if let Some((options, own)) = values {
                let suffix = &self.suffix;
                lines.push(format!("{name}{suffix}: {{ choice: [{}], ordered: true, default: {own} }}", list(options)));
            }
        }
        let default = |own| if self.gate_at.is_some() { 0 } else { own };
        let gate =
            |own| format!("{}: {{ choice: [0, {own}], ordered: true, default: {} }}", self.excite_name(), default(own));
        lines.extend(self.excite.map(gate));
        lines
    }

    /// The choice of the channels within the gate.
    pub(super) fn excite_name(&self) -> String {
        format!("excite{}", self.suffix)
    }

    pub(super) fn kernel_of(&self, conv: &Conv2d) -> String {
        let varies = self.kernel.as_ref().is_some_and(|(_, own)| kept_size(conv) == Some(*own));
        if varies { format!("=kernel{}", self.suffix) } else { conv.kernel[0].to_string() }
    }

    pub(super) fn channels_of(&self, conv: &Conv2d) -> String {
        self.features_of(conv.channels)
    }

    pub(super) fn features_of(&self, features: usize) -> String {
        let varies = self.hidden.as_ref().is_some_and(|(_, own)| *own == features);
        if varies { format!("=hidden{}", self.suffix) } else { features.to_string() }
    }

    pub(super) fn groups_of(&self, conv: &Conv2d) -> String {
        let varies = self.groups.is_some() && conv.kernel[0] > 1;
        if varies { format!("=groups{}", self.suffix) } else { conv.groups.to_string() }
    }

    pub(super) fn heads_of(&self, own: usize) -> String {
        if self.heads.is_some() { format!("=heads{}", self.suffix) } else { own.to_string() }
    }
}

/// Windows that keep the size of the map.
fn kernels(own: usize) -> Options {
    (with(&[3, 5, 7], own), own)
}

/// Widths around the network's own that so many groups divide; none where it is narrow already.
fn shares(own: usize, groups: usize) -> Option<Options> {
    let round = |(part, of): (usize, usize)| (own * part / of / 8 * 8).max(8);
    let options: Vec<usize> = SHARES.into_iter().map(round).filter(|width| width.is_multiple_of(groups)).collect();
    (own >= 16).then(|| (with(&options, own), own))
}

/// Half and twice as many heads over the same features, where keys and values have as many as queries.
fn heads(own: usize, kv_heads: usize, width: usize) -> Option<Options> {
    let fits = |heads: &usize| *heads > 0 && width.is_multiple_of(2 * heads) && width / heads >= 8;
    let options: Vec<usize> = [own / 2, own * 2].into_iter().filter(fits).collect();
    (own == kv_heads && !options.is_empty()).then(|| (with(&options, own), own))
}

/// Options in order, the network's own among them.
fn with(options: &[usize], own: usize) -> Vec<usize> {
    let mut all: Vec<usize> = options.iter().copied().chain([own]).collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// The side of a window that keeps the size of the map but for the stride.
fn kept_size(conv: &Conv2d) -> Option<usize> {
    let side = conv.kernel[0];
    (side > 1 && !side.is_multiple_of(2) && conv.padding[0] == side / 2 && conv.dilation == 1).then_some(side)
}

impl Unit {
    /// Whether it is a layer with weights that may change the channels.
    pub(super) fn is_weighted(&self) -> bool {
        matches!(self, Self::Conv { .. } | Self::Linear { .. } | Self::Attention { .. })
    }

    /// The channels or features it makes; those of a depthwise convolution are its input's.
    fn width(&self) -> Option<usize> {
        match self {
            Self::Conv { conv, depthwise: false, .. } => Some(conv.channels),
            Self::Linear { features, .. } => Some(*features),
            _ => None,
        }
    }

    /// The side of its window, where that may vary.
    fn window(&self) -> Option<usize> {
        match self {
            Self::Conv { conv, .. } => kept_size(conv),
            _ => None,
        }
    }

    /// A convolution with a window that is not depthwise.
    fn windowed(&self) -> Option<&Conv2d> {
        match self {
            Self::Conv { conv, depthwise: false, .. } if conv.kernel[0] > 1 => Some(conv),
            _ => None,
        }
    }

    fn groups(&self) -> Option<usize> {
        match self {
            Self::Conv { conv, depthwise: false, .. } => Some(conv.groups),
            _ => None,
        }
    }
}

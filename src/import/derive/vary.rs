//! What varies within a block: the kernel, the channels between its layers, groups, and the gate.

use super::{Body, Unit};
use crate::graph::{Conv2d, Op};

/// The values that a block may take, each with the one that the network has.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Varied {
    /// The side of the windows.
    kernel: Option<(Vec<usize>, usize)>,
    /// Channels, or features of tokens, between the layers.
    hidden: Option<(Vec<usize>, usize)>,
    /// Groups of the convolutions that have a window.
    groups: Option<(Vec<usize>, usize)>,
    /// Channels within the gate; 0 for none.
    pub(super) excite: Option<usize>,
    /// Which of parallel chains varies.
    pub(super) branch: Option<usize>,
}

/// Shares of the network's own channels that are offered; rounded to multiples of 8.
const SHARES: [(usize, usize); 4] = [(1, 2), (3, 4), (1, 1), (5, 4)];

impl Varied {
    /// What of a block may vary while its borders stay.
    pub(super) fn of(body: &Body) -> Self {
        let (units, branch) = match &body.joined {
            None => (&body.rest, None),
            Some(joined) if joined.combine == "add" => {
                let weighted = |units: &[Unit]| units.iter().filter(|unit| unit.is_weighted()).count();
                let longest =
                    (0..joined.branches.len()).max_by_key(|&at| (weighted(&joined.branches[at]), usize::MAX - at));
                let Some(at) = longest else { return Self::default() };
                (&joined.branches[at], Some(at))
            }
            Some(_) => return Self::default(),
        };
        let layers: Vec<usize> = (0..units.len()).filter(|&at| units[at].is_weighted()).collect();
        // A layer that stands alone is a border on both sides.
        let Some((_, inner)) = layers.split_last().filter(|(_, inner)| !inner.is_empty()) else {
            return Self::default();
        };
        let mut varied = Self { branch, ..Self::default() };
        varied.kernel = units.iter().find_map(Unit::window).map(|own| (with(&[3, 5, 7], own), own));
        let widths = |at: usize| units[at].width();
        let hidden = inner.iter().find_map(|&at| widths(at));
        let grouped = units.iter().filter_map(Unit::groups).max().unwrap_or(1);
        if let Some(own) = hidden.filter(|&own| own >= 16) {
            let round = |(part, of): (usize, usize)| (own * part / of / 8 * 8).max(8);
            let options: Vec<usize> =
                SHARES.into_iter().map(round).filter(|width| width.is_multiple_of(grouped)).collect();
            varied.hidden = Some((with(&options, own), own));
        }
        let offered = varied.hidden.as_ref().map_or_else(Vec::new, |(options, _)| options.clone());
        let grouped: Vec<&Conv2d> = units.iter().filter_map(Unit::windowed).collect();
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
            if first.is_some_and(|at| units[..at].iter().any(Unit::is_weighted)) {
                let options: Vec<usize> = [1, 2, 4].into_iter().filter(|&groups| divides(groups)).collect();
                varied.groups =
                    Some((with(&options, conv.groups), conv.groups)).filter(|(options, _)| options.len() > 1);
            }
        }
        varied.excite = units.iter().find_map(|unit| match unit {
            Unit::Op(Op::SqueezeExcite(se)) => Some(se.hidden),
            _ => None,
        });
        varied
    }

    /// What varies of the layer that ends at the border: all but its channels.
    pub(super) fn at_border(&self) -> Self {
        Self { hidden: None, ..self.clone() }
    }

    /// Whether nothing varies.
    pub(super) fn is_fixed(&self) -> bool {
        self.kernel.is_none() && self.hidden.is_none() && self.groups.is_none() && self.excite.is_none()
    }

    /// The parameters of the block, a line each.
    pub(super) fn params(&self) -> Vec<String> {
        let list = |values: &[usize]| values.iter().map(usize::to_string).collect::<Vec<_>>().join(", ");
        let mut lines = Vec::new();
        for (name, values) in [("kernel", &self.kernel), ("hidden", &self.hidden), ("groups", &self.groups)] {
            if let Some((options, own)) = values {
                lines.push(format!("{name}: {{ choice: [{}], ordered: true, default: {own} }}", list(options)));
            }
        }
        lines.extend(self.excite.map(|own| format!("excite: {{ choice: [0, {own}], ordered: true, default: {own} }}")));
        lines
    }

    pub(super) fn kernel_of(&self, conv: &Conv2d) -> String {
        let varies = self.kernel.as_ref().is_some_and(|(_, own)| kept_size(conv) == Some(*own));
        if varies { "=kernel".to_owned() } else { conv.kernel[0].to_string() }
    }

    pub(super) fn channels_of(&self, conv: &Conv2d) -> String {
        self.features_of(conv.channels)
    }

    pub(super) fn features_of(&self, features: usize) -> String {
        let varies = self.hidden.as_ref().is_some_and(|(_, own)| *own == features);
        if varies { "=hidden".to_owned() } else { features.to_string() }
    }

    pub(super) fn groups_of(&self, conv: &Conv2d) -> String {
        let varies = self.groups.is_some() && conv.kernel[0] > 1;
        if varies { "=groups".to_owned() } else { conv.groups.to_string() }
    }
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

//! What a fit has seen of each kind of operator, and where a price goes beyond
//! it: extrapolation is told, never hidden.

use std::fmt;

use serde::Serialize;

use super::{Kernel, KernelKind};

/// A property of an operator whose range a fit remembers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Property {
    /// Height and width of the input.
    InputSize,
    /// Input channels.
    InputChannels,
    /// Output channels.
    OutputChannels,
    /// Height and width of the window.
    Window,
    /// Stride.
    Stride,
    /// Distance between the taps of the window.
    Dilation,
    /// Input channels per group, of grouped convolutions.
    GroupWidth,
    /// Elements of the larger of input and output. A fit may know a width and a size, but not both at once.
    Elements,
    /// Weights.
    Weights,
    /// Multiply-adds.
    Macs,
}

impl Property {
    /// Every property, in the order of tables.
    pub const ALL: [Self; 10] = [
        Self::InputSize,
        Self::InputChannels,
        Self::OutputChannels,
        Self::Window,
        Self::Stride,
        Self::Dilation,
        Self::GroupWidth,
        Self::Elements,
        Self::Weights,
        Self::Macs,
    ];

    /// The name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::InputSize => "input_size",
            Self::InputChannels => "input_channels",
            Self::OutputChannels => "output_channels",
            Self::Window => "window",
            Self::Stride => "stride",
            Self::Dilation => "dilation",
            Self::GroupWidth => "group_width",
            Self::Elements => "elements",
            Self::Weights => "weights",
            Self::Macs => "macs",
        }
    }

    /// Whether it is an amount that follows from the other properties together. Tables may be without it.
    pub(super) fn is_joint(self) -> bool {
        matches!(self, Self::Elements | Self::Weights | Self::Macs)
    }

    /// The smallest and the largest value of each property in an operator, in the order of [`ALL`](Self::ALL); height and
    /// width may differ. Amounts are counted from nothing: that an operator has less to do than any measured one is no news.
    fn values(kernel: &Kernel) -> [(u64, u64); Self::ALL.len()] {
        let pair = |[a, b]: [u32; 2]| (u64::from(a.min(b)), u64::from(a.max(b)));
        let one = |value: u32| (u64::from(value), u64::from(value));
        let grouped = kernel.kind == KernelKind::Grouped;
        let weights = kernel.weights();
        [
            pair(kernel.input),
            one(kernel.input_channels),
            one(kernel.output_channels),
            pair(kernel.window),
            one(kernel.stride),
            one(kernel.dilation),
            one(if grouped { kernel.input_channels / kernel.groups.max(1) } else { 1 }),
            (0, kernel.input_elements().max(kernel.output_elements())),
            (0, weights),
            (0, kernel.positions().saturating_mul(weights)),
        ]
    }
}

/// What a fit has seen of one kind of operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Covered {
    /// How many operators.
    pub operators: u64,
    /// Lowest and highest value of each property, in the order of [`Property::ALL`].
    pub ranges: [(u64, u64); Property::ALL.len()],
}

impl Covered {
    /// The range of an amount that a table does not tell.
    pub(super) const ANYTHING: (u64, u64) = (0, u64::MAX);

    /// The properties with their ranges, as far as they are known and operators of the kind have them.
    pub fn ranges(&self) -> impl Iterator<Item = (Property, (u64, u64))> {
        let ranges = Property::ALL.into_iter().zip(self.ranges);
        ranges.filter(|(_, (low, high))| *high > 0 && (*low, *high) != Self::ANYTHING)
    }
}

/// What a fit has seen, by kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    /// In the order of [`KernelKind::ALL`], then fully connected layers over the rows of a sequence: they run through other
    /// code than those on a single position, and say nothing of them.
    seen: [Option<Covered>; KernelKind::ALL.len() + 1],
}

/// What a price rests on too weakly.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(tag = "flag", rename_all = "snake_case")]
pub enum Flag {
    /// The fit has seen this kind of operator, but not of this size.
    Extrapolated {
        /// The kind of operator.
        operator: &'static str,
        /// What lies outside.
        property: Property,
        /// Its value.
        value: u64,
        /// Lowest and highest value seen.
        range: (u64, u64),
    },
    /// The fit has never seen this kind of operator; its price follows from its size alone.
    NotCovered {
        /// The kind of operator.
        operator: &'static str,
    },
    /// The table has no price for this kind of operator, and no network behind it has one.
    NotPriced {
        /// The kind of operator.
        operator: &'static str,
    },
    /// The price rests on networks of tokens, of which no upper bound was calibrated.
    NotBounded {
        /// The kind of operator.
        operator: &'static str,
    },
}

impl fmt::Display for Flag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Extrapolated { operator, property, value, range: (low, high) } => {
                write!(
                    f,
                    "{operator}: {} {value} is extrapolated, measured networks have {low} to {high}",
                    property.name()
                )
            }
            Self::NotBounded { operator } => {
                write!(f, "{operator} over a sequence: upper bounds were calibrated on networks without any")
            }
            Self::NotPriced { operator } => {
                write!(
                    f,
                    "{operator} counts as nothing: no measured network has one, and the table has no price for it"
                )
            }
            Self::NotCovered { operator } => write!(f, "{operator} is not covered: no measured network has one"),
        }
    }
}

impl Coverage {
    /// What these operators cover.
    pub fn of<'a>(kernels: impl IntoIterator<Item = &'a Kernel>) -> Self {
        let mut coverage = Self::default();
        for kernel in kernels {
            let values = Property::values(kernel);
            match &mut coverage.seen[Self::place(kernel.kind, kernel.is_over_sequence())] {
                Some(covered) => {
                    covered.operators += 1;
                    for (range, value) in covered.ranges.iter_mut().zip(values) {
                        *range = (range.0.min(value.0), range.1.max(value.1));
                    }
                }
                empty => *empty = Some(Covered { operators: 1, ranges: values }),
            }
        }
        coverage
    }

    /// What either covers.
    pub fn union(mut self, other: &Self) -> Self {
        for (own, other) in self.seen.iter_mut().zip(&other.seen) {
            match (&mut *own, other) {
                (Some(own), Some(other)) => {
                    own.operators += other.operators;
                    for (range, other) in own.ranges.iter_mut().zip(other.ranges) {
                        *range = (range.0.min(other.0), range.1.max(other.1));
                    }
                }
                (None, other) => *own = *other,
                (Some(_), None) => {}
            }
        }
        self
    }

    /// Where a kind stands. All products of tensors are over sequences.
    fn place(kind: KernelKind, over_sequence: bool) -> usize {
        let apart = over_sequence && kind == KernelKind::FullyConnected;
        if apart { KernelKind::ALL.len() } else { kind as usize }
    }

    /// What is covered of a kind; of fully connected layers, of those over sequences or of the others.
    pub fn kind(&self, kind: KernelKind, over_sequence: bool) -> Option<&Covered> {
        self.seen[Self::place(kind, over_sequence)].as_ref()
    }

    /// All that is covered: the kind, whether it is that of fully connected layers over sequences, and the ranges.
    pub fn kinds(&self) -> impl Iterator<Item = (KernelKind, bool, &Covered)> {
        let every = KernelKind::ALL.into_iter().map(|kind| (kind, false));
        let every = every.chain([(KernelKind::FullyConnected, true)]);
        every.filter_map(|(kind, over_sequence)| Some((kind, over_sequence, self.kind(kind, over_sequence)?)))
    }

    pub(super) fn set(&mut self, kind: KernelKind, over_sequence: bool, covered: Covered) {
        self.seen[Self::place(kind, over_sequence)] = Some(covered);
    }

    /// What goes beyond it in an operator. Empty, and then free of allocation, in the common case.
    pub fn flags(&self, kernel: &Kernel) -> Vec<Flag> {
        let operator = kernel.kind.name();
        let Some(covered) = self.kind(kernel.kind, kernel.is_over_sequence()) else {
            return vec![Flag::NotCovered { operator }];
        };
        let values = Property::values(kernel);
        let outside = |((low, high), range): (&(u64, u64), &(u64, u64))| *low < range.0 || *high > range.1;
        // Searches ask of millions, and nearly all are within.
        if !values.iter().zip(&covered.ranges).any(outside) {
            return Vec::new();
        }
        let beyond = |((property, (low, high)), range): ((Property, (u64, u64)), (u64, u64))| {
            let value = if high > range.1 { high } else { low };
            outside((&(low, high), &range)).then_some(Flag::Extrapolated { operator, property, value, range })
        };
        Property::ALL.into_iter().zip(values).zip(covered.ranges).filter_map(beyond).collect()
    }
}

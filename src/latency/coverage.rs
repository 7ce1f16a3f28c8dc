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
}

impl Property {
    /// Every property, in the order of tables.
    pub const ALL: [Self; 7] = [
        Self::InputSize,
        Self::InputChannels,
        Self::OutputChannels,
        Self::Window,
        Self::Stride,
        Self::Dilation,
        Self::GroupWidth,
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
        }
    }

    /// The smallest and the largest value in an operator; height and width may differ.
    fn of(self, kernel: &Kernel) -> (u32, u32) {
        let pair = |[a, b]: [u32; 2]| (a.min(b), a.max(b));
        let one = |value: u32| (value, value);
        match self {
            Self::InputSize => pair(kernel.input),
            Self::InputChannels => one(kernel.input_channels),
            Self::OutputChannels => one(kernel.output_channels),
            Self::Window => pair(kernel.window),
            Self::Stride => one(kernel.stride),
            Self::Dilation => one(kernel.dilation),
            Self::GroupWidth if kernel.kind == KernelKind::Grouped => one(kernel.input_channels / kernel.groups.max(1)),
            Self::GroupWidth => one(1),
        }
    }
}

/// What a fit has seen of one kind of operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Covered {
    /// How many operators.
    pub operators: u64,
    /// Lowest and highest value of each property, in the order of [`Property::ALL`].
    pub ranges: [(u32, u32); Property::ALL.len()],
}

/// What a fit has seen, by kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    kinds: [Option<Covered>; KernelKind::ALL.len()],
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
        value: u32,
        /// Lowest and highest value seen.
        range: (u32, u32),
    },
    /// The fit has never seen this kind of operator; its price follows from its size alone.
    NotCovered {
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
            Self::NotCovered { operator } => write!(f, "{operator} is not covered: no measured network has one"),
        }
    }
}

impl Coverage {
    /// What these operators cover.
    pub fn of<'a>(kernels: impl IntoIterator<Item = &'a Kernel>) -> Self {
        let mut coverage = Self::default();
        for kernel in kernels {
            let values = Property::ALL.map(|property| property.of(kernel));
            match &mut coverage.kinds[kernel.kind as usize] {
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
        for (own, other) in self.kinds.iter_mut().zip(&other.kinds) {
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

    /// What is covered of a kind.
    pub fn kind(&self, kind: KernelKind) -> Option<&Covered> {
        self.kinds[kind as usize].as_ref()
    }

    pub(super) fn set(&mut self, kind: KernelKind, covered: Covered) {
        self.kinds[kind as usize] = Some(covered);
    }

    /// What goes beyond it in an operator. Empty, and then free of allocation, in the common case.
    pub fn flags(&self, kernel: &Kernel) -> Vec<Flag> {
        let operator = kernel.kind.name();
        let Some(covered) = self.kind(kernel.kind) else { return vec![Flag::NotCovered { operator }] };
        let mut flags = Vec::new();
        for (property, range) in Property::ALL.into_iter().zip(covered.ranges) {
            let (low, high) = property.of(kernel);
            let value = if high > range.1 { high } else { low };
            if low < range.0 || high > range.1 {
                flags.push(Flag::Extrapolated { operator, property, value, range });
            }
        }
        flags
    }
}

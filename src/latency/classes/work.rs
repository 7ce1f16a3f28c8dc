//! Amounts of work in an operator, whatever its class.

use crate::latency::{Kernel, KernelKind};

/// One amount of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Work {
    /// Once per operator.
    Calls,
    /// Multiply-adds.
    Macs,
    /// Elements read.
    Read,
    /// Elements written.
    Written,
    /// Weights.
    Weights,
    /// Elements gathered by windows.
    Gathered,
    /// Tensors joined by a concatenation.
    Inputs,
    /// Multiply-adds that one output takes, one after another: however many threads a GPU has, none is done earlier.
    Depth,
}

use Work as W;

impl Work {
    /// Every kind of work, in the order of tables.
    pub const ALL: [Self; 8] = [W::Calls, W::Macs, W::Read, W::Written, W::Weights, W::Gathered, W::Inputs, W::Depth];

    /// The name in tables.
    pub fn name(self) -> &'static str {
        self.described().0
    }

    /// What one unit of it is, for people who read a table.
    pub fn unit(self) -> &'static str {
        self.described().1
    }

    /// The work of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|work| work.name() == name)
    }

    fn described(self) -> (&'static str, &'static str) {
        match self {
            W::Calls => ("calls", "operator"),
            W::Macs => ("macs", "multiply-add"),
            W::Read => ("read", "element read"),
            W::Written => ("written", "element written"),
            W::Weights => ("weights", "weight"),
            W::Gathered => ("gathered", "element gathered by a window"),
            W::Inputs => ("inputs", "tensor concatenated"),
            W::Depth => ("depth", "multiply-add one after another for one output"),
        }
    }

    /// How much of it an operator holds.
    pub fn count(self, kernel: &Kernel) -> f64 {
        let count = match self {
            W::Calls => 1,
            W::Macs => kernel.macs(),
            W::Read => kernel.input_elements(),
            W::Written => kernel.output_elements(),
            W::Weights => kernel.weights(),
            W::Gathered => kernel.window_elements(),
            W::Inputs if kernel.kind == KernelKind::Concatenation => u64::from(kernel.inputs),
            W::Inputs => 0,
            W::Depth if kernel.weights() > 0 => kernel.taps().saturating_mul(kernel.group_width()),
            W::Depth => 0,
        };
        count as f64
    }
}

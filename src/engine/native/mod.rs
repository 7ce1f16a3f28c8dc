//! The fast engine: networks compiled to kernels over NHWC maps, on the best instruction set of the machine.
//!
//! Every map is stored with its channels padded to a multiple of [`BLOCK`], so that vectors never straddle a
//! position. What stands in the padding is finite but has no meaning; weights are zero there.
#![allow(unsafe_code)]

mod activation;
mod attention;
mod backward;
mod buffers;
pub mod conv;
mod elementwise;
mod erf;
mod forward;
mod isa;
mod items;
mod mean;
mod norm;
mod plan;
mod pool;
mod program;
mod relayout;
mod resample;
mod shelf;
mod team;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod through;
mod tokens;
mod vector;
mod view;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{Backend, EngineError, Plan, Program};
use crate::graph::Network;
use program::Compiled;
use shelf::Shelf;
use team::Team;

pub use conv::Convolutions;
pub use isa::{Isa, Numeric};
pub use program::available_memory;
pub use view::{Affine, BLOCK, Layout, Sink, Slope, Source, Sums, Through};

/// The native engine. Clones share the memory that programs leave behind, and the count of operations.
#[derive(Clone, Debug)]
pub struct Native {
    isa: Isa,
    team: Team,
    convolutions: Convolutions,
    shelf: Arc<Shelf>,
    operations: Arc<AtomicU64>,
}

impl Default for Native {
    fn default() -> Self {
        Self::new(Isa::best())
    }
}

impl Native {
    /// The engine on the given instruction set, on the thread that calls it.
    pub fn new(isa: Isa) -> Self {
        let convolutions = Convolutions::default();
        Self { isa, team: Team::Alone, convolutions, shelf: Arc::default(), operations: Arc::default() }
    }

    /// The same with so many threads for each program; more than four are of no use. The numbers that come out do not
    /// depend on it.
    ///
    /// # Errors
    /// When the system refuses to start threads.
    pub fn with_threads(self, threads: usize) -> Result<Self, rayon::ThreadPoolBuildError> {
        let team = match threads {
            0 | 1 => Team::Alone,
            _ => Team::Pool(Arc::new(rayon::ThreadPoolBuilder::new().num_threads(threads).build()?)),
        };
        Ok(Self { team, ..self })
    }

    /// The same with another way to compute 3×3 convolutions. The numbers that come out differ in rounding.
    pub fn with_convolutions(self, convolutions: Convolutions) -> Self {
        Self { convolutions, ..self }
    }

    /// The same with a count of operations of its own.
    pub fn counting(self) -> Self {
        Self { operations: Arc::default(), ..self }
    }

    /// Floating-point operations that convolutions, linear layers and attention took so far, two for a multiply-add, by
    /// their definition: [`Convolutions::Winograd`] does fewer.
    pub fn operations(&self) -> u64 {
        self.operations.load(Ordering::Relaxed)
    }

    /// Floating-point operations a second that its threads can do at best, by multiply-adds on registers alone. Takes
    /// some 20 ms.
    pub fn peak(&self) -> f64 {
        conv::peak(self.isa, self.team.threads())
    }

    /// The instruction set it runs on.
    pub fn isa(&self) -> Isa {
        self.isa
    }
}

impl<T: isa::Numeric> Backend<T> for Native {
    fn name(&self) -> &'static str {
        "native"
    }

    fn compile(&self, network: &Network, plan: &Plan) -> Result<Box<dyn Program<T>>, EngineError> {
        Ok(Box::new(Compiled::<T>::new(self, network, plan)?))
    }
}

//! The fast engine: networks compiled to kernels over NHWC maps, on the best instruction set of the machine.
//!
//! Every map is stored with its channels padded to a multiple of [`BLOCK`], so that vectors never straddle a
//! position. What stands in the padding is finite but has no meaning; weights are zero there.
#![allow(unsafe_code)]

mod activation;
mod attention;
pub mod conv;
mod elementwise;
mod erf;
mod isa;
mod norm;
mod pool;
mod relayout;
mod resample;
#[cfg(test)]
mod testing;
mod through;
mod tokens;
mod vector;
mod view;

pub use isa::{Isa, Native};
pub use view::{Affine, BLOCK, Layout, Sink, Slope, Source, Sums, Through};

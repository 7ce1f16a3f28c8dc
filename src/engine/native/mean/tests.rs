//! Against sums over whole planes.

use super::*;
use crate::engine::native::testing::{Case, LAYOUTS, conform};
use crate::engine::native::view::Layout;

struct GlobalMean;

impl Case for GlobalMean {
    fn output(&self, input: Layout) -> Layout {
        Layout { height: 1, width: 1, ..input }
    }
    fn definition(&self, read: &[f64], input: Layout) -> Vec<f64> {
        read.chunks_exact(input.positions()).map(|plane| plane.iter().sum::<f64>() / plane.len() as f64).collect()
    }
    fn forward<T: Numeric>(&self, isa: Isa, source: Source<'_, T>, out: &mut [T]) {
        mean(isa, source, out);
    }
    fn backward<T: Numeric>(&self, isa: Isa, source: Source<'_, T>, d: &[T], sink: Sink<'_, T>) {
        mean_backward(isa, source, d, sink);
    }
}

#[test]
fn the_global_mean_is_over_all_positions() {
    conform(&GlobalMean, &LAYOUTS);
}

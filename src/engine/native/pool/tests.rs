//! Against windows walked one by one.

use super::*;
use crate::engine::native::testing::{Case, Held, LAYOUTS, close, conform, logical, numbers, padded};

impl Case for Pool {
    fn output(&self, input: Layout) -> Layout {
        let size = |size: usize| {
            let room = size + 2 * self.padding - self.kernel;
            let mut steps = if self.ceil { room.div_ceil(self.stride) } else { room / self.stride };
            if self.ceil && steps * self.stride >= size + self.padding {
                steps -= 1;
            }
            steps + 1
        };
        Layout { height: size(input.height), width: size(input.width), ..input }
    }

    fn definition(&self, read: &[f64], input: Layout) -> Vec<f64> {
        let output = self.output(input);
        let mut out = Vec::new();
        for plane in read.chunks_exact(input.positions()) {
            for y in 0..output.height {
                for x in 0..output.width {
                    let mut seen = Vec::new();
                    for row in
                        (y * self.stride..y * self.stride + self.kernel).filter_map(|r| r.checked_sub(self.padding))
                    {
                        for column in
                            (x * self.stride..x * self.stride + self.kernel).filter_map(|c| c.checked_sub(self.padding))
                        {
                            if row < input.height && column < input.width {
                                seen.push(plane[row * input.width + column]);
                            }
                        }
                    }
                    out.push(match self.kind {
                        PoolKind::Max => seen.iter().fold(f64::NEG_INFINITY, |a, &b| a.max(b)),
                        PoolKind::Avg => seen.iter().sum::<f64>() / seen.len() as f64,
                        PoolKind::PaddedAvg => seen.iter().sum::<f64>() / (self.kernel * self.kernel) as f64,
                    });
                }
            }
        }
        out
    }

    fn forward<T: Numeric>(&self, isa: Isa, source: Source<'_, T>, out: &mut [T]) {
        let pooling = Pooling::new(self, source.layout, self.output(source.layout));
        pooling.forward(isa, source, out, false, &mut Vec::new());
    }

    fn backward<T: Numeric>(&self, isa: Isa, source: Source<'_, T>, d: &[T], sink: Sink<'_, T>) {
        let pooling = Pooling::new(self, source.layout, self.output(source.layout));
        // Whatever an earlier kernel left in the buffer does not show.
        pooling.backward(isa, source, d, sink, &mut vec![T::of(77.0); 5000]);
    }
}

fn pools() -> Vec<Pool> {
    let mut pools = Vec::new();
    for kind in [PoolKind::Max, PoolKind::Avg, PoolKind::PaddedAvg] {
        for (kernel, stride, padding, ceil) in
            [(3, 1, 1, false), (2, 2, 0, false), (3, 2, 1, false), (3, 2, 0, true), (5, 3, 2, true), (1, 2, 0, false)]
        {
            pools.push(Pool { kind, kernel, stride, padding, ceil: ceil && kind != PoolKind::PaddedAvg });
        }
    }
    pools
}

#[test]
fn pools_see_what_their_windows_see() {
    for pool in pools() {
        conform(&pool, &LAYOUTS[..4]);
        if pool.padding > 0 {
            conform(&pool, &LAYOUTS[4..]);
        }
    }
}

#[test]
fn a_pool_can_be_added_to_what_is_there() {
    for pool in pools() {
        let held = Held::<f64>::plain(LAYOUTS[2], 1);
        let output = pool.output(held.layout);
        let wanted = pool.definition(&held.read(), held.layout);
        let before = numbers(2, wanted.len());
        let after: Vec<f64> = wanted.iter().zip(&before).map(|(a, b)| a + b).collect();
        for isa in Isa::available() {
            let mut out = padded::<f64>(&before, output);
            let pooling = Pooling::new(&pool, held.layout, output);
            pooling.forward(isa, held.source(), &mut out, true, &mut Vec::new());
            close::<f64>(&logical(&out, output), &after, "added");
        }
    }
}

#[test]
fn the_first_of_equal_maxima_gets_the_gradient() {
    let layout = Layout { channels: 3, height: 3, width: 3 };
    let output = Layout { height: 2, width: 2, ..layout };
    let pool = Pool { kind: PoolKind::Max, kernel: 2, stride: 1, padding: 0, ceil: false };
    // All equal, a late maximum, and a tie within one row.
    let planes =
        [[1.0; 9], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 5.0], [0.0, 2.0, 2.0, 2.0, 2.0, 0.0, 0.0, 0.0, 2.0]];
    let wanted = [
        [1.0, 2.0, 0.0, 3.0, 4.0, 0.0, 0.0, 0.0, 0.0],
        [1.0, 2.0, 0.0, 3.0, 0.0, 0.0, 0.0, 0.0, 4.0],
        [0.0, 3.0, 0.0, 3.0, 4.0, 0.0, 0.0, 0.0, 0.0],
    ];
    let data = padded::<f32>(planes.as_flattened(), layout);
    let d = padded::<f32>(&[1.0, 2.0, 3.0, 4.0].repeat(3), output);
    for isa in Isa::available() {
        let source = Source { data: &data, layout, affine: None, activation: None };
        let mut dx = vec![9.0; data.len()];
        let sink = Sink { data: &mut dx, accumulate: false, sums: None };
        Pooling::new(&pool, layout, output).backward(isa, source, &d, sink, &mut Vec::new());
        assert_eq!(logical(&dx, layout), wanted.as_flattened(), "{isa}");
    }
}

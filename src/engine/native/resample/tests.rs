//! Against positions computed one by one, and against values of PyTorch 2.15.

use super::*;
use crate::engine::native::testing::{Case, LAYOUTS, conform, logical, padded, within};
use crate::engine::native::view::{Sink, Source};

struct Enlarge {
    mode: Resample,
    scale: usize,
}

impl Case for Enlarge {
    const PLAIN: bool = true;

    fn output(&self, input: Layout) -> Layout {
        Layout { height: input.height * self.scale, width: input.width * self.scale, ..input }
    }
    fn definition(&self, read: &[f64], input: Layout) -> Vec<f64> {
        let output = self.output(input);
        let mut out = Vec::new();
        for plane in read.chunks_exact(input.positions()) {
            for y in 0..output.height {
                for x in 0..output.width {
                    out.push(match self.mode {
                        Resample::Nearest => plane[y / self.scale * input.width + x / self.scale],
                        // A tent of weights around the centre; what lies outside the map is its border.
                        Resample::Bilinear => {
                            let centre = |o: usize, size: usize| {
                                ((o as f64 + 0.5) / self.scale as f64 - 0.5).clamp(0.0, (size - 1) as f64)
                            };
                            let (cy, cx) = (centre(y, input.height), centre(x, input.width));
                            let tent = |a: f64, b: usize| (1.0 - (a - b as f64).abs()).max(0.0);
                            (0..input.positions())
                                .map(|i| tent(cy, i / input.width) * tent(cx, i % input.width) * plane[i])
                                .sum()
                        }
                    });
                }
            }
        }
        out
    }
    fn forward<T: Numeric>(&self, isa: Isa, source: Source<'_, T>, out: &mut [T]) {
        Enlargement::new(self.mode, self.scale, source.layout).forward(isa, source.data, out);
    }
    fn backward<T: Numeric>(&self, isa: Isa, source: Source<'_, T>, d: &[T], sink: Sink<'_, T>) {
        Enlargement::new(self.mode, self.scale, source.layout).backward(isa, d, sink.data, sink.accumulate);
    }
}

#[test]
fn maps_are_enlarged() {
    for mode in [Resample::Nearest, Resample::Bilinear] {
        for scale in [1, 2, 3] {
            conform(&Enlarge { mode, scale }, &LAYOUTS);
        }
    }
}

#[test]
fn bilinear_values_are_those_of_pytorch() {
    // torch.nn.functional.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
    let layout = Layout { channels: 1, height: 2, width: 3 };
    let output = Layout { channels: 1, height: 4, width: 6 };
    let x = padded::<f64>(&[1.0, 2.0, 4.0, 3.0, 5.0, -1.0], layout);
    let wanted = [
        [1.0, 1.25, 1.75, 2.5, 3.5, 4.0],
        [1.5, 1.8125, 2.4375, 2.75, 2.75, 2.75],
        [2.5, 2.9375, 3.8125, 3.25, 1.25, 0.25],
        [3.0, 3.5, 4.5, 3.5, 0.5, -1.0],
    ];
    for isa in Isa::available() {
        let mut out = vec![0.0; output.sample()];
        Enlargement::new(Resample::Bilinear, 2, layout).forward(isa, &x, &mut out);
        within(&logical(&out, output), wanted.as_flattened(), 1e-15, "bilinear");
    }
}

struct Shuffle(usize);

impl Case for Shuffle {
    const PLAIN: bool = true;

    fn output(&self, input: Layout) -> Layout {
        let channels = input.channels / (self.0 * self.0);
        Layout { channels, height: input.height * self.0, width: input.width * self.0 }
    }
    fn definition(&self, read: &[f64], input: Layout) -> Vec<f64> {
        let (s, output) = (self.0, self.output(input));
        let from = |index: usize| {
            let (row, position) = (index / output.positions(), index % output.positions());
            let (y, x) = (position / output.width, position % output.width);
            let channel = row * s * s + (y % s) * s + x % s;
            channel * input.positions() + y / s * input.width + x / s
        };
        (0..read.len()).map(|index| read[from(index)]).collect()
    }
    fn forward<T: Numeric>(&self, _: Isa, source: Source<'_, T>, out: &mut [T]) {
        pixel_shuffle(self.0, source.data, source.layout, out);
    }
    fn backward<T: Numeric>(&self, _: Isa, source: Source<'_, T>, d: &[T], sink: Sink<'_, T>) {
        pixel_shuffle_backward(self.0, d, source.layout, sink.data, sink.accumulate);
    }
}

#[test]
fn channels_are_shuffled_to_positions() {
    conform(&Shuffle(1), &LAYOUTS);
    conform(&Shuffle(2), &[Layout { channels: 24, height: 3, width: 5 }, Layout { channels: 4, height: 1, width: 1 }]);
    conform(&Shuffle(3), &[Layout { channels: 18, height: 2, width: 2 }]);
}

#[test]
fn the_order_of_a_shuffle_is_that_of_pytorch() {
    // torch.nn.functional.pixel_shuffle(torch.arange(16).reshape(1, 8, 1, 2), 2)
    let layout = Layout { channels: 8, height: 1, width: 2 };
    let output = Layout { channels: 2, height: 2, width: 4 };
    let x = padded::<f32>(&(0..16).map(f64::from).collect::<Vec<_>>(), layout);
    let mut out = vec![0.0; output.sample()];
    pixel_shuffle(2, &x, layout, &mut out);
    let wanted = [0., 2., 1., 3., 4., 6., 5., 7., 8., 10., 9., 11., 12., 14., 13., 15.];
    assert_eq!(logical(&out, output), wanted);
}

//! Against indices written out.

use super::*;
use crate::engine::native::testing::{Case, LAYOUTS, SAMPLES, close, conform, elements, logical, numbers, padded};

/// A part of a concatenation, with channels before and after it.
struct Part {
    before: usize,
    after: usize,
}

impl Part {
    /// What stands in the other channels before the part is written, and must stand there afterwards.
    const OTHERS: f64 = -33.25;
}

impl Case for Part {
    fn output(&self, input: Layout) -> Layout {
        Layout { channels: self.before + input.channels + self.after, ..input }
    }
    fn definition(&self, read: &[f64], input: Layout) -> Vec<f64> {
        let positions = input.positions();
        let other = |channels: usize| vec![Self::OTHERS; channels * positions];
        let samples = read.chunks_exact(elements(input));
        samples.flat_map(|read| [other(self.before), read.to_vec(), other(self.after)].concat()).collect()
    }
    fn forward<T: Numeric>(&self, isa: Isa, source: Source<'_, T>, out: &mut [T]) {
        copy_channels(isa, source, out, self.output(source.layout), self.before);
    }
    fn backward<T: Numeric>(&self, isa: Isa, source: Source<'_, T>, d: &[T], sink: Sink<'_, T>) {
        copy_channels_backward(isa, source, d, self.output(source.layout), self.before, sink);
    }
}

#[test]
fn parts_stand_beside_each_other() {
    for (before, after) in [(0, 0), (0, 5), (7, 0), (16, 3), (3, 24)] {
        conform(&Part { before, after }, &LAYOUTS);
    }
}

/// Logical elements in PyTorch's order, for any shape, are those of the map for maps, and transposed for tokens.
fn in_order(x: &[f64], shape: Shape) -> Vec<f64> {
    let layout = Layout::new(shape);
    let samples = x.chunks_exact(elements(layout)).map(|sample| match shape {
        Shape::Map { .. } | Shape::Vector { .. } => sample.to_vec(),
        Shape::Tokens { tokens, features } => {
            (0..tokens * features).map(|i| sample[i % features * tokens + i / features]).collect()
        }
    });
    samples.flatten().collect()
}

#[test]
fn reshapes_keep_the_order_of_pytorch() {
    let map = Shape::Map { channels: 3, height: 4, width: 5 };
    let wide = Shape::Map { channels: 10, height: 2, width: 3 };
    let tokens = Shape::Tokens { tokens: 5, features: 12 };
    let vector = Shape::Vector { features: 60 };
    for from in [map, wide, tokens, vector] {
        for to in [map, wide, tokens, vector] {
            let x = numbers(1, SAMPLES * 60);
            let (before, map) = (numbers(2, SAMPLES * 60), padded::<f32>(&x, Layout::new(from)));
            for accumulate in [false, true] {
                let mut out = padded::<f32>(&before, Layout::new(to));
                reshape(&map, from, &mut out, to, accumulate);
                let kept = in_order(&before, to).into_iter().map(|x| if accumulate { x } else { 0.0 });
                let wanted: Vec<f64> = in_order(&x, from).iter().zip(kept).map(|(x, kept)| x + kept).collect();
                let got = in_order(&logical(&out, Layout::new(to)), to);
                close::<f32>(&got, &wanted, &format!("{from} to {to}, accumulate {accumulate}"));
            }
        }
    }
}

#[test]
fn tensors_come_back_as_they_went() {
    for shape in [
        Shape::Map { channels: 3, height: 7, width: 5 },
        Shape::Tokens { tokens: 5, features: 24 },
        Shape::Vector { features: 10 },
    ] {
        let layout = Layout::new(shape);
        let tensor = numbers(1, SAMPLES * elements(layout));
        let mut map = vec![9.0; SAMPLES * layout.sample()];
        pack(&tensor, shape, &mut map);
        assert_eq!(in_order(&logical(&map, layout), shape), tensor, "{shape}");
        let padding: f64 = map.chunks_exact(layout.stride()).flat_map(|row| &row[layout.channels..]).sum();
        assert_eq!(padding, 0.0, "{shape}");
        let mut back = vec![0.0; tensor.len()];
        unpack(&map, shape, &mut back);
        assert_eq!(back, tensor, "{shape}");
    }
}

#[test]
fn copies_are_written_or_added() {
    let mut out = [1.0, 2.0];
    copy(&[3.0, 4.0], &mut out, true);
    assert_eq!(out, [4.0, 6.0]);
    copy(&[3.0, 4.0], &mut out, false);
    assert_eq!(out, [3.0, 4.0]);
}

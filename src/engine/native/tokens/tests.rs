//! Against the formulas of the papers.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::engine::native::testing::{
    Case, LAYOUTS, SAMPLES, close, conform, elements, logical, numbers, padded, within,
};
use crate::engine::native::view::{Sink, Source};

/// Calls with the features of every position: their indices among the logical elements.
fn positions(layout: Layout, samples: usize) -> impl Iterator<Item = Vec<usize>> {
    (0..samples * layout.positions()).map(move |row| {
        let (sample, position) = (row / layout.positions(), row % layout.positions());
        (0..layout.channels).map(|c| sample * elements(layout) + c * layout.positions() + position).collect()
    })
}

impl FeatureNorm {
    /// Both, with the common ε and with one that matters.
    fn all() -> impl Iterator<Item = Self> {
        let of = |epsilon| [true, false].map(|centred| Self { centred, epsilon });
        [Epsilon::COMMON, Epsilon::try_from(0.25).unwrap()].into_iter().flat_map(of)
    }

    fn parameters<T: Numeric>(self, layout: Layout) -> (Vec<T>, Option<Vec<T>>) {
        let cast = |seed| numbers(seed, layout.channels).into_iter().map(T::of).collect::<Vec<T>>();
        (cast(21), self.centred.then(|| cast(22)))
    }

    fn normal(self, x: &[f64]) -> Vec<f64> {
        let n = x.len() as f64;
        let mean = if self.centred { x.iter().sum::<f64>() / n } else { 0.0 };
        let variance = x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n;
        x.iter().map(|x| (x - mean) / (variance + self.epsilon.value()).sqrt()).collect()
    }
}

impl Case for FeatureNorm {
    const PLAIN: bool = true;

    fn output(&self, input: Layout) -> Layout {
        input
    }
    fn definition(&self, read: &[f64], input: Layout) -> Vec<f64> {
        let (weight, bias) = self.parameters::<f64>(input);
        let mut out = vec![0.0; read.len()];
        for indices in positions(input, SAMPLES) {
            let normal = self.normal(&indices.iter().map(|&i| read[i]).collect::<Vec<_>>());
            for (channel, (index, normal)) in indices.into_iter().zip(normal).enumerate() {
                out[index] = normal * weight[channel] + bias.as_ref().map_or(0.0, |bias| bias[channel]);
            }
        }
        out
    }
    fn forward<T: Numeric>(&self, isa: Isa, source: Source<'_, T>, out: &mut [T]) {
        let (weight, bias) = self.parameters(source.layout);
        norm(isa, *self, source.data, source.layout, &weight, bias.as_deref(), out);
    }
    fn backward<T: Numeric>(&self, isa: Isa, source: Source<'_, T>, d: &[T], sink: Sink<'_, T>) {
        let (weight, _) = self.parameters(source.layout);
        let mut sums = Sums::new(source.layout.stride());
        let Sink { data, accumulate, .. } = sink;
        let buffer = &mut Vec::new();
        norm_backward(isa, *self, source.data, source.layout, &weight, d, data, accumulate, &mut sums, buffer);
    }
}

#[test]
fn norms_over_features() {
    for norm in FeatureNorm::all() {
        conform(&norm, &LAYOUTS);
    }
}

#[test]
fn gradients_of_the_scale_and_the_shift_of_a_norm() {
    fn check<T: Numeric>() {
        for layout in LAYOUTS {
            for norm in FeatureNorm::all() {
                let count = SAMPLES * elements(layout);
                let (x, d) = (numbers(1, count), numbers(2, count));
                let (mut shift, mut scale) = (vec![0.0; layout.channels], vec![0.0; layout.channels]);
                for indices in positions(layout, SAMPLES) {
                    let normal = norm.normal(&indices.iter().map(|&i| x[i]).collect::<Vec<_>>());
                    for (channel, (index, normal)) in indices.into_iter().zip(normal).enumerate() {
                        shift[channel] += d[index];
                        scale[channel] += d[index] * normal;
                    }
                }
                for isa in Isa::available() {
                    let (x, d) = (padded::<T>(&x, layout), padded::<T>(&d, layout));
                    let mut sums = Sums::new(layout.stride());
                    let mut dx = vec![T::ZERO; x.len()];
                    let (weight, _) = norm.parameters(layout);
                    norm_backward(isa, norm, &x, layout, &weight, &d, &mut dx, false, &mut sums, &mut Vec::new());
                    close::<T>(&sums.first[..layout.channels], &shift, "shift");
                    close::<T>(&sums.second[..layout.channels], &scale, "scale");
                }
            }
        }
    }
    check::<f32>();
    check::<f64>();
}

struct OverFeatures;

impl Case for OverFeatures {
    const PLAIN: bool = true;

    fn output(&self, input: Layout) -> Layout {
        input
    }
    fn definition(&self, read: &[f64], input: Layout) -> Vec<f64> {
        let mut out = vec![0.0; read.len()];
        for indices in positions(input, SAMPLES) {
            let sum: f64 = indices.iter().map(|&i| read[i].exp()).sum();
            indices.into_iter().for_each(|i| out[i] = read[i].exp() / sum);
        }
        out
    }
    fn forward<T: Numeric>(&self, isa: Isa, source: Source<'_, T>, out: &mut [T]) {
        softmax(isa, source.data, source.layout, out);
    }
    fn backward<T: Numeric>(&self, isa: Isa, source: Source<'_, T>, d: &[T], sink: Sink<'_, T>) {
        let mut y = vec![T::of(-9.0); source.data.len()];
        softmax(isa, source.data, source.layout, &mut y);
        softmax_backward(isa, &y, source.layout, d, sink.data, sink.accumulate);
    }
}

#[test]
fn softmax_over_features() {
    conform(&OverFeatures, &LAYOUTS);
}

#[test]
fn softmax_of_large_numbers_stays_finite() {
    let layout = Layout { channels: 3, height: 1, width: 1 };
    for isa in Isa::available() {
        let x = padded::<f32>(&[1000.0, 1000.0, -1000.0], layout);
        let mut y = vec![f32::NAN; x.len()];
        softmax(isa, &x, layout, &mut y);
        within(&logical(&y, layout), &[0.5, 0.5, 0.0], 1e-7, "softmax");
    }
}

#[test]
fn an_embedding_looks_up_and_gathers() {
    let ids_layout = Layout { channels: 4, height: 1, width: 1 };
    let features = 3;
    let tokens = Layout { channels: features, height: 4, width: 1 };
    let ids = padded::<f32>(&[0.0, 4.0, 4.0, 2.0, 1.0, 4.0, 0.0, 3.0], ids_layout);
    let table: Vec<f32> = (0..15).map(|x| x as f32).collect();
    let mut out = vec![9.0; 2 * tokens.sample()];
    embed(&ids, ids_layout, &table, features, &mut out);
    let row = |token: usize| out[token * tokens.stride()..][..features].to_vec();
    assert_eq!([row(0), row(1), row(3), row(7)].concat(), [0., 1., 2., 12., 13., 14., 6., 7., 8., 9., 10., 11.]);

    let d = vec![1.0; out.len()];
    let mut d_table = vec![0.5; 15];
    embed_backward(&ids, ids_layout, &d, features, &mut d_table);
    assert_eq!(d_table, [[2.5; 3], [1.5; 3], [1.5; 3], [1.5; 3], [3.5; 3]].concat());
}

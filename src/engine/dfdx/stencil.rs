//! A tape operator of ours: a linear map with few terms, the same for every sample. Convolution, pooling and
//! enlarging, which dfdx 0.13 lacks on stable Rust, all move elements by one.

use ::dfdx::prelude::*;

use super::{Number, Samples, Taped};
use crate::graph::Resample;

/// Output `to` of a sample is the sum of `weight · input[from]` over its terms.
#[derive(Clone, Debug)]
pub(super) struct Stencil<E> {
    /// Elements that come out for each sample.
    pub size: usize,
    /// `(to, from, weight)`.
    pub terms: Vec<(usize, usize, E)>,
}

impl<E: Number> Stencil<E> {
    /// Applies the map to every sample, and its transpose to every gradient.
    pub fn apply(self, x: Taped<Samples, E>) -> Taped<Samples, E> {
        let (x, mut tape) = x.contiguous().split_tape();
        let (batch, width) = *x.shape();
        let data = x.as_vec();
        let mut result = vec![E::of(0.0); batch * self.size];
        for (input, output) in data.chunks_exact(width).zip(result.chunks_exact_mut(self.size)) {
            for &(to, from, weight) in &self.terms {
                output[to] += weight * input[from];
            }
        }
        let y = x.device().tensor_from_vec(result, (batch, self.size));
        let (source, target) = (x.ghost(), y.ghost());
        tape.add_backward_op(move |gradients| {
            let above = gradients.get_or_alloc_mut(&target)?.clone();
            let below = gradients.get_or_alloc_mut(&source)?;
            for (output, input) in above.chunks_exact(self.size).zip(below.chunks_exact_mut(width)) {
                for &(to, from, weight) in &self.terms {
                    input[from] += weight * output[to];
                }
            }
            Ok(())
        });
        y.put_tape(tape)
    }

    /// Of every `of` runs of `inner` elements, `count` from `start` on.
    pub fn slice(width: usize, inner: usize, of: usize, start: usize, count: usize) -> Self {
        let outer = width / (inner * of);
        let runs = (0..outer).flat_map(|row| (0..count).map(move |at| (row * count + at, row * of + start + at)));
        let terms = runs.flat_map(|(to, from)| (0..inner).map(move |i| (to * inner + i, from * inner + i, E::of(1.0))));
        Self { size: outer * count * inner, terms: terms.collect() }
    }

    /// Enlarges maps of `channels × height × width`. Bilinear takes the centres of pixels, as PyTorch with
    /// `align_corners=False` and ONNX with `half_pixel` do.
    pub fn upsample([channels, height, width]: [usize; 3], scale: usize, mode: Resample) -> Self {
        let (rows, columns) = (taps(height, scale, mode), taps(width, scale, mode));
        let mut terms = Vec::new();
        for channel in 0..channels {
            for (y, row_taps) in rows.iter().enumerate() {
                for (x, column_taps) in columns.iter().enumerate() {
                    let to = (channel * rows.len() + y) * columns.len() + x;
                    for (row, a) in row_taps {
                        for (column, b) in column_taps {
                            let from = (channel * height + row) * width + column;
                            terms.push((to, from, E::of(a * b)));
                        }
                    }
                }
            }
        }
        Self { size: channels * rows.len() * columns.len(), terms }
    }
}

/// For each position of an enlarged axis, the old positions it draws on and their weights.
fn taps(size: usize, scale: usize, mode: Resample) -> Vec<Vec<(usize, f64)>> {
    (0..size * scale)
        .map(|at| match mode {
            Resample::Nearest => vec![(at / scale, 1.0)],
            Resample::Bilinear => {
                let centre = ((at as f64 + 0.5) / scale as f64 - 0.5).max(0.0);
                let below = centre as usize;
                let above = (below + 1).min(size - 1);
                let share = centre - below as f64;
                vec![(below, 1.0 - share), (above, share)]
            }
        })
        .collect()
}

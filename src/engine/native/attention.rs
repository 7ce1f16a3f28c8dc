//! Scaled dot-product attention (Vaswani et al., 2017, eq. 1) with grouped heads (Ainslie et al., 2023) and rotary
//! positions (Su et al., 2021, eq. 34), on products of small matrices.

use gemm::Parallelism;

use super::Isa;
use super::isa::{Kernel, Numeric};
use super::tokens::{dot, softmax_row};
use super::vector::Vector;
use super::view::Layout;
use crate::graph::Attention;

/// An attention over maps of fixed layouts.
#[derive(Clone, Debug)]
pub struct AttentionKernel<T> {
    attention: Attention,
    queries: Layout,
    keys: Layout,
    values: Layout,
    /// Cosine and sine for every token and every pair of features of a head; empty without rotary positions.
    turns: Vec<(T, T)>,
}

/// A matrix in memory that is read: its first element, and the steps from row to row and from column to column.
#[derive(Clone, Copy)]
struct Matrix<'a, T> {
    data: &'a [T],
    row: usize,
    column: usize,
}

impl<'a, T> Matrix<'a, T> {
    /// Rows one after the other.
    fn rows(data: &'a [T], row: usize) -> Self {
        Self { data, row, column: 1 }
    }

    /// The same elements with rows and columns exchanged.
    fn transposed(self) -> Self {
        Self { row: self.column, column: self.row, ..self }
    }

    fn holds(&self, rows: usize, columns: usize) -> bool {
        rows > 0 && columns > 0 && (rows - 1) * self.row + (columns - 1) * self.column < self.data.len()
    }
}

/// `out = factor · left · right`, or `out += …`; `out` has `m` rows a `row` apart and `n` columns, `k` is what is summed
/// over.
fn multiply<T: Numeric>(
    [m, n, k]: [usize; 3],
    out: &mut [T],
    row: usize,
    accumulate: bool,
    left: Matrix<'_, T>,
    right: Matrix<'_, T>,
    factor: T,
) {
    assert!(Matrix::rows(out, row).holds(m, n) && left.holds(m, k) && right.holds(k, n), "matrices are within memory");
    // All that is read and written is within the slices.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            out.as_mut_ptr(),
            1,
            row as isize,
            accumulate,
            left.data.as_ptr(),
            left.column as isize,
            left.row as isize,
            right.data.as_ptr(),
            right.column as isize,
            right.row as isize,
            T::ONE,
            factor,
            false,
            false,
            false,
            Parallelism::None,
        );
    }
}

/// What stands in the scratch of one sample.
struct Scratch<'a, T> {
    /// Per head, what each query takes of each key.
    probabilities: &'a mut [T],
    /// Gradients of the scores of one head.
    d_scores: &'a mut [T],
    /// Queries and keys after rotation, without padding.
    q: &'a mut [T],
    k: &'a mut [T],
    /// Their gradients.
    d_q: &'a mut [T],
    d_k: &'a mut [T],
}

impl<T: Numeric> AttentionKernel<T> {
    /// For queries, keys and values of these layouts.
    pub fn new(attention: &Attention, [queries, keys, values]: [Layout; 3]) -> Self {
        let half = queries.channels / attention.heads / 2;
        let turn = |base: usize| {
            let tokens = queries.positions().max(keys.positions());
            (0..tokens * half).map(move |i| {
                let (token, pair) = (i / half, i % half);
                let angle = token as f64 * (base as f64).powf(-(pair as f64) / half as f64);
                (T::of(angle.cos()), T::of(angle.sin()))
            })
        };
        let turns = attention.rotary.map(|base| turn(base).collect()).unwrap_or_default();
        Self { attention: *attention, queries, keys, values, turns }
    }

    /// Elements of scratch for each sample. The forward pass leaves in it what the backward pass needs.
    pub fn scratch_elements(&self) -> usize {
        self.parts().iter().sum()
    }

    fn parts(&self) -> [usize; 6] {
        let scores = self.queries.positions() * self.keys.positions();
        let q = self.queries.positions() * self.queries.channels;
        let k = self.keys.positions() * self.keys.channels;
        [self.attention.heads * scores, scores, q, k, q, k]
    }

    fn scratch<'a>(&self, scratch: &'a mut [T]) -> Scratch<'a, T> {
        let [a, b, c, d, e, f] = self.parts();
        let (probabilities, rest) = scratch.split_at_mut(a);
        let (d_scores, rest) = rest.split_at_mut(b);
        let (q, rest) = rest.split_at_mut(c);
        let (k, rest) = rest.split_at_mut(d);
        let (d_q, rest) = rest.split_at_mut(e);
        Scratch { probabilities, d_scores, q, k, d_q, d_k: &mut rest[..f] }
    }

    /// Features of one head of queries and keys, and of values.
    fn widths(&self) -> (usize, usize) {
        (self.queries.channels / self.attention.heads, self.values.channels / self.attention.kv_heads)
    }

    /// The layout of the output: as many tokens as queries, with the heads' values side by side.
    fn output(&self) -> Layout {
        Layout { channels: self.widths().1 * self.attention.heads, ..self.queries }
    }

    /// The factor of the scores, 1 / √width.
    fn factor(&self) -> T {
        T::of(1.0 / (self.widths().0 as f64).sqrt())
    }

    /// Calls with every head, and the head of keys and values that serves it, and whether it is the first one served.
    fn heads(&self) -> impl Iterator<Item = (usize, usize, bool)> + use<T> {
        let group = self.attention.heads / self.attention.kv_heads;
        (0..self.attention.heads).map(move |head| (head, head / group, head % group == 0))
    }

    /// Computes the attention. `scratch` has [`scratch_elements`](Self::scratch_elements) for each sample.
    pub fn forward(&self, isa: Isa, q: &[T], k: &[T], v: &[T], scratch: &mut [T], out: &mut [T]) {
        let (queries, keys) = (self.queries.positions(), self.keys.positions());
        let (width, value_width) = self.widths();
        let output = self.output();
        let samples = q
            .chunks_exact(self.queries.sample())
            .zip(k.chunks_exact(self.keys.sample()))
            .zip(v.chunks_exact(self.values.sample()))
            .zip(scratch.chunks_exact_mut(self.scratch_elements()))
            .zip(out.chunks_exact_mut(output.sample()));
        for ((((q, k), v), scratch), out) in samples {
            let scratch = self.scratch(scratch);
            self.rotate_in(q, self.queries, scratch.q);
            self.rotate_in(k, self.keys, scratch.k);
            for ((head, serving, _), probabilities) in
                self.heads().zip(scratch.probabilities.chunks_exact_mut(queries * keys))
            {
                let left = Matrix::rows(&scratch.q[head * width..], self.queries.channels);
                let right = Matrix::rows(&scratch.k[serving * width..], self.keys.channels).transposed();
                multiply([queries, keys, width], probabilities, keys, false, left, right, self.factor());
                isa.run(Probabilities { scores: probabilities, keys, causal: self.attention.causal });
                let left = Matrix::rows(probabilities, keys);
                let right = Matrix::rows(&v[serving * value_width..], self.values.stride());
                let out = &mut out[head * value_width..];
                multiply([queries, value_width, keys], out, output.stride(), false, left, right, T::ONE);
            }
        }
    }

    /// Takes the gradient `d` of the output back to queries, keys and values: writes it, or, where the flag says so,
    /// adds it. `scratch` is as the forward pass left it. Where two of the three are one map, call once for each.
    pub fn backward(
        &self,
        isa: Isa,
        v: &[T],
        d: &[T],
        scratch: &mut [T],
        [mut dq, mut dk, mut dv]: [Option<(&mut [T], bool)>; 3],
    ) {
        let (queries, keys) = (self.queries.positions(), self.keys.positions());
        let (width, value_width) = self.widths();
        let stride = self.output().stride();
        let samples = v
            .chunks_exact(self.values.sample())
            .zip(d.chunks_exact(self.output().sample()))
            .zip(scratch.chunks_exact_mut(self.scratch_elements()));
        for (sample, ((v, d), scratch)) in samples.enumerate() {
            let Scratch { probabilities, d_scores, q, k, d_q, d_k } = self.scratch(scratch);
            for ((head, serving, first), probabilities) in self.heads().zip(probabilities.chunks_exact(queries * keys))
            {
                let d = Matrix::rows(&d[head * value_width..], stride);
                if let Some((dv, accumulate)) = &mut dv {
                    let dv = &mut dv[sample * self.values.sample() + serving * value_width..];
                    let left = Matrix::rows(probabilities, keys).transposed();
                    let add = *accumulate || !first;
                    multiply([keys, value_width, queries], dv, self.values.stride(), add, left, d, T::ONE);
                }
                if dq.is_none() && dk.is_none() {
                    continue;
                }
                let right = Matrix::rows(&v[serving * value_width..], self.values.stride()).transposed();
                multiply([queries, keys, value_width], d_scores, keys, false, d, right, T::ONE);
                isa.run(Scores { probabilities, d: d_scores, keys });
                let scores = Matrix::rows(d_scores, keys);
                let right = Matrix::rows(&k[serving * width..], self.keys.channels);
                let to = &mut d_q[head * width..];
                multiply([queries, width, keys], to, self.queries.channels, false, scores, right, self.factor());
                let right = Matrix::rows(&q[head * width..], self.queries.channels);
                let to = &mut d_k[serving * width..];
                let left = scores.transposed();
                multiply([keys, width, queries], to, self.keys.channels, !first, left, right, self.factor());
            }
            for (layout, gradient, to) in [(self.queries, d_q, &mut dq), (self.keys, d_k, &mut dk)] {
                if let Some((to, accumulate)) = to {
                    let to = &mut to[sample * layout.sample()..(sample + 1) * layout.sample()];
                    self.rotate_out(gradient, layout, to, *accumulate);
                }
            }
        }
    }

    /// Copies queries or keys of one sample without their padding, each rotated by its position.
    fn rotate_in(&self, x: &[T], layout: Layout, out: &mut [T]) {
        let tokens = x.chunks_exact(layout.stride()).zip(out.chunks_exact_mut(layout.channels)).enumerate();
        for (token, (x, out)) in tokens {
            out.copy_from_slice(&x[..layout.channels]);
            self.rotate(token, out, T::ONE);
        }
    }

    /// Rotates gradients back, and writes them, or adds them, to the padded map.
    fn rotate_out(&self, gradient: &mut [T], layout: Layout, out: &mut [T], accumulate: bool) {
        let tokens = gradient.chunks_exact_mut(layout.channels).zip(out.chunks_exact_mut(layout.stride()));
        for (token, (gradient, out)) in tokens.enumerate() {
            self.rotate(token, gradient, -T::ONE);
            if accumulate {
                out.iter_mut().zip(gradient).for_each(|(out, g)| *out += *g);
            } else {
                out[..layout.channels].copy_from_slice(gradient);
            }
        }
    }

    /// Rotates every head of a token: feature `i` with feature `i + half`, by the angle of that pair.
    fn rotate(&self, token: usize, x: &mut [T], direction: T) {
        let half = self.widths().0 / 2;
        let Some(turns) = self.turns.get(token * half..(token + 1) * half).filter(|turns| !turns.is_empty()) else {
            return;
        };
        for head in x.chunks_exact_mut(2 * half) {
            let (left, right) = head.split_at_mut(half);
            for ((a, b), &(cos, sin)) in left.iter_mut().zip(right).zip(turns) {
                let sin = sin * direction;
                (*a, *b) = (*a * cos - *b * sin, *b * cos + *a * sin);
            }
        }
    }
}

/// Turns the scores of one head to probabilities, in place.
struct Probabilities<'a, T> {
    scores: &'a mut [T],
    keys: usize,
    causal: bool,
}

impl<T: Numeric> Kernel<T> for Probabilities<'_, T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector<Element = T>>(self) {
        let Self { scores, keys, causal } = self;
        for (query, row) in scores.chunks_exact_mut(keys).enumerate() {
            let (seen, hidden) = row.split_at_mut(if causal { query + 1 } else { keys });
            unsafe { softmax_row::<V>(seen) };
            hidden.fill(T::ZERO);
        }
    }
}

/// Turns the gradients of the probabilities of one head to those of its scores, in place.
struct Scores<'a, T> {
    probabilities: &'a [T],
    d: &'a mut [T],
    keys: usize,
}

impl<T: Numeric> Kernel<T> for Scores<'_, T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector<Element = T>>(self) {
        let Self { probabilities, d, keys } = self;
        for (p, d) in probabilities.chunks_exact(keys).zip(d.chunks_exact_mut(keys)) {
            let along = unsafe { dot::<V>(p, d) };
            d.iter_mut().zip(p).for_each(|(d, &p)| *d = p * (*d - along));
        }
    }
}

#[cfg(test)]
mod tests;

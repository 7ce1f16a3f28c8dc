//! Operators on the features of each position: layer norm (Ba et al., 2016), RMS norm (Zhang and Sennrich, 2019) and
//! softmax; and the embedding that makes tokens of ids.

use super::Isa;
use super::isa::{Kernel, Numeric};
use super::through::{RUN, load_part, store_part, total};
use super::vector::{Vector, exp};
use super::view::{BLOCK, Layout, Sums};
use crate::engine::Element;
use crate::graph::Epsilon;

/// A norm over the features of each position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeatureNorm {
    /// Whether the mean is taken off, as in layer norm.
    pub centred: bool,
    /// What is added to the variance, or to the mean square.
    pub epsilon: Epsilon,
}

/// Writes the normalised map to `out`. `weight` and `bias` hold one element per feature; RMS norm has no bias.
pub fn norm<T: Numeric>(
    isa: Isa,
    norm: FeatureNorm,
    x: &[T],
    layout: Layout,
    weight: &[T],
    bias: Option<&[T]>,
    out: &mut [T],
) {
    assert_eq!(x.len(), out.len(), "a norm keeps the layout");
    assert!(weight.len() >= layout.channels && bias.is_none_or(|bias| bias.len() >= layout.channels));
    isa.run(Norm { norm, x, layout, weight, bias, out });
}

struct Norm<'a, T> {
    norm: FeatureNorm,
    x: &'a [T],
    layout: Layout,
    weight: &'a [T],
    bias: Option<&'a [T]>,
    out: &'a mut [T],
}

impl<T: Numeric> Kernel<T> for Norm<'_, T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector<Element = T>>(self) {
        let Self { norm, x, layout, weight, bias, out } = self;
        let (channels, stride) = (layout.channels, layout.stride());
        for (x, out) in x.chunks_exact(stride).zip(out.chunks_exact_mut(stride)) {
            // Vectors are within the row, parts within the features.
            unsafe {
                let (mean, inverse) = moments::<V>(norm, x.as_ptr(), channels);
                let (m, r) = (V::splat(mean), V::splat(inverse));
                for channel in (0..stride).step_by(V::LANES) {
                    let left = channels.saturating_sub(channel);
                    let w = load_part::<V>(weight.as_ptr().add(channel.min(channels)), left, T::ZERO);
                    let b = match bias {
                        Some(bias) => load_part::<V>(bias.as_ptr().add(channel.min(channels)), left, T::ZERO),
                        None => V::splat(T::ZERO),
                    };
                    let y = V::load(x.as_ptr().add(channel)).sub(m).mul(r).mul_add(w, b);
                    y.store(out.as_mut_ptr().add(channel));
                }
            }
        }
    }
}

/// What a norm takes away from the features of a position, and what it multiplies them by then.
#[inline(always)]
unsafe fn moments<V: Vector>(norm: FeatureNorm, x: *const V::Element, channels: usize) -> (V::Element, V::Element) {
    unsafe {
        let zero = V::Element::ZERO;
        let share = V::Element::of(1.0 / channels as f64);
        let mut mean = zero;
        if norm.centred {
            let mut sum = V::splat(zero);
            for channel in (0..channels).step_by(V::LANES) {
                sum = sum.add(load_part(x.add(channel), channels - channel, zero));
            }
            mean = total(sum) * share;
        }
        let mut squares = V::splat(zero);
        for channel in (0..channels).step_by(V::LANES) {
            let x = load_part::<V>(x.add(channel), channels - channel, mean).sub(V::splat(mean));
            squares = x.mul_add(x, squares);
        }
        let variance = (total(squares) * share).to_f64();
        (mean, V::Element::of(1.0 / (variance + norm.epsilon.value()).sqrt()))
    }
}

/// Takes the gradient `d` of the normalised map back: writes it, or adds it, to `dx`. To `sums` are added Σd, the
/// gradient of the bias, and Σ d·x̂, the gradient of the weight. `buffer` grows to what is needed.
#[allow(clippy::too_many_arguments)]
pub fn norm_backward<T: Numeric>(
    isa: Isa,
    norm: FeatureNorm,
    x: &[T],
    layout: Layout,
    weight: &[T],
    d: &[T],
    dx: &mut [T],
    accumulate: bool,
    sums: &mut Sums,
    buffer: &mut Vec<T>,
) {
    assert!(x.len() == d.len() && x.len() == dx.len(), "a norm keeps the layout");
    assert!(weight.len() >= layout.channels);
    buffer.clear();
    buffer.resize(2 * layout.stride(), T::ZERO);
    isa.run(NormBackward { norm, x, layout, weight, d, dx, accumulate, sums, part: buffer });
}

struct NormBackward<'a, T> {
    norm: FeatureNorm,
    x: &'a [T],
    layout: Layout,
    weight: &'a [T],
    d: &'a [T],
    dx: &'a mut [T],
    accumulate: bool,
    sums: &'a mut Sums,
    /// Both sums over a few rows.
    part: &'a mut [T],
}

impl<T: Numeric> Kernel<T> for NormBackward<'_, T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector<Element = T>>(self) {
        let Self { norm, x, layout, weight, d, dx, accumulate, sums, part } = self;
        let (channels, stride) = (layout.channels, layout.stride());
        let (first, second) = part.split_at_mut(stride);
        let rows = x.len() / stride;
        for row in 0..rows {
            // Vectors are within the row, parts within the features.
            unsafe {
                let (x, d) = (x.as_ptr().add(row * stride), d.as_ptr().add(row * stride));
                let to = dx.as_mut_ptr().add(row * stride);
                let (mean, inverse) = moments::<V>(norm, x, channels);
                let (m, r) = (V::splat(mean), V::splat(inverse));
                let (mut direct, mut along) = (V::splat(T::ZERO), V::splat(T::ZERO));
                for channel in (0..channels).step_by(V::LANES) {
                    let left = channels - channel;
                    let normal = V::load(x.add(channel)).sub(m).mul(r);
                    let d = load_part::<V>(d.add(channel), left, T::ZERO);
                    let (sum, product) = (first.as_mut_ptr().add(channel), second.as_mut_ptr().add(channel));
                    V::load(sum).add(d).store(sum);
                    d.mul_add(normal, V::load(product)).store(product);
                    let g = d.mul(load_part(weight.as_ptr().add(channel), left, T::ZERO));
                    direct = direct.add(g);
                    along = g.mul_add(normal, along);
                }
                // x̂ moves with the mean and with the deviation.
                let share = T::of(1.0 / channels as f64);
                let direct = if norm.centred { total(direct) * share } else { T::ZERO };
                let (direct, along) = (V::splat(direct), V::splat(total(along) * share));
                for channel in (0..channels).step_by(V::LANES) {
                    let normal = V::load(x.add(channel)).sub(m).mul(r);
                    let w = load_part::<V>(weight.as_ptr().add(channel), channels - channel, T::ZERO);
                    let g = V::load(d.add(channel)).mul(w);
                    let mut g = g.sub(direct).sub(normal.mul(along)).mul(r);
                    let to = to.add(channel);
                    if accumulate {
                        g = g.add(V::load(to));
                    }
                    g.store(to);
                }
            }
            if (row + 1) % RUN == 0 || row + 1 == rows {
                for (sums, part) in [(&mut sums.first, &mut *first), (&mut sums.second, &mut *second)] {
                    sums.iter_mut().zip(part.iter()).for_each(|(sum, x)| *sum += x.to_f64());
                    part.fill(T::ZERO);
                }
            }
        }
    }
}

/// Writes the softmax over the features of each position to `out`, with zeros in the padding.
pub fn softmax<T: Numeric>(isa: Isa, x: &[T], layout: Layout, out: &mut [T]) {
    assert_eq!(x.len(), out.len(), "softmax keeps the layout");
    isa.run(Softmax { x, layout, out });
}

struct Softmax<'a, T> {
    x: &'a [T],
    layout: Layout,
    out: &'a mut [T],
}

impl<T: Numeric> Kernel<T> for Softmax<'_, T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector<Element = T>>(self) {
        let Self { x, layout, out } = self;
        let (channels, stride) = (layout.channels, layout.stride());
        for (x, out) in x.chunks_exact(stride).zip(out.chunks_exact_mut(stride)) {
            out[channels..].fill(T::ZERO);
            out[..channels].copy_from_slice(&x[..channels]);
            unsafe { softmax_row::<V>(&mut out[..channels]) };
        }
    }
}

/// Softmax of a row, in place.
///
/// # Safety
/// See [`Vector`].
#[inline(always)]
pub(super) unsafe fn softmax_row<V: Vector>(row: &mut [V::Element]) {
    let (count, at) = (row.len(), row.as_mut_ptr());
    let Some(&first) = row.first() else { return };
    // Parts are within the row.
    unsafe {
        let mut max = V::splat(first);
        for start in (0..count).step_by(V::LANES) {
            max = max.max(load_part(at.add(start), count - start, first));
        }
        let mut lanes = [first; BLOCK];
        max.store(lanes.as_mut_ptr());
        let max = lanes.into_iter().fold(first, |a, b| if b > a { b } else { a });
        let mut sum = V::Element::ZERO;
        for start in (0..count).step_by(V::LANES) {
            let part = exp(load_part::<V>(at.add(start), count - start, max).sub(V::splat(max)));
            store_part(part, at.add(start), count - start);
            // Only lanes that count are summed.
            sum += total(load_part::<V>(at.add(start), count - start, V::Element::ZERO));
        }
        let share = V::splat(V::Element::ONE / sum);
        for start in (0..count).step_by(V::LANES) {
            let part = load_part::<V>(at.add(start), count - start, V::Element::ZERO).mul(share);
            store_part(part, at.add(start), count - start);
        }
    }
}

/// Takes the gradient `d` of the softmax `y` back: writes it, or adds it, to `dx`.
pub fn softmax_backward<T: Numeric>(isa: Isa, y: &[T], layout: Layout, d: &[T], dx: &mut [T], accumulate: bool) {
    assert!(y.len() == d.len() && y.len() == dx.len(), "softmax keeps the layout");
    isa.run(SoftmaxBackward { y, layout, d, dx, accumulate });
}

struct SoftmaxBackward<'a, T> {
    y: &'a [T],
    layout: Layout,
    d: &'a [T],
    dx: &'a mut [T],
    accumulate: bool,
}

impl<T: Numeric> Kernel<T> for SoftmaxBackward<'_, T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector<Element = T>>(self) {
        let Self { y, layout, d, dx, accumulate } = self;
        let (channels, stride) = (layout.channels, layout.stride());
        let rows = y.chunks_exact(stride).zip(d.chunks_exact(stride)).zip(dx.chunks_exact_mut(stride));
        for ((y, d), dx) in rows {
            // Parts are within the features, vectors within the row.
            unsafe {
                let along = V::splat(dot::<V>(&y[..channels], &d[..channels]));
                for channel in (0..channels).step_by(V::LANES) {
                    let (y, d) = (V::load(y.as_ptr().add(channel)), V::load(d.as_ptr().add(channel)));
                    let to = dx.as_mut_ptr().add(channel);
                    let mut g = d.sub(along).mul(y);
                    if accumulate {
                        g = g.add(V::load(to));
                    }
                    g.store(to);
                }
            }
        }
    }
}

/// Σ x·y of two rows of one length.
///
/// # Safety
/// See [`Vector`].
#[inline(always)]
pub(super) unsafe fn dot<V: Vector>(x: &[V::Element], y: &[V::Element]) -> V::Element {
    unsafe {
        let mut sum = V::splat(V::Element::ZERO);
        for start in (0..x.len().min(y.len())).step_by(V::LANES) {
            let left = x.len().min(y.len()) - start;
            let x = load_part::<V>(x.as_ptr().add(start), left, V::Element::ZERO);
            sum = x.mul_add(load_part(y.as_ptr().add(start), left, V::Element::ZERO), sum);
        }
        total(sum)
    }
}

/// The row of the table that an id names. The caller has checked that it is one.
fn row<T: Element>(id: T, features: usize) -> std::ops::Range<usize> {
    let id = id.to_f64() as usize;
    id * features..(id + 1) * features
}

/// Writes the rows of `table` that the ids name to `out`, one token after the other; the padding becomes 0. `ids` is the
/// layout of a sample of ids, `features` the length of a row.
pub fn embed<T: Element>(ids: &[T], layout: Layout, table: &[T], features: usize, out: &mut [T]) {
    let tokens = Layout { channels: features, height: layout.channels, width: 1 };
    for (ids, out) in ids.chunks_exact(layout.sample()).zip(out.chunks_exact_mut(tokens.sample())) {
        for (&id, out) in ids[..layout.channels].iter().zip(out.chunks_exact_mut(tokens.stride())) {
            out[..features].copy_from_slice(&table[row(id, features)]);
            out[features..].fill(T::ZERO);
        }
    }
}

/// Adds the gradient `d` of the tokens to the gradient of the table.
pub fn embed_backward<T: Element>(ids: &[T], layout: Layout, d: &[T], features: usize, d_table: &mut [T]) {
    let tokens = Layout { channels: features, height: layout.channels, width: 1 };
    for (ids, d) in ids.chunks_exact(layout.sample()).zip(d.chunks_exact(tokens.sample())) {
        for (&id, d) in ids[..layout.channels].iter().zip(d.chunks_exact(tokens.stride())) {
            d_table[row(id, features)].iter_mut().zip(d).for_each(|(sum, &d)| *sum += d);
        }
    }
}

/// Adds to every token of every sample its row of `table`; the padding becomes 0.
pub fn place<T: Element>(x: &[T], layout: Layout, table: &[T], out: &mut [T]) {
    let (features, stride) = (layout.channels, layout.stride());
    for (x, out) in x.chunks_exact(layout.sample()).zip(out.chunks_exact_mut(layout.sample())) {
        let tokens = x.chunks_exact(stride).zip(table.chunks_exact(features));
        for ((x, row), out) in tokens.zip(out.chunks_exact_mut(stride)) {
            out.iter_mut().zip(x).zip(row).for_each(|((out, &x), &row)| *out = x + row);
            out[features..].fill(T::ZERO);
        }
    }
}

/// Writes the rows of `table` before the tokens of every sample of the layout `layout`.
pub fn prepend<T: Element>(x: &[T], layout: Layout, table: &[T], out: &mut [T]) {
    let (features, stride) = (layout.channels, layout.stride());
    let before = table.len() / features * stride;
    for (x, out) in x.chunks_exact(layout.sample()).zip(out.chunks_exact_mut(before + layout.sample())) {
        let (first, rest) = out.split_at_mut(before);
        for (row, out) in table.chunks_exact(features).zip(first.chunks_exact_mut(stride)) {
            out[..features].copy_from_slice(row);
            out[features..].fill(T::ZERO);
        }
        rest.copy_from_slice(x);
    }
}

/// Adds the gradient `d` of the first tokens of every sample of the layout `layout` to that of a table with a row for each.
pub fn table_backward<T: Element>(d: &[T], layout: Layout, d_table: &mut [T]) {
    let features = layout.channels;
    for d in d.chunks_exact(layout.sample()) {
        for (d, row) in d.chunks_exact(layout.stride()).zip(d_table.chunks_exact_mut(features)) {
            row.iter_mut().zip(d).for_each(|(sum, &d)| *sum += d);
        }
    }
}

#[cfg(test)]
mod tests;

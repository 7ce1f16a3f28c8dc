//! Max and average pooling, and the mean over all positions.
//!
//! Both kinds are separable: rows of a window are folded first, into one row as wide as the map, and then its columns.

use std::ops::Range;

use super::Isa;
use super::isa::{Kernel, Numeric};
use super::through::{RUN, Reader, Writer};
use super::vector::Vector;
use super::view::{Layout, Sink, Source};
use crate::engine::Element;
use crate::graph::{Pool, PoolKind};

/// The elements of an axis that each window sees, padding left out.
fn windows(pool: &Pool, size: usize, outputs: usize) -> Vec<Range<usize>> {
    let window = |output: usize| {
        let start = output * pool.stride;
        start.saturating_sub(pool.padding).min(size)..(start + pool.kernel).saturating_sub(pool.padding).min(size)
    };
    let windows: Vec<_> = (0..outputs).map(window).collect();
    assert!(windows.iter().all(|window| !window.is_empty()), "every window sees something");
    windows
}

/// The windows that see each element of an axis: the same relation, the other way round.
fn seen_by(windows: &[Range<usize>], size: usize) -> Vec<Range<usize>> {
    let seen = |element: usize| {
        let start = windows.partition_point(|window| window.end <= element);
        start..windows.partition_point(|window| window.start <= element).max(start)
    };
    (0..size).map(seen).collect()
}

/// One over the number of elements of each window.
fn weights<T: Element>(windows: &[Range<usize>]) -> Vec<T> {
    windows.iter().map(|window| T::of(1.0 / window.len() as f64)).collect()
}

fn check<T: Numeric>(source: &Source<'_, T>, output: Layout, pooled: usize) {
    source.check();
    assert_eq!(source.layout.channels, output.channels, "pooling keeps channels");
    assert_eq!(source.samples() * output.sample(), pooled, "there are as many samples before pooling as after it");
}

/// Writes, or adds, the pooled map to `out`.
pub fn forward<T: Numeric>(
    isa: Isa,
    pool: &Pool,
    source: Source<'_, T>,
    output: Layout,
    out: &mut [T],
    accumulate: bool,
) {
    check(&source, output, out.len());
    let rows = windows(pool, source.layout.height, output.height);
    let columns = windows(pool, source.layout.width, output.width);
    let max = pool.kind == PoolKind::Max;
    let (row_weights, column_weights) = (weights(&rows), weights(&columns));
    let mut folded = vec![T::ZERO; source.layout.width * source.layout.stride()];
    isa.run(Forward {
        max,
        source,
        axes: [(&rows, &row_weights), (&columns, &column_weights)],
        folded: &mut folded,
        out,
        accumulate,
    });
}

struct Forward<'a, T> {
    max: bool,
    source: Source<'a, T>,
    /// The windows over rows and columns, with their weights in a mean.
    axes: [(&'a [Range<usize>], &'a [T]); 2],
    folded: &'a mut [T],
    out: &'a mut [T],
    accumulate: bool,
}

impl<T: Numeric> Kernel<T> for Forward<'_, T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector<Element = T>>(self) {
        let Self { max, source, axes: [(rows, row_weights), (columns, column_weights)], folded, out, accumulate } =
            self;
        let layout = source.layout;
        let (stride, line) = (layout.stride(), layout.width * layout.stride());
        let (folded, mut to) = (folded.as_mut_ptr(), out.as_mut_ptr());
        for sample in 0..source.samples() {
            for (window, &row_weight) in rows.iter().zip(row_weights) {
                let top = sample * layout.height + window.start;
                for channel in (0..stride).step_by(V::LANES) {
                    // Windows are within the map, and `to` moves over the rows of `out`.
                    unsafe {
                        let reader = Reader::<V>::new(&source, channel);
                        for at in (channel..line).step_by(stride) {
                            let mut x = reader.at(top * line + at);
                            for row in 1..window.len() {
                                let other = reader.at((top + row) * line + at);
                                x = if max { x.max(other) } else { x.add(other) };
                            }
                            x.store(folded.add(at));
                        }
                        let row_weight = V::splat(row_weight);
                        for (column, window) in columns.iter().enumerate() {
                            let at = window.start * stride + channel;
                            let mut x = V::load(folded.add(at));
                            for step in 1..window.len() {
                                let other = V::load(folded.add(at + step * stride));
                                x = if max { x.max(other) } else { x.add(other) };
                            }
                            if !max {
                                x = x.mul(row_weight).mul(V::splat(column_weights[column]));
                            }
                            let to = to.add(column * stride + channel);
                            if accumulate {
                                x = x.add(V::load(to));
                            }
                            x.store(to);
                        }
                    }
                }
                to = unsafe { to.add(columns.len() * stride) };
            }
        }
    }
}

/// Takes the gradient `d` of the pooled map back to the source. Of equal maxima the first one of a window, row by row,
/// gets the gradient, as in PyTorch.
pub fn backward<T: Numeric>(isa: Isa, pool: &Pool, source: Source<'_, T>, output: Layout, d: &[T], sink: Sink<'_, T>) {
    check(&source, output, d.len());
    sink.check(&source);
    let rows = windows(pool, source.layout.height, output.height);
    let columns = windows(pool, source.layout.width, output.width);
    match pool.kind {
        PoolKind::Max => {
            let mut read = vec![T::ZERO; source.layout.sample()];
            let mut gradient = vec![T::ZERO; source.layout.sample()];
            let [read, gradient] = [&mut read, &mut gradient];
            isa.run(MaxBackward { source, rows: &rows, columns: &columns, d, sink, read, gradient });
        }
        PoolKind::Avg => {
            let (row_weights, column_weights) = (weights(&rows), weights(&columns));
            let seen_rows = seen_by(&rows, source.layout.height);
            let seen_columns = seen_by(&columns, source.layout.width);
            let mut folded = vec![T::ZERO; output.width * output.stride()];
            let axes: [(&[_], &[_]); 2] = [(&seen_rows, &row_weights), (&seen_columns, &column_weights)];
            isa.run(AvgBackward { source, output, axes, d, sink, folded: &mut folded });
        }
    }
}

struct MaxBackward<'a, T> {
    source: Source<'a, T>,
    rows: &'a [Range<usize>],
    columns: &'a [Range<usize>],
    d: &'a [T],
    sink: Sink<'a, T>,
    /// What is read of one sample, and the gradient of that.
    read: &'a mut [T],
    gradient: &'a mut [T],
}

impl<T: Numeric> Kernel<T> for MaxBackward<'_, T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector<Element = T>>(self) {
        let Self { source, rows, columns, d, mut sink, read, gradient } = self;
        let layout = source.layout;
        let (stride, size) = (layout.stride(), layout.sample());
        for sample in 0..source.samples() {
            let d = &d[sample * rows.len() * columns.len() * stride..];
            gradient.fill(T::ZERO);
            for channel in (0..stride).step_by(V::LANES) {
                // Windows are within the map.
                unsafe {
                    let reader = Reader::<V>::new(&source, channel);
                    let mut writer = Writer::<V>::new(&source, &mut sink, channel);
                    for at in (channel..size).step_by(stride) {
                        reader.at(sample * size + at).store(read.as_mut_ptr().add(at));
                    }
                    for (i, row) in rows.iter().enumerate() {
                        for (j, column) in columns.iter().enumerate() {
                            let left = V::load(d.as_ptr().add((i * columns.len() + j) * stride + channel));
                            Self::window(row, column, layout.width, stride, read, gradient, channel, left);
                        }
                    }
                    for at in (channel..size).step_by(stride) {
                        writer.put(sample * size + at, V::load(gradient.as_ptr().add(at)));
                    }
                    writer.finish(&mut sink);
                }
            }
        }
    }
}

impl<T: Numeric> MaxBackward<'_, T> {
    /// Gives the gradient of one window to its first maximum. `left` is what has not been given away: all of it up to
    /// the first maximum, nothing after it.
    #[inline(always)]
    #[allow(clippy::too_many_arguments)]
    unsafe fn window<V: Vector<Element = T>>(
        rows: &Range<usize>,
        columns: &Range<usize>,
        width: usize,
        stride: usize,
        read: &[T],
        gradient: &mut [T],
        channel: usize,
        mut left: V,
    ) {
        let (read, gradient) = (read.as_ptr(), gradient.as_mut_ptr());
        unsafe {
            let zero = V::splat(T::ZERO);
            let mut max = V::load(read.add((rows.start * width + columns.start) * stride + channel));
            for row in rows.clone() {
                for column in columns.clone() {
                    max = max.max(V::load(read.add((row * width + column) * stride + channel)));
                }
            }
            for row in rows.clone() {
                for column in columns.clone() {
                    let at = (row * width + column) * stride + channel;
                    let x = V::load(read.add(at));
                    let given = max.select_greater(x, zero, left);
                    left = max.select_greater(x, left, zero);
                    V::load(gradient.add(at)).add(given).store(gradient.add(at));
                }
            }
        }
    }
}

struct AvgBackward<'a, T> {
    source: Source<'a, T>,
    output: Layout,
    /// For rows and columns: the windows that see each element, and the weight of every window.
    axes: [(&'a [Range<usize>], &'a [T]); 2],
    d: &'a [T],
    sink: Sink<'a, T>,
    folded: &'a mut [T],
}

impl<T: Numeric> Kernel<T> for AvgBackward<'_, T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector<Element = T>>(self) {
        let Self { source, output, axes: [(rows, row_weights), (columns, column_weights)], d, mut sink, folded } = self;
        let layout = source.layout;
        let (stride, line) = (layout.stride(), output.width * layout.stride());
        let (d, folded) = (d.as_ptr(), folded.as_mut_ptr());
        for sample in 0..source.samples() {
            for (y, windows) in rows.iter().enumerate() {
                for channel in (0..stride).step_by(V::LANES) {
                    // Windows are within the pooled map.
                    unsafe {
                        let zero = V::splat(T::ZERO);
                        for (column, &column_weight) in column_weights.iter().enumerate() {
                            let at = column * stride + channel;
                            let mut sum = zero;
                            for row in windows.clone() {
                                let g = V::load(d.add((sample * output.height + row) * line + at));
                                sum = g.mul_add(V::splat(row_weights[row]), sum);
                            }
                            sum.mul(V::splat(column_weight)).store(folded.add(at));
                        }
                        let mut writer = Writer::<V>::new(&source, &mut sink, channel);
                        for (x, windows) in columns.iter().enumerate() {
                            let mut sum = zero;
                            for column in windows.clone() {
                                sum = sum.add(V::load(folded.add(column * stride + channel)));
                            }
                            let row = (sample * layout.height + y) * layout.width + x;
                            writer.put(row * stride + channel, sum);
                        }
                        writer.finish(&mut sink);
                    }
                }
            }
        }
    }
}

/// Writes the mean over all positions to `out`, which has one position.
pub fn mean<T: Numeric>(isa: Isa, source: Source<'_, T>, out: &mut [T]) {
    source.check();
    assert_eq!(source.samples() * source.layout.stride(), out.len(), "there is one mean per sample and channel");
    isa.run(Mean { source, out });
}

struct Mean<'a, T> {
    source: Source<'a, T>,
    out: &'a mut [T],
}

impl<T: Numeric> Kernel<T> for Mean<'_, T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector<Element = T>>(self) {
        let Self { source, out } = self;
        let (stride, positions) = (source.layout.stride(), source.layout.positions());
        for sample in 0..source.samples() {
            for channel in (0..stride).step_by(V::LANES) {
                // Positions are within the map.
                unsafe {
                    let reader = Reader::<V>::new(&source, channel);
                    let mut sum = V::splat(T::ZERO);
                    for start in (0..positions).step_by(RUN) {
                        // Sums of sums lose less to rounding.
                        let mut part = V::splat(T::ZERO);
                        for position in start..positions.min(start + RUN) {
                            part = part.add(reader.at((sample * positions + position) * stride + channel));
                        }
                        sum = sum.add(part);
                    }
                    let share = V::splat(T::of(1.0 / positions as f64));
                    sum.mul(share).store(out.as_mut_ptr().add(sample * stride + channel));
                }
            }
        }
    }
}

/// Takes the gradient `d` of the mean back to the source.
pub fn mean_backward<T: Numeric>(isa: Isa, source: Source<'_, T>, d: &[T], sink: Sink<'_, T>) {
    source.check();
    assert_eq!(source.samples() * source.layout.stride(), d.len(), "there is one mean per sample and channel");
    sink.check(&source);
    isa.run(MeanBackward { source, d, sink });
}

struct MeanBackward<'a, T> {
    source: Source<'a, T>,
    d: &'a [T],
    sink: Sink<'a, T>,
}

impl<T: Numeric> Kernel<T> for MeanBackward<'_, T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector<Element = T>>(self) {
        let Self { source, d, mut sink } = self;
        let (stride, positions) = (source.layout.stride(), source.layout.positions());
        for sample in 0..source.samples() {
            for start in (0..positions).step_by(RUN) {
                for channel in (0..stride).step_by(V::LANES) {
                    // Positions are within the map.
                    unsafe {
                        let share = V::splat(T::of(1.0 / positions as f64));
                        let g = V::load(d.as_ptr().add(sample * stride + channel)).mul(share);
                        let mut writer = Writer::<V>::new(&source, &mut sink, channel);
                        for position in start..positions.min(start + RUN) {
                            writer.put((sample * positions + position) * stride + channel, g);
                        }
                        writer.finish(&mut sink);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;

//! Max and average pooling.
//!
//! Both kinds are separable: rows of a window are folded first, into one row as wide as the map, and then its columns.

use std::ops::Range;

use super::Isa;
use super::isa::{Kernel, Numeric};
use super::through::{Reader, Writer};
use super::vector::Vector;
use super::view::{Layout, Sink, Source};
use crate::engine::Element;
use crate::graph::{Pool, PoolKind};

/// The windows over the rows of a map, or over its columns.
#[derive(Clone, Debug)]
struct Axis<T> {
    /// The elements that each window sees, padding left out.
    windows: Vec<Range<usize>>,
    /// The windows that see each element: the same relation, the other way round.
    seen_by: Vec<Range<usize>>,
    /// One over the number of elements that count in each window.
    weights: Vec<T>,
}

impl<T: Element> Axis<T> {
    fn new(pool: &Pool, size: usize, outputs: usize) -> Self {
        let window = |output: usize| {
            let start = output * pool.stride;
            start.saturating_sub(pool.padding).min(size)..(start + pool.kernel).saturating_sub(pool.padding).min(size)
        };
        let windows: Vec<_> = (0..outputs).map(window).collect();
        assert!(windows.iter().all(|window| !window.is_empty()), "every window sees something");
        let seen = |element: usize| {
            let start = windows.partition_point(|window| window.end <= element);
            start..windows.partition_point(|window| window.start <= element).max(start)
        };
        let seen_by = (0..size).map(seen).collect();
        let counted = |window: &Range<usize>| match pool.kind {
            PoolKind::PaddedAvg => pool.kernel,
            PoolKind::Max | PoolKind::Avg => window.len(),
        };
        let weights = windows.iter().map(|window| T::of(1.0 / counted(window) as f64)).collect();
        Self { windows, seen_by, weights }
    }
}

/// A pooling between two layouts.
#[derive(Clone, Debug)]
pub struct Pooling<T> {
    kind: PoolKind,
    input: Layout,
    output: Layout,
    rows: Axis<T>,
    columns: Axis<T>,
}

impl<T: Numeric> Pooling<T> {
    /// A pooling of the graph.
    pub fn new(pool: &Pool, input: Layout, output: Layout) -> Self {
        assert_eq!(input.channels, output.channels, "pooling keeps channels");
        Self {
            kind: pool.kind,
            input,
            output,
            rows: Axis::new(pool, input.height, output.height),
            columns: Axis::new(pool, input.width, output.width),
        }
    }

    fn check(&self, source: &Source<'_, T>, pooled: usize) {
        source.check();
        assert_eq!(source.layout, self.input, "the source has the layout that is pooled");
        let samples = source.samples();
        assert_eq!(samples * self.output.sample(), pooled, "there are as many samples before pooling as after it");
    }

    /// Writes, or adds, the pooled map to `out`. `buffer` grows to what is needed.
    pub fn forward(&self, isa: Isa, source: Source<'_, T>, out: &mut [T], accumulate: bool, buffer: &mut Vec<T>) {
        self.check(&source, out.len());
        let folded = room(buffer, self.input.width * self.input.stride());
        isa.run(Forward { pooling: self, source, folded, out, accumulate });
    }

    /// Takes the gradient `d` of the pooled map back to the source. Of equal maxima the first one of a window, row by
    /// row, gets the gradient, as in PyTorch. `buffer` grows to what is needed.
    pub fn backward(&self, isa: Isa, source: Source<'_, T>, d: &[T], sink: Sink<'_, T>, buffer: &mut Vec<T>) {
        self.check(&source, d.len());
        sink.check(&source);
        match self.kind {
            PoolKind::Max => {
                let sample = self.input.sample();
                let (read, gradient) = room(buffer, 2 * sample).split_at_mut(sample);
                isa.run(MaxBackward { pooling: self, source, d, sink, read, gradient });
            }
            PoolKind::Avg | PoolKind::PaddedAvg => {
                let folded = room(buffer, self.output.width * self.output.stride());
                isa.run(AvgBackward { pooling: self, source, d, sink, folded });
            }
        }
    }
}

/// So many elements of a buffer that grows if it must. They hold anything.
fn room<T: Element>(buffer: &mut Vec<T>, elements: usize) -> &mut [T] {
    if buffer.len() < elements {
        buffer.resize(elements, T::ZERO);
    }
    &mut buffer[..elements]
}

struct Forward<'a, T> {
    pooling: &'a Pooling<T>,
    source: Source<'a, T>,
    folded: &'a mut [T],
    out: &'a mut [T],
    accumulate: bool,
}

impl<T: Numeric> Kernel<T> for Forward<'_, T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector<Element = T>>(self) {
        let Self { pooling: Pooling { kind, rows, columns, .. }, source, folded, out, accumulate } = self;
        let max = *kind == PoolKind::Max;
        let layout = source.layout;
        let (stride, line) = (layout.stride(), layout.width * layout.stride());
        let (folded, mut to) = (folded.as_mut_ptr(), out.as_mut_ptr());
        for sample in 0..source.samples() {
            for (window, &row_weight) in rows.windows.iter().zip(&rows.weights) {
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
                        for (column, window) in columns.windows.iter().enumerate() {
                            let at = window.start * stride + channel;
                            let mut x = V::load(folded.add(at));
                            for step in 1..window.len() {
                                let other = V::load(folded.add(at + step * stride));
                                x = if max { x.max(other) } else { x.add(other) };
                            }
                            if !max {
                                x = x.mul(row_weight).mul(V::splat(columns.weights[column]));
                            }
                            let to = to.add(column * stride + channel);
                            if accumulate {
                                x = x.add(V::load(to));
                            }
                            x.store(to);
                        }
                    }
                }
                to = unsafe { to.add(columns.windows.len() * stride) };
            }
        }
    }
}

struct MaxBackward<'a, T> {
    pooling: &'a Pooling<T>,
    source: Source<'a, T>,
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
        let Self { pooling, source, d, mut sink, read, gradient } = self;
        let (rows, columns) = (&pooling.rows.windows, &pooling.columns.windows);
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
    pooling: &'a Pooling<T>,
    source: Source<'a, T>,
    d: &'a [T],
    sink: Sink<'a, T>,
    folded: &'a mut [T],
}

impl<T: Numeric> Kernel<T> for AvgBackward<'_, T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector<Element = T>>(self) {
        let Self { pooling: Pooling { output, rows, columns, .. }, source, d, mut sink, folded } = self;
        let layout = source.layout;
        let (stride, line) = (layout.stride(), output.width * layout.stride());
        let (d, folded) = (d.as_ptr(), folded.as_mut_ptr());
        for sample in 0..source.samples() {
            for (y, windows) in rows.seen_by.iter().enumerate() {
                for channel in (0..stride).step_by(V::LANES) {
                    // Windows are within the pooled map.
                    unsafe {
                        let zero = V::splat(T::ZERO);
                        for (column, &column_weight) in columns.weights.iter().enumerate() {
                            let at = column * stride + channel;
                            let mut sum = zero;
                            for row in windows.clone() {
                                let g = V::load(d.add((sample * output.height + row) * line + at));
                                sum = g.mul_add(V::splat(rows.weights[row]), sum);
                            }
                            sum.mul(V::splat(column_weight)).store(folded.add(at));
                        }
                        let mut writer = Writer::<V>::new(&source, &mut sink, channel);
                        for (x, windows) in columns.seen_by.iter().enumerate() {
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

#[cfg(test)]
mod tests;

//! Sums and products of maps, element by element, and their gradients.

use super::Isa;
use super::isa::{Kernel, Numeric};
use super::through::{Arrival, RUN, Reader, Tally, Writer};
use super::vector::Vector;
use super::view::{Sink, Slope, Source, Sums};

/// Writes to `out` the sum of what the sources read; with one source, what it reads. Σ and Σ of the squares of that are
/// added to `sums`.
pub fn sum<T: Numeric>(isa: Isa, terms: &[Source<'_, T>], out: &mut [T], sums: Option<&mut Sums>) {
    assert!(terms.iter().all(|term| term.data.len() == out.len()), "terms have the layout of their sum");
    terms.iter().for_each(Source::check);
    assert!(terms.windows(2).all(|pair| pair[0].layout == pair[1].layout), "terms have the layout of their sum");
    isa.run(Sum { terms, out, sums, accumulate: false });
}

/// Adds to `out` what a source reads.
pub fn add_to<T: Numeric>(isa: Isa, source: Source<'_, T>, out: &mut [T]) {
    assert_eq!(source.data.len(), out.len(), "terms have the layout of their sum");
    source.check();
    isa.run(Sum { terms: &[source], out, sums: None, accumulate: true });
}

struct Sum<'a, T> {
    terms: &'a [Source<'a, T>],
    out: &'a mut [T],
    sums: Option<&'a mut Sums>,
    accumulate: bool,
}

impl<T: Numeric> Kernel<T> for Sum<'_, T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector<Element = T>>(self) {
        let Self { terms, out, mut sums, accumulate } = self;
        let Some(last) = terms.len().checked_sub(1) else { return };
        let stride = terms[0].layout.stride();
        let rows = out.len() / stride;
        for start in (0..rows).step_by(RUN) {
            for channel in (0..stride).step_by(V::LANES) {
                for (index, term) in terms.iter().enumerate() {
                    // Every row is within the maps, which are equally long.
                    unsafe {
                        let reader = Reader::<V>::new(term, channel);
                        let add = accumulate || index > 0;
                        let mut tally = Tally::<V>::new();
                        for row in start..rows.min(start + RUN) {
                            let at = row * stride + channel;
                            let to = out.as_mut_ptr().add(at);
                            let mut y = reader.at(at);
                            if add {
                                y = y.add(V::load(to));
                            }
                            y.store(to);
                            tally.count(y, y);
                        }
                        if let (Some(sums), true) = (&mut sums, index == last) {
                            tally.flush(sums, channel);
                        }
                    }
                }
            }
        }
    }
}

/// The way back through one term of a sum: the gradient of what the source reads is the slope.
pub fn spread<T: Numeric>(isa: Isa, source: Source<'_, T>, slope: Slope<'_, T>, sink: Sink<'_, T>) {
    source.check();
    slope.check(source.layout);
    sink.check(&source);
    assert_eq!(slope.data.len(), source.data.len(), "a gradient has the layout of its map");
    isa.run(Spread { source, slope, sink });
}

struct Spread<'a, T> {
    source: Source<'a, T>,
    slope: Slope<'a, T>,
    sink: Sink<'a, T>,
}

impl<T: Numeric> Kernel<T> for Spread<'_, T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector<Element = T>>(self) {
        let Self { source, slope, mut sink } = self;
        let stride = source.layout.stride();
        let rows = source.data.len() / stride;
        for start in (0..rows).step_by(RUN) {
            for channel in (0..stride).step_by(V::LANES) {
                // Every row is within the maps, which are equally long.
                unsafe {
                    let arrival = Arrival::<V>::new(&slope, channel);
                    let mut writer = Writer::<V>::new(&source, &mut sink, channel);
                    for row in start..rows.min(start + RUN) {
                        let at = row * stride + channel;
                        writer.put(at, arrival.at(at));
                    }
                    writer.finish(&mut sink);
                }
            }
        }
    }
}

/// Positions of a sample of the product: the most that a factor has.
fn positions<T>(factors: &[Source<'_, T>]) -> usize {
    factors.iter().map(|factor| factor.layout.positions()).max().unwrap_or(0)
}

/// The row of a factor, for a row of the product: a factor with one position is spread over all of a sample.
#[inline(always)]
fn row_of<T>(factor: &Source<'_, T>, sample: usize, position: usize) -> usize {
    let positions = factor.layout.positions();
    sample * positions + if positions == 1 { 0 } else { position }
}

fn check<T: Numeric>(factors: &[Source<'_, T>], product: usize) {
    let positions = positions(factors);
    let stride = factors.first().map_or(0, |factor| factor.layout.stride());
    for factor in factors {
        factor.check();
        let layout = factor.layout;
        assert_eq!(layout.stride(), stride, "factors have equal channels");
        assert!(layout.positions() == 1 || layout.positions() == positions, "factors have equal positions, or one");
        assert_eq!(
            factor.samples() * positions * layout.stride(),
            product,
            "factors have as many samples as their product"
        );
    }
}

/// Writes to `out` the product of what the sources read. A factor with one position is spread over the others'.
pub fn product<T: Numeric>(isa: Isa, factors: &[Source<'_, T>], out: &mut [T]) {
    check(factors, out.len());
    isa.run(Product { factors, out });
}

struct Product<'a, T> {
    factors: &'a [Source<'a, T>],
    out: &'a mut [T],
}

impl<T: Numeric> Kernel<T> for Product<'_, T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector<Element = T>>(self) {
        let Self { factors, out } = self;
        let Some(first) = factors.first() else { return };
        let (stride, positions) = (first.layout.stride(), positions(factors));
        for sample in 0..first.data.len() / first.layout.sample() {
            for start in (0..positions).step_by(RUN) {
                for channel in (0..stride).step_by(V::LANES) {
                    for (index, factor) in factors.iter().enumerate() {
                        // Every row is within its map, as was checked.
                        unsafe {
                            let reader = Reader::<V>::new(factor, channel);
                            for position in start..positions.min(start + RUN) {
                                let to = out.as_mut_ptr().add((sample * positions + position) * stride + channel);
                                let mut y = reader.at(row_of(factor, sample, position) * stride + channel);
                                if index > 0 {
                                    y = y.mul(V::load(to));
                                }
                                y.store(to);
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The way back to factor `which` of a product whose gradient is `d`.
pub fn product_backward<T: Numeric>(isa: Isa, factors: &[Source<'_, T>], which: usize, d: &[T], sink: Sink<'_, T>) {
    check(factors, d.len());
    sink.check(&factors[which]);
    isa.run(ProductBackward { factors, which, d, sink });
}

struct ProductBackward<'a, T> {
    factors: &'a [Source<'a, T>],
    which: usize,
    d: &'a [T],
    sink: Sink<'a, T>,
}

impl<T: Numeric> ProductBackward<'_, T> {
    /// The gradient of what factor `which` reads at one position of the product: that of the product times the others.
    #[inline(always)]
    unsafe fn gradient<V: Vector<Element = T>>(&self, sample: usize, position: usize, channel: usize) -> V {
        let stride = self.factors[self.which].layout.stride();
        // Within the maps, as was checked.
        unsafe {
            let row = sample * positions(self.factors) + position;
            let mut g = V::load(self.d.as_ptr().add(row * stride + channel));
            for (index, factor) in self.factors.iter().enumerate() {
                if index != self.which {
                    let at = row_of(factor, sample, position) * stride + channel;
                    g = g.mul(Reader::<V>::new(factor, channel).at(at));
                }
            }
            g
        }
    }
}

impl<T: Numeric> Kernel<T> for ProductBackward<'_, T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector<Element = T>>(mut self) {
        let source = self.factors[self.which];
        let (stride, positions) = (source.layout.stride(), positions(self.factors));
        let whole = source.layout.positions() == positions;
        for sample in 0..source.data.len() / source.layout.sample() {
            for channel in (0..stride).step_by(V::LANES) {
                let mut sum = unsafe { V::splat(T::ZERO) };
                for start in (0..positions).step_by(RUN) {
                    let run = start..positions.min(start + RUN);
                    // Within the maps, as was checked.
                    unsafe {
                        if whole {
                            let mut writer = Writer::<V>::new(&source, &mut self.sink, channel);
                            for position in run {
                                let g = self.gradient::<V>(sample, position, channel);
                                writer.put((sample * positions + position) * stride + channel, g);
                            }
                            writer.finish(&mut self.sink);
                        } else {
                            let mut part = V::splat(T::ZERO);
                            for position in run {
                                part = part.add(self.gradient::<V>(sample, position, channel));
                            }
                            sum = sum.add(part);
                        }
                    }
                }
                if !whole {
                    unsafe {
                        let mut writer = Writer::<V>::new(&source, &mut self.sink, channel);
                        writer.put(sample * stride + channel, sum);
                        writer.finish(&mut self.sink);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;

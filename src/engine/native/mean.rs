//! The mean over all positions of a map.

use super::Isa;
use super::isa::{Kernel, Numeric};
use super::through::{RUN, Reader, Writer};
use super::vector::Vector;
use super::view::{Sink, Source};

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

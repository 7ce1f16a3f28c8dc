//! Vectors of channels on their way into and out of a kernel: a source read through its norm and its activation, the
//! gradient that arrives at a map, and the gradient that goes back to a source.
//!
//! Each of them holds the constants of one vector of channels, so that the loop over positions stands inside. Elements
//! are counted from the start of the map.

use super::activation;
use super::vector::Vector;
use super::view::{BLOCK, Sink, Slope, Source, Sums, Through};
use crate::engine::Element;
use crate::graph::Activation;

/// Positions that kernels finish for one vector of channels before they take the next: enough to keep sums in
/// registers, few enough to stay in the nearest cache and to lose nothing to rounding.
pub(super) const RUN: usize = 64;

/// Reads a source.
#[derive(Clone, Copy)]
pub(super) struct Reader<V: Vector> {
    data: *const V::Element,
    scale: V,
    shift: V,
    activation: Option<Activation>,
}

impl<V: Vector> Reader<V> {
    /// For the channels from `channel` on.
    ///
    /// # Safety
    /// See [`Vector`]. The affine vectors are as long as the stride.
    #[inline(always)]
    pub unsafe fn new(source: &Source<'_, V::Element>, channel: usize) -> Self {
        let (scale, shift) = match source.affine {
            Some(affine) => {
                debug_assert!(affine.scale.len() >= channel + V::LANES && affine.shift.len() >= channel + V::LANES);
                unsafe { (V::load(affine.scale.as_ptr().add(channel)), V::load(affine.shift.as_ptr().add(channel))) }
            }
            None => unsafe { (V::splat(V::Element::ONE), V::splat(V::Element::ZERO)) },
        };
        Self { data: source.data.as_ptr(), scale, shift, activation: source.activation }
    }

    /// What a stored `x` is read as.
    #[inline(always)]
    pub unsafe fn read(&self, x: V) -> V {
        unsafe {
            let u = x.mul_add(self.scale, self.shift);
            match self.activation {
                Some(activation) => activation::value(activation, u),
                None => u,
            }
        }
    }

    /// What is read at an element.
    #[inline(always)]
    pub unsafe fn at(&self, at: usize) -> V {
        unsafe { self.read(V::load(self.data.add(at))) }
    }

    /// The gradient before the activation, for the gradient `g` of what is read from `x`.
    #[inline(always)]
    pub unsafe fn back(&self, x: V, g: V) -> V {
        match self.activation {
            Some(activation) => unsafe { activation::slope(activation, x.mul_add(self.scale, self.shift)).mul(g) },
            None => g,
        }
    }
}

/// Reads the gradient that arrives at a map.
#[derive(Clone, Copy)]
pub(super) struct Arrival<V: Vector> {
    data: *const V::Element,
    through: Option<(*const V::Element, V, V, V)>,
}

impl<V: Vector> Arrival<V> {
    /// For the channels from `channel` on.
    ///
    /// # Safety
    /// See [`Vector`]. The vectors of a norm are as long as the stride.
    #[inline(always)]
    pub unsafe fn new(slope: &Slope<'_, V::Element>, channel: usize) -> Self {
        // A closure would not be compiled for the instruction set.
        #[allow(clippy::manual_map)]
        let through = match &slope.through {
            Some(Through { y, a, b, c }) => unsafe {
                let [a, b, c] = [a.as_ptr().add(channel), b.as_ptr().add(channel), c.as_ptr().add(channel)];
                Some((y.as_ptr(), V::load(a), V::load(b), V::load(c)))
            },
            None => None,
        };
        Self { data: slope.data.as_ptr(), through }
    }

    /// The gradient at an element.
    #[inline(always)]
    pub unsafe fn at(&self, at: usize) -> V {
        unsafe {
            let d = V::load(self.data.add(at));
            match self.through {
                Some((y, a, b, c)) => d.mul_add(a, V::load(y.add(at)).mul_add(b, c)),
                None => d,
            }
        }
    }
}

/// Sums of one vector of channels.
#[derive(Clone, Copy)]
pub(super) struct Tally<V: Vector> {
    first: V,
    second: V,
}

impl<V: Vector> Tally<V> {
    #[inline(always)]
    pub unsafe fn new() -> Self {
        let zero = unsafe { V::splat(V::Element::ZERO) };
        Self { first: zero, second: zero }
    }

    /// Counts `x` and its product with `y`.
    #[inline(always)]
    pub unsafe fn count(&mut self, x: V, y: V) {
        unsafe {
            self.first = self.first.add(x);
            self.second = x.mul_add(y, self.second);
        }
    }

    /// Adds what was counted to the sums of the channels from `channel` on.
    #[inline(always)]
    pub unsafe fn flush(self, sums: &mut Sums, channel: usize) {
        unsafe {
            add(self.first, &mut sums.first[channel..channel + V::LANES]);
            add(self.second, &mut sums.second[channel..channel + V::LANES]);
        }
    }
}

/// Adds every lane to a sum in double precision.
#[inline(always)]
unsafe fn add<V: Vector>(x: V, sums: &mut [f64]) {
    let mut lanes = [V::Element::ZERO; BLOCK];
    unsafe { x.store(lanes.as_mut_ptr()) };
    for (sum, lane) in sums.iter_mut().zip(lanes) {
        *sum += lane.to_f64();
    }
}

/// Writes the gradient of a source to its sink. Every element may be written once.
pub(super) struct Writer<V: Vector> {
    reader: Reader<V>,
    to: *mut V::Element,
    accumulate: bool,
    channel: usize,
    tally: Tally<V>,
}

impl<V: Vector> Writer<V> {
    /// For the channels from `channel` on.
    ///
    /// # Safety
    /// See [`Vector`]. The sink is as long as the data of the source.
    #[inline(always)]
    pub unsafe fn new(source: &Source<'_, V::Element>, sink: &mut Sink<'_, V::Element>, channel: usize) -> Self {
        debug_assert_eq!(source.data.len(), sink.data.len());
        Self {
            reader: unsafe { Reader::new(source, channel) },
            to: sink.data.as_mut_ptr(),
            accumulate: sink.accumulate,
            channel,
            tally: unsafe { Tally::new() },
        }
    }

    /// Writes where the gradient of what is read at this element is `g`.
    #[inline(always)]
    pub unsafe fn put(&mut self, at: usize, g: V) {
        unsafe {
            let x = V::load(self.reader.data.add(at));
            let to = self.to.add(at);
            let mut g = self.reader.back(x, g);
            if self.accumulate {
                g = g.add(V::load(to));
            }
            g.store(to);
            self.tally.count(g, x);
        }
    }

    /// Adds the sums of what was written to those of the sink.
    #[inline(always)]
    pub unsafe fn finish(self, sink: &mut Sink<'_, V::Element>) {
        if let Some(sums) = &mut sink.sums {
            unsafe { self.tally.flush(sums, self.channel) };
        }
    }
}

/// Reads `count` elements where they are fewer than a vector has lanes; the other lanes are `fill`.
///
/// # Safety
/// See [`Vector`]; only `count` elements need to be there.
#[inline(always)]
pub(super) unsafe fn load_part<V: Vector>(from: *const V::Element, count: usize, fill: V::Element) -> V {
    unsafe {
        if count >= V::LANES {
            return V::load(from);
        }
        let mut lanes = [fill; BLOCK];
        for (lane, to) in lanes.iter_mut().enumerate().take(count) {
            *to = *from.add(lane);
        }
        V::load(lanes.as_ptr())
    }
}

/// Writes the first `count` lanes, or all of them if that is fewer.
///
/// # Safety
/// See [`Vector`]; only `count` elements need to be there.
#[inline(always)]
pub(super) unsafe fn store_part<V: Vector>(x: V, to: *mut V::Element, count: usize) {
    unsafe {
        if count >= V::LANES {
            return x.store(to);
        }
        let mut lanes = [V::Element::ZERO; BLOCK];
        x.store(lanes.as_mut_ptr());
        for (lane, x) in lanes.into_iter().enumerate().take(count) {
            *to.add(lane) = x;
        }
    }
}

/// The sum of all lanes, in order.
///
/// # Safety
/// See [`Vector`].
#[inline(always)]
pub(super) unsafe fn total<V: Vector>(x: V) -> V::Element {
    let mut lanes = [V::Element::ZERO; BLOCK];
    unsafe { x.store(lanes.as_mut_ptr()) };
    lanes.into_iter().sum()
}

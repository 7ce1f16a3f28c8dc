//! Windows of maps for the kernels: padded with zeros, and with norm and activation applied while they are copied.

use super::geometry::Window;
use crate::engine::Element;
use crate::engine::native::activation;
use crate::engine::native::isa::{Isa, Kernel, Numeric};
use crate::engine::native::vector::Vector;
use crate::engine::native::view::{Affine, BLOCK, Layout, Slope, Source, Through};
use crate::graph::Activation;
use std::ops::Range;

/// What is done to a map while it is copied.
#[derive(Clone, Copy)]
pub(super) enum Lens<'a, T> {
    Plain,
    Source { affine: Option<Affine<'a, T>>, activation: Option<Activation> },
    Slope(Through<'a, T>),
}

/// A stored map and what is done to it.
#[derive(Clone, Copy)]
pub(super) struct Map<'a, T> {
    pub data: &'a [T],
    pub layout: Layout,
    pub lens: Lens<'a, T>,
}

impl<'a, T: Element> Map<'a, T> {
    /// The input of a convolution, in a layout of its own.
    pub fn of_source(source: Source<'a, T>, layout: Layout) -> Self {
        let lens = match (source.affine, source.activation) {
            (None, None) => Lens::Plain,
            (affine, activation) => Lens::Source { affine, activation },
        };
        Self { data: source.data, layout, lens }
    }

    /// The gradient of its output.
    pub fn of_slope(slope: Slope<'a, T>, layout: Layout) -> Self {
        Self { data: slope.data, layout, lens: slope.through.map_or(Lens::Plain, Lens::Slope) }
    }
}

/// A window in memory.
#[derive(Clone, Copy)]
pub(super) struct View<T> {
    /// Its first element.
    pub at: *const T,
    /// Elements from one sample to the next.
    pub image: usize,
    /// Elements from one row to the next.
    pub row: usize,
    /// Elements from one position to the next.
    pub pixel: usize,
}

/// The window of these samples: in place where nothing has to be done to it, otherwise copied to the buffer with `pixel`
/// elements a position, as long as they are at least the channels.
pub(super) fn view<T: Numeric>(
    isa: Isa,
    map: &Map<'_, T>,
    images: Range<usize>,
    window: &Window,
    pixel: usize,
    buffer: &mut Vec<T>,
) -> View<T> {
    let layout = map.layout;
    let stride = layout.stride();
    let (rows, columns) = (&window.rows, &window.columns);
    let inside = rows.start >= 0
        && columns.start >= 0
        && rows.end <= layout.height as isize
        && columns.end <= layout.width as isize;
    if inside && matches!(map.lens, Lens::Plain) {
        let first = (rows.start as usize * layout.width + columns.start as usize) * stride;
        let at = map.data[images.start * layout.sample() + first..].as_ptr();
        return View { at, image: layout.sample(), row: layout.width * stride, pixel: stride };
    }
    let row = columns.len() * pixel;
    let image = rows.len() * row;
    // Vectors of the last position may reach beyond it.
    let needed = images.len() * image + BLOCK;
    if buffer.len() < needed {
        buffer.resize(needed, T::ZERO);
    }
    isa.run(Gather { map, images, window, pixel, buffer: &mut buffer[..needed] });
    View { at: buffer.as_ptr(), image, row, pixel }
}

struct Gather<'a, 'b, T> {
    map: &'a Map<'b, T>,
    images: Range<usize>,
    window: &'a Window,
    pixel: usize,
    buffer: &'a mut [T],
}

impl<T: Numeric> Kernel<T> for Gather<'_, '_, T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector<Element = T>>(self) {
        // Rows are filled from left to right, so that what a vector writes beyond its position is overwritten.
        let layout = self.map.layout;
        let stride = layout.stride();
        let clamp = |range: &Range<isize>, size: usize| {
            let start = range.start.clamp(0, size as isize);
            start as usize..range.end.clamp(start, size as isize) as usize
        };
        let columns = clamp(&self.window.columns, layout.width);
        let left = (columns.start as isize - self.window.columns.start).clamp(0, self.window.columns.len() as isize);
        let left = left as usize * self.pixel;
        let row = self.window.columns.len() * self.pixel;
        let right = left + columns.len() * self.pixel;
        let mut rest = self.buffer;
        for image in self.images {
            for at in self.window.rows.clone() {
                let (line, _) = rest.split_at_mut(row);
                if at < 0 || at >= layout.height as isize || columns.is_empty() {
                    line.fill(T::ZERO);
                } else {
                    line[..left].fill(T::ZERO);
                    let position = (image * layout.height + at as usize) * layout.width + columns.start;
                    let from = position * stride;
                    let to = rest[left..].as_mut_ptr();
                    // The slices hold all of it: the buffer ends with a block to spare.
                    unsafe { copy::<V>(self.map, from, columns.len(), to, self.pixel) };
                    rest[right..row].fill(T::ZERO);
                }
                rest = &mut rest[row..];
            }
        }
    }
}

/// Reads a vector of a map: the element at `offset` of the rows that are copied, of channel `c`.
trait Read<V> {
    /// # Safety
    /// The maps reach that far, and the channels too.
    unsafe fn read(&self, offset: usize, c: usize) -> V;
}

struct Plain<T>(*const T);
struct Normed<T>(*const T, *const T, *const T);
struct Activated<R>(R, Activation);
struct Sloped<T>(*const T, *const T, [*const T; 3]);

impl<V: Vector> Read<V> for Plain<V::Element> {
    #[inline(always)]
    unsafe fn read(&self, offset: usize, c: usize) -> V {
        unsafe { V::load(self.0.add(offset + c)) }
    }
}

impl<V: Vector> Read<V> for Normed<V::Element> {
    #[inline(always)]
    unsafe fn read(&self, offset: usize, c: usize) -> V {
        unsafe { V::load(self.0.add(offset + c)).mul_add(V::load(self.1.add(c)), V::load(self.2.add(c))) }
    }
}

impl<V: Vector, R: Read<V>> Read<V> for Activated<R> {
    #[inline(always)]
    unsafe fn read(&self, offset: usize, c: usize) -> V {
        unsafe { activation::value(self.1, self.0.read(offset, c)) }
    }
}

impl<V: Vector> Read<V> for Sloped<V::Element> {
    #[inline(always)]
    unsafe fn read(&self, offset: usize, c: usize) -> V {
        unsafe {
            let [a, b, k] = self.2;
            let norm = V::load(self.1.add(offset + c)).mul_add(V::load(b.add(c)), V::load(k.add(c)));
            V::load(self.0.add(offset + c)).mul_add(V::load(a.add(c)), norm)
        }
    }
}

/// Copies neighbouring positions.
#[inline(always)]
unsafe fn copy<V: Vector>(map: &Map<'_, V::Element>, from: usize, positions: usize, to: *mut V::Element, pixel: usize) {
    let size = [positions, pixel.div_ceil(V::LANES)];
    let steps = [map.layout.stride(), pixel];
    // The caller vouches for the positions; per-channel slices are as long as the stride.
    unsafe {
        let x = map.data.as_ptr().add(from);
        match map.lens {
            Lens::Plain => each::<V>(Plain(x), size, steps, to),
            Lens::Source { affine, activation } => {
                match (affine.map(|n| Normed(x, n.scale.as_ptr(), n.shift.as_ptr())), activation) {
                    (None, None) => each::<V>(Plain(x), size, steps, to),
                    (Some(normed), None) => each::<V>(normed, size, steps, to),
                    (None, Some(activation)) => each::<V>(Activated(Plain(x), activation), size, steps, to),
                    (Some(normed), Some(activation)) => each::<V>(Activated(normed, activation), size, steps, to),
                }
            }
            Lens::Slope(through) => {
                let y = through.y.as_ptr().add(from);
                let factors = [through.a.as_ptr(), through.b.as_ptr(), through.c.as_ptr()];
                each::<V>(Sloped(x, y, factors), size, steps, to);
            }
        }
    }
}

#[inline(always)]
unsafe fn each<V: Vector>(
    reader: impl Read<V>,
    [positions, vectors]: [usize; 2],
    [stride, pixel]: [usize; 2],
    to: *mut V::Element,
) {
    for p in 0..positions {
        for c in (0..vectors).map(|v| v * V::LANES) {
            // The caller vouches for the positions and a block beyond.
            unsafe { reader.read(p * stride, c).store(to.add(p * pixel + c)) };
        }
    }
}

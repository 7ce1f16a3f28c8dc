//! Convolutions and linear layers: forward, and backward to the input and to the filters.
//!
//! A chunk of rows is copied into a small buffer with its padding, and norm and activation are applied on the way (see
//! `gather`). The kernels in `dense` and `depthwise` then run over it without a check, and what comes out is
//! finished while it is still in the cache (`flow`). Everything here runs in one thread.

mod dense;
mod depthwise;
mod filters;
mod flow;
mod gather;
mod geometry;
mod peak;
#[cfg(test)]
mod tests;
mod winograd;

use std::ops::Range;

use super::isa::{Isa, Numeric};
use super::view::{BLOCK, Layout, Sink, Slope, Source, Sums};
use crate::graph::{Conv2d, Shape};
pub use filters::{FilterGradient, Filters};
use flow::{Flow, Moments, Totals};
use gather::{Map, View, view};
use geometry::{Chunk, Run};
pub(super) use peak::peak;

/// How dense 3×3 convolutions are computed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Convolutions {
    /// As they are defined.
    #[default]
    Direct,
    /// Those of stride 1 and padding 1 with a quarter of the multiplications, by Winograd's F(4×4, 3×3) (Lavin and Gray,
    /// CVPR 2016). Groups, fewer than 8 channels and maps that leave tiles half empty stay direct.
    ///
    /// In single precision results and gradients are within 4e-6 of their norm (16 to 256 channels; direct 1e-6), in double
    /// precision within 1e-14. What is exactly zero by definition may come out as rounding, so what looks at signs or at
    /// zeros had better be direct.
    Winograd,
}

impl Convolutions {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Direct, Self::Winograd];

    /// Its name in files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Winograd => "winograd",
        }
    }

    /// The one of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|convolutions| convolutions.name() == name)
    }
}

/// Elements of the maps that dense kernels work on at once: they and the filters stay in the second-level cache.
const DENSE: usize = 16 << 10;
/// The same for depthwise kernels, which hardly have filters. Bands of few rows would copy most rows anew for each of their
/// uses: at 16 Ki a band of 48×96 is three rows high, and each of them is used three times.
const DEPTHWISE: usize = 64 << 10;

/// A convolution, or a linear layer, between two maps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conv {
    /// What it reads.
    pub input: Layout,
    /// What it writes.
    pub output: Layout,
    /// Kernel height and width.
    pub kernel: [usize; 2],
    /// Stride in both directions.
    pub stride: usize,
    /// Zero padding: rows above and below, columns left and right.
    pub padding: [usize; 2],
    /// Dilation in both directions.
    pub dilation: usize,
    /// Groups.
    pub groups: usize,
}

impl Conv {
    /// A convolution of the graph.
    pub fn new(op: &Conv2d, input: Shape, output: Shape) -> Self {
        Self {
            input: Layout::new(input),
            output: Layout::new(output),
            kernel: op.kernel,
            stride: op.stride,
            padding: op.padding,
            dilation: op.dilation,
            groups: op.groups,
        }
    }

    /// A linear layer over the features of each position or token.
    pub fn linear(input: Shape, output: Shape) -> Self {
        Self {
            input: Layout::new(input),
            output: Layout::new(output),
            kernel: [1, 1],
            stride: 1,
            padding: [0, 0],
            dilation: 1,
            groups: 1,
        }
    }

    /// Multiply-adds for a sample.
    pub fn multiply_adds(&self) -> u64 {
        let taps = self.kernel[0] * self.kernel[1] * self.input.channels / self.groups;
        (self.output.height * self.output.width * self.output.channels * taps) as u64
    }

    /// Elements of the maps that are worked on at once.
    fn budget(&self) -> usize {
        if self.depthwise() { DEPTHWISE } else { DENSE }
    }

    /// Elements of a position in the buffers. Dense kernels take real channels one after the other, so that the taps of
    /// a row of the kernel are neighbours; depthwise ones take vectors of channels.
    fn pixel(&self, layout: &Layout) -> usize {
        if self.depthwise() { layout.stride() } else { layout.channels }
    }
}

/// Buffers for one thread. They grow to what is needed and stay.
#[derive(Clone, Debug)]
pub struct Scratch<T> {
    pub(super) x: Vec<T>,
    slope: Vec<T>,
    pub(super) gradient: Vec<T>,
    runs: Vec<Run>,
    tiles: winograd::Buffers<T>,
}

impl<T> Default for Scratch<T> {
    fn default() -> Self {
        let (x, slope, gradient, runs) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Self { x, slope, gradient, runs, tiles: winograd::Buffers::default() }
    }
}

/// Results of a kernel in memory.
#[derive(Clone, Copy)]
struct Target<T> {
    at: *mut T,
    image: usize,
    row: usize,
    pixel: usize,
}

impl<T> View<T> {
    /// The same window from `elements` further on.
    fn skip(self, elements: usize) -> Self {
        // Kernels only read what the window holds; see `view`.
        Self { at: self.at.wrapping_add(elements), ..self }
    }

    /// What the first tap meets, pixel by pixel.
    fn strided(self, stride: usize) -> Self {
        Self { row: self.row * stride, pixel: self.pixel * stride, ..self }
    }
}

/// `y = conv(source) + bias` for every sample of the source; Σy and Σy² per channel are added to `sums`.
///
/// # Panics
/// When a slice does not fit the convolution; that is a mistake in this program.
pub fn forward<T: Numeric>(
    isa: Isa,
    conv: &Conv,
    source: Source<'_, T>,
    filters: &Filters<T>,
    y: &mut [T],
    mut sums: Option<&mut Sums>,
    scratch: &mut Scratch<T>,
) {
    assert_eq!(source.layout.sample(), conv.input.sample(), "the source has the layout of the input");
    let (conv, samples) = conv.flattened(source.samples());
    assert!(y.len() >= samples * conv.output.sample(), "every sample has its output");
    if let Some(spectra) = &filters.spectra {
        winograd::forward(isa, &conv, source, filters, spectra, y, sums, scratch);
        return;
    }
    let map = Map::of_source(source, conv.input);
    let pixel = conv.pixel(&conv.input);
    let (stride, width) = (conv.output.stride(), conv.output.width);
    for Chunk { images, rows } in conv.chunks(samples, pixel, conv.budget()) {
        let x = view(isa, &map, images.clone(), &conv.source_window(&rows), pixel, &mut scratch.x);
        let first = (images.start * conv.output.height + rows.start) * width * stride;
        let y = &mut y[first..first + images.len() * rows.len() * width * stride];
        let out = Target { at: y.as_mut_ptr(), image: conv.output.sample(), row: width * stride, pixel: stride };
        let size = [images.len(), rows.len(), width];
        sweep_forward(isa, &conv, x, filters, out, size, &mut scratch.runs);
        if let Some(sums) = sums.as_deref_mut() {
            isa.run(Moments { y, stride, sums });
        }
    }
}

fn sweep_forward<T: Numeric>(
    isa: Isa,
    conv: &Conv,
    x: View<T>,
    filters: &Filters<T>,
    out: Target<T>,
    size: [usize; 3],
    runs: &mut Vec<Run>,
) {
    if conv.depthwise() {
        let channels = conv.output.stride();
        conv.runs(x.row, x.pixel, 1, channels, runs);
        let x = x.strided(conv.stride);
        let (w, bias) = (filters.forward.as_ptr(), Some(filters.bias.as_ptr()));
        let (out_image, out_row, out_pixel) = (out.image, out.row, out.pixel);
        isa.run(depthwise::Sweep {
            x,
            w,
            bias,
            taps: runs,
            channels,
            out: out.at,
            out_image,
            out_row,
            out_pixel,
            size,
        });
        return;
    }
    let mut at = 0;
    for pack in conv.packs() {
        let inputs = pack.input.len();
        conv.runs(x.row, x.pixel, inputs, BLOCK, runs);
        isa.run(dense::Sweep {
            isa,
            x: x.skip(pack.input.start).strided(conv.stride),
            w: filters.forward[at..].as_ptr(),
            block: conv.taps() * inputs * BLOCK,
            blocks: pack.output.len().div_ceil(BLOCK),
            bias: Some(filters.bias[pack.output.start..].as_ptr()),
            runs,
            out: out.at.wrapping_add(pack.output.start),
            out_image: out.image,
            out_row: out.row,
            out_pixel: out.pixel,
            size,
        });
        at += pack.elements(conv.taps());
    }
}

/// From the gradient of the output to that of the parameters, which is added to `gradient`, and to that of the input,
/// where there is a sink.
///
/// # Panics
/// When a slice does not fit the convolution; that is a mistake in this program.
#[allow(clippy::too_many_arguments)]
pub fn backward<T: Numeric>(
    isa: Isa,
    conv: &Conv,
    source: Source<'_, T>,
    slope: Slope<'_, T>,
    filters: &Filters<T>,
    gradient: &mut FilterGradient<T>,
    mut sink: Option<Sink<'_, T>>,
    scratch: &mut Scratch<T>,
) {
    assert_eq!(source.layout.sample(), conv.input.sample(), "the source has the layout of the input");
    let (conv, samples) = conv.flattened(source.samples());
    assert!(slope.data.len() >= samples * conv.output.sample(), "every sample has its slope");
    if let Some(sink) = &sink {
        assert!(sink.data.len() >= samples * conv.input.sample(), "every sample has its gradient");
    }
    if let Some(spectra) = &filters.spectra {
        winograd::backward(isa, &conv, source, slope, spectra, gradient, sink, scratch);
        return;
    }
    let map = Map::of_source(source, conv.input);
    let slopes = Map::of_slope(slope, conv.output);
    let (pixel, slope_pixel) = (conv.pixel(&conv.input), conv.pixel(&conv.output));
    let both = pixel + slope_pixel / (conv.stride * conv.stride);
    for Chunk { images, rows } in conv.chunks(samples, both, conv.budget()) {
        let x = view(isa, &map, images.clone(), &conv.source_window(&rows), pixel, &mut scratch.x);
        let window = conv.slope_window(&rows, sink.is_some());
        let slope = view(isa, &slopes, images.clone(), &window, slope_pixel, &mut scratch.slope);
        let above = (rows.start as isize - window.rows.start) as usize;
        let left = -window.columns.start as usize;
        let own = slope.skip(above * slope.row + left * slope.pixel);
        let size = [images.len(), rows.len(), conv.output.width];
        reduce(isa, &conv, x, own, gradient, size, &mut scratch.runs);

        let Some(sink) = &mut sink else { continue };
        let inputs = conv.input_rows(&rows);
        if inputs.is_empty() {
            continue;
        }
        let (stride, width) = (conv.input.stride(), conv.input.width);
        let first = (images.start * conv.input.height + inputs.start) * width * stride;
        let range = first..first + images.len() * inputs.len() * width * stride;
        let raw = raw_gradient(sink, range.clone(), &mut scratch.gradient);
        let out = Target { at: raw, image: conv.input.sample(), row: width * stride, pixel: stride };
        for phase in conv.phases() {
            let rows = inputs.len().saturating_sub(phase.row).div_ceil(conv.stride);
            let columns = width.saturating_sub(phase.column).div_ceil(conv.stride);
            if rows == 0 || columns == 0 {
                continue;
            }
            let out = Target {
                at: out.at.wrapping_add(phase.row * out.row + phase.column * out.pixel),
                image: out.image,
                row: out.row * conv.stride,
                pixel: out.pixel * conv.stride,
            };
            let runs = &mut scratch.runs;
            let first_row = inputs.start / conv.stride;
            let size = [images.len(), rows, columns];
            if conv.depthwise() {
                let channels = conv.input.stride();
                conv.phase_runs(phase, first_row, &window, slope.row, slope.pixel, 1, channels, runs);
                isa.run(depthwise::Sweep {
                    x: slope,
                    w: filters.backward.as_ptr(),
                    bias: None,
                    taps: runs,
                    channels,
                    out: out.at,
                    out_image: out.image,
                    out_row: out.row,
                    out_pixel: out.pixel,
                    size,
                });
                continue;
            }
            let mut at = 0;
            for pack in conv.packs().map(|pack| pack.flipped()) {
                let slopes = pack.input.len();
                conv.phase_runs(phase, first_row, &window, slope.row, slope.pixel, slopes, BLOCK, runs);
                isa.run(dense::Sweep {
                    isa,
                    x: slope.skip(pack.input.start),
                    w: filters.backward[at..].as_ptr(),
                    block: conv.taps() * slopes * BLOCK,
                    blocks: pack.output.len().div_ceil(BLOCK),
                    bias: None,
                    runs,
                    out: out.at.wrapping_add(pack.output.start),
                    out_image: out.image,
                    out_row: out.row,
                    out_pixel: out.pixel,
                    size,
                });
                at += pack.elements(conv.taps());
            }
        }
        flow_on(isa, raw, &source, stride, sink, range);
    }
}

/// Where the kernels write the gradient of what is read: in place, or aside where it is to be added.
fn raw_gradient<T: Numeric>(sink: &mut Sink<'_, T>, range: Range<usize>, aside: &mut Vec<T>) -> *mut T {
    if !sink.accumulate {
        return sink.data[range].as_mut_ptr();
    }
    if aside.len() < range.len() {
        aside.resize(range.len(), T::ZERO);
    }
    aside.as_mut_ptr()
}

/// Finishes these elements of the gradient of the input.
fn flow_on<T: Numeric>(
    isa: Isa,
    raw: *const T,
    source: &Source<'_, T>,
    stride: usize,
    sink: &mut Sink<'_, T>,
    range: Range<usize>,
) {
    if source.activation.is_some() || sink.accumulate || sink.sums.is_some() {
        isa.run(Flow {
            raw,
            to: sink.data[range.clone()].as_mut_ptr(),
            x: &source.data[range],
            stride,
            affine: source.affine,
            activation: source.activation,
            accumulate: sink.accumulate,
            sums: sink.sums.as_deref_mut(),
        });
    }
}

/// The gradient of the parameters over a chunk.
fn reduce<T: Numeric>(
    isa: Isa,
    conv: &Conv,
    x: View<T>,
    slope: View<T>,
    gradient: &mut FilterGradient<T>,
    size: [usize; 3],
    runs: &mut Vec<Run>,
) {
    if let Some(bias) = &mut gradient.bias {
        isa.run(Totals { slope, size, stride: conv.output.stride(), to: bias.as_mut_ptr() });
    }
    if conv.depthwise() {
        let channels = conv.output.stride();
        conv.runs(x.row, x.pixel, 1, channels, runs);
        let (x, w) = (x.strided(conv.stride), gradient.weight.as_mut_ptr());
        isa.run(depthwise::Reduce { x, slope, taps: runs, channels, w, size });
        return;
    }
    let mut at = 0;
    for pack in conv.packs() {
        let inputs = pack.input.len();
        conv.runs(x.row, x.pixel, inputs, BLOCK, runs);
        isa.run(dense::Reduce {
            isa,
            x: x.skip(pack.input.start).strided(conv.stride),
            slope: slope.skip(pack.output.start),
            runs,
            w: gradient.weight[at..].as_mut_ptr(),
            block: conv.taps() * inputs * BLOCK,
            blocks: pack.output.len().div_ceil(BLOCK),
            size,
        });
        at += pack.elements(conv.taps());
    }
}

//! Which elements of a window meet which filters: a convolution seen by its kernels.

use std::ops::Range;

use super::Conv;
use crate::engine::native::view::BLOCK;

/// Groups that run as one dense convolution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pack {
    /// Input channels.
    pub input: Range<usize>,
    /// Output channels.
    pub output: Range<usize>,
}

/// Filters that meet neighbouring elements: `len` elements from `x` on against `len` rows of filters from `w` on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    /// First element, from the first tap of a pixel.
    pub x: usize,
    /// First filter, from the beginning of a block.
    pub w: usize,
    /// How many.
    pub len: usize,
}

/// Samples and output rows that are worked on at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Chunk {
    /// Samples.
    pub images: Range<usize>,
    /// Output rows of each.
    pub rows: Range<usize>,
}

/// Rows and columns of a map, some of which may lie in the padding around it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Window {
    /// Rows.
    pub rows: Range<isize>,
    /// Columns.
    pub columns: Range<isize>,
}

impl Window {
    /// Elements, with so many for a pixel.
    pub fn elements(&self, pixel: usize) -> usize {
        self.rows.len() * self.columns.len() * pixel
    }
}

/// Input positions of one remainder modulo the stride, whose gradient is a plain convolution of the slope.
#[derive(Clone, Copy, Debug)]
pub(super) struct Phase {
    /// Remainder of the rows.
    pub row: usize,
    /// Remainder of the columns.
    pub column: usize,
}

impl Conv {
    /// Whether every channel has a filter of its own.
    pub(super) fn depthwise(&self) -> bool {
        self.groups > 1 && self.groups == self.input.channels && self.groups == self.output.channels
    }

    /// Whether it maps each position for itself.
    pub(super) fn pointwise(&self) -> bool {
        self.kernel == [1, 1] && self.stride == 1 && self.padding == [0, 0]
    }

    /// Number of taps.
    pub(super) fn taps(&self) -> usize {
        self.kernel[0] * self.kernel[1]
    }

    /// Input channels of a group.
    pub(super) fn group_in(&self) -> usize {
        self.input.channels / self.groups
    }

    /// Output channels of a group.
    pub(super) fn group_out(&self) -> usize {
        self.output.channels / self.groups
    }

    /// Positions from the first tap to the last.
    fn extent(&self, axis: usize) -> isize {
        (self.dilation * (self.kernel[axis] - 1)) as isize
    }

    /// The dense convolutions it is made of. Narrow groups are packed together, so that each pack begins with a block.
    pub(super) fn packs(&self) -> impl Iterator<Item = Pack> + use<> {
        let whole = |width: usize| (1..=BLOCK).find(|n| (n * width).is_multiple_of(BLOCK)).unwrap_or(BLOCK);
        let (inputs, outputs, groups) = (self.group_in(), self.group_out(), self.groups);
        let together = whole(inputs).max(whole(outputs)).min(groups);
        (0..groups).step_by(together).map(move |first| {
            let last = (first + together).min(groups);
            Pack { input: first * inputs..last * inputs, output: first * outputs..last * outputs }
        })
    }

    /// The same convolution over one long column of all positions, where that is the same.
    pub(super) fn flattened(&self, samples: usize) -> (Self, usize) {
        let mut conv = self.clone();
        if !self.pointwise() {
            return (conv, samples);
        }
        for layout in [&mut conv.input, &mut conv.output] {
            layout.height *= layout.width * samples;
            layout.width = 1;
        }
        (conv, 1)
    }

    /// Cuts the work so that a window of the input, with so many elements a pixel, has at most `budget` elements.
    pub(super) fn chunks(&self, samples: usize, pixel: usize, budget: usize) -> impl Iterator<Item = Chunk> + use<> {
        let height = self.output.height;
        let one = self.source_window(&(0..1)).elements(pixel);
        let all = self.source_window(&(0..height)).elements(pixel);
        let line = (all - one).div_ceil(height.max(2) - 1).max(1);
        let rows = (budget.saturating_sub(one) / line + 1).clamp(1, height.max(1));
        let bands = height.div_ceil(rows).max(1);
        let rows = height.div_ceil(bands).max(1);
        let images = if rows == height { (budget / all.max(1)).clamp(1, samples.max(1)) } else { 1 };
        (0..samples).step_by(images).flat_map(move |image| {
            (0..height).step_by(rows).map(move |row| Chunk {
                images: image..(image + images).min(samples),
                rows: row..(row + rows).min(height),
            })
        })
    }

    /// What output rows read.
    pub(super) fn source_window(&self, rows: &Range<usize>) -> Window {
        let span = |first: usize, last: usize, axis: usize| {
            let at = |i: usize| (i * self.stride) as isize - self.padding[axis] as isize;
            at(first)..at(last) + self.extent(axis) + 1
        };
        Window { rows: span(rows.start, rows.end - 1, 0), columns: span(0, self.output.width - 1, 1) }
    }

    /// Input rows whose gradient is computed together with these output rows: a partition of all input rows.
    pub(super) fn input_rows(&self, rows: &Range<usize>) -> Range<usize> {
        let height = self.input.height;
        let end = if rows.end == self.output.height { height } else { (rows.end * self.stride).min(height) };
        (rows.start * self.stride).min(height)..end
    }

    /// The slopes that these output rows have, and that the gradient of [`Self::input_rows`] takes if it is wanted.
    pub(super) fn slope_window(&self, rows: &Range<usize>, with_input: bool) -> Window {
        let own = Window { rows: rows.start as isize..rows.end as isize, columns: 0..self.output.width as isize };
        let inputs = self.input_rows(rows);
        if !with_input || inputs.is_empty() {
            return own;
        }
        let stride = self.stride as isize;
        let reach = |own: Range<isize>, first: usize, last: usize, axis: usize| {
            let at = |i: usize| i as isize + self.padding[axis] as isize;
            let start = (at(first) - self.extent(axis)).div_euclid(stride);
            own.start.min(start)..own.end.max(at(last).div_euclid(stride) + 1)
        };
        Window {
            rows: reach(own.rows, inputs.start, inputs.end - 1, 0),
            columns: reach(own.columns, 0, self.input.width - 1, 1),
        }
    }

    /// What the filters meet in a window of the input.
    pub(super) fn runs(&self, row: usize, pixel: usize, len: usize, filter: usize, runs: &mut Vec<Run>) {
        runs.clear();
        for y in 0..self.kernel[0] {
            for x in 0..self.kernel[1] {
                let tap = y * self.kernel[1] + x;
                let from = self.dilation * (y * row + x * pixel);
                push(runs, Run { x: from, w: tap * len * filter, len }, filter);
            }
        }
    }

    /// Phases of the gradient of the input.
    pub(super) fn phases(&self) -> impl Iterator<Item = Phase> + use<> {
        let stride = self.stride;
        (0..stride).flat_map(move |row| (0..stride).map(move |column| Phase { row, column }))
    }

    /// What the flipped filters meet in a window of the slope, from the pixel on that has the number of the phase's
    /// first input position divided by the stride.
    #[allow(clippy::too_many_arguments)]
    pub(super) fn phase_runs(
        &self,
        phase: Phase,
        first_row: usize,
        window: &Window,
        row: usize,
        pixel: usize,
        len: usize,
        filter: usize,
        runs: &mut Vec<Run>,
    ) {
        runs.clear();
        let stride = self.stride as isize;
        // Where, from the window's beginning, the tap at `i` finds the slope, if it finds one in this phase.
        let place = |i: usize, axis: usize, phase: usize, first: usize, start: isize| {
            let at = phase as isize + self.padding[axis] as isize - (i * self.dilation) as isize;
            (at.rem_euclid(stride) == 0).then(|| (at.div_euclid(stride) + first as isize - start) as usize)
        };
        for y in (0..self.kernel[0]).rev() {
            let Some(at_row) = place(y, 0, phase.row, first_row, window.rows.start) else { continue };
            for x in (0..self.kernel[1]).rev() {
                let Some(at_column) = place(x, 1, phase.column, 0, window.columns.start) else { continue };
                let tap = self.taps() - 1 - (y * self.kernel[1] + x);
                push(runs, Run { x: at_row * row + at_column * pixel, w: tap * len * filter, len }, filter);
            }
        }
    }
}

/// Adds a run, or lengthens the last where elements and filters go on without a gap. `filter` is the size of a filter.
fn push(runs: &mut Vec<Run>, run: Run, filter: usize) {
    if let Some(last) = runs.last_mut()
        && run.x == last.x + last.len
        && run.w == last.w + last.len * filter
    {
        last.len += run.len;
        return;
    }
    runs.push(run);
}

//! Filters in the order of the kernels: for dense convolutions blocks of output channels, in each block tap by tap and
//! input channel by input channel; for depthwise ones tap by tap.

use super::geometry::Pack;
use super::winograd::Spectra;
use super::{Conv, Convolutions};
use crate::engine::Element;
use crate::engine::native::isa::Numeric;
use crate::engine::native::view::BLOCK;

/// The parameters of a convolution as forward and backward kernels take them.
#[derive(Clone, Debug)]
pub struct Filters<T> {
    conv: Conv,
    /// For the map forward.
    pub(super) forward: Vec<T>,
    /// For the gradient of the input: taps in reverse, inputs and outputs exchanged.
    pub(super) backward: Vec<T>,
    /// Zeros where there is none.
    pub(super) bias: Vec<T>,
    /// Both for Winograd's tiles, where they are used.
    pub(super) spectra: Option<Spectra<T>>,
}

/// The gradient of the parameters, in the order of the kernels.
#[derive(Clone, Debug)]
pub struct FilterGradient<T> {
    conv: Conv,
    pub(super) weight: Vec<T>,
    pub(super) bias: Option<Vec<T>>,
}

/// A run of weights in the order of the kernels: where it begins, the first output channel, tap and input channel
/// within its group, and how many output channels there are.
struct Piece {
    at: usize,
    output: usize,
    input: usize,
    tap: usize,
    len: usize,
}

impl Pack {
    /// Elements of the filters of this pack.
    pub(super) fn elements(&self, taps: usize) -> usize {
        self.output.len().next_multiple_of(BLOCK) * taps * self.input.len()
    }
}

impl Conv {
    /// Elements of all filters in the order of the kernels.
    fn filter_elements(&self) -> usize {
        match self.depthwise() {
            true => self.taps() * self.output.stride(),
            false => self.packs().map(|pack| pack.elements(self.taps())).sum(),
        }
    }

    /// Visits every weight once, in the order of the kernels.
    fn pieces(&self, visit: &mut dyn FnMut(Piece)) {
        if self.depthwise() {
            for tap in 0..self.taps() {
                visit(Piece { at: tap * self.output.stride(), output: 0, input: 0, tap, len: self.output.channels });
            }
            return;
        }
        let mut at = 0;
        for pack in self.packs() {
            for block in pack.output.clone().step_by(BLOCK) {
                let end = (block + BLOCK).min(pack.output.end);
                for tap in 0..self.taps() {
                    for input in pack.input.clone() {
                        // Only outputs of the same group take this input.
                        let group = input / self.group_in();
                        let first = block.max(group * self.group_out());
                        let last = end.min((group + 1) * self.group_out());
                        if first < last {
                            let at = at + first - block;
                            visit(Piece { at, output: first, input: input % self.group_in(), tap, len: last - first });
                        }
                        at += BLOCK;
                    }
                }
            }
        }
    }

    /// Where the weight of the first output channel of a piece stands in `[out, in / groups, height, width]`, and the step
    /// to the next channel's.
    fn torch(&self, piece: &Piece) -> (usize, usize) {
        let step = self.group_in() * self.taps();
        (piece.output * step + piece.input * self.taps() + piece.tap, step)
    }
}

impl<T: Numeric> Filters<T> {
    /// Filters of zeros.
    pub fn new(conv: &Conv, convolutions: Convolutions) -> Self {
        let taps = conv.taps();
        let backward = match conv.depthwise() {
            true => taps * conv.output.stride(),
            false => conv.packs().map(|pack| pack.flipped().elements(taps)).sum(),
        };
        let (forward, backward) = (vec![T::ZERO; conv.filter_elements()], vec![T::ZERO; backward]);
        let tiled = conv.spectrum_elements(convolutions) > 0;
        Self {
            conv: conv.clone(),
            spectra: tiled.then(|| Spectra::new(conv, &forward, &backward)),
            forward,
            backward,
            bias: vec![T::ZERO; conv.output.stride()],
        }
    }

    /// Takes weights `[out, in / groups, height, width]` and a bias `[out]`.
    pub fn load(&mut self, weight: &[T], bias: Option<&[T]>) {
        let conv = self.conv.clone();
        self.bias.fill(T::ZERO);
        if let Some(bias) = bias {
            self.bias[..bias.len()].copy_from_slice(bias);
        }
        let forward = &mut self.forward;
        conv.pieces(&mut |piece| {
            let (from, step) = conv.torch(&piece);
            for (lane, to) in forward[piece.at..][..piece.len].iter_mut().enumerate() {
                *to = weight[from + lane * step];
            }
        });
        let taps = conv.taps();
        if conv.depthwise() {
            let stride = conv.output.stride();
            for tap in 0..taps {
                let (to, from) = (tap * stride, (taps - 1 - tap) * stride);
                self.backward[to..to + stride].copy_from_slice(&self.forward[from..from + stride]);
            }
            return;
        }
        // Blocks of input channels, in each tap by tap from the last on, and output channel by output channel.
        let (inputs, outputs) = (conv.group_in(), conv.group_out());
        let mut at = 0;
        for pack in conv.packs() {
            for block in pack.input.clone().step_by(BLOCK) {
                let end = (block + BLOCK).min(pack.input.end);
                for tap in (0..taps).rev() {
                    for output in pack.output.clone() {
                        let group = output / outputs;
                        let first = block.max(group * inputs);
                        let last = end.min((group + 1) * inputs);
                        for input in first..last {
                            let from = (output * inputs + input - group * inputs) * taps + tap;
                            self.backward[at + input - block] = weight[from];
                        }
                        at += BLOCK;
                    }
                }
            }
        }
        if self.spectra.is_some() {
            self.spectra = Some(Spectra::new(&conv, &self.forward, &self.backward));
        }
    }
}

impl Pack {
    /// Inputs and outputs exchanged.
    pub(super) fn flipped(&self) -> Self {
        Self { input: self.output.clone(), output: self.input.clone() }
    }
}

impl<T: Element> FilterGradient<T> {
    /// Zeros.
    pub fn new(conv: &Conv, bias: bool) -> Self {
        Self {
            conv: conv.clone(),
            weight: vec![T::ZERO; conv.filter_elements()],
            bias: bias.then(|| vec![T::ZERO; conv.output.stride()]),
        }
    }

    /// Back to zeros.
    pub fn clear(&mut self) {
        self.weight.fill(T::ZERO);
        self.bias.iter_mut().for_each(|bias| bias.fill(T::ZERO));
    }

    /// Adds the gradient over other samples.
    pub fn add(&mut self, other: &Self) {
        self.weight.iter_mut().zip(&other.weight).for_each(|(sum, &x)| *sum += x);
        if let (Some(bias), Some(other)) = (&mut self.bias, &other.bias) {
            bias.iter_mut().zip(other).for_each(|(sum, &x)| *sum += x);
        }
    }

    /// Hands out every weight's gradient once, in pieces, padding skipped; always in the same order.
    pub fn visit_weight(&self, visit: &mut dyn FnMut(&[T])) {
        // Pieces without a gap are handed out together.
        let mut piece = 0..0;
        self.conv.pieces(&mut |next| {
            if next.at != piece.end {
                if !piece.is_empty() {
                    visit(&self.weight[piece.clone()]);
                }
                piece.start = next.at;
            }
            piece.end = next.at + next.len;
        });
        if !piece.is_empty() {
            visit(&self.weight[piece]);
        }
    }

    /// The gradient of the weights, `[out, in / groups, height, width]`.
    pub fn weight(&self) -> Vec<T> {
        let conv = &self.conv;
        let mut weight = vec![T::ZERO; conv.output.channels * conv.group_in() * conv.taps()];
        conv.pieces(&mut |piece| {
            let (to, step) = conv.torch(&piece);
            for (lane, &gradient) in self.weight[piece.at..][..piece.len].iter().enumerate() {
                weight[to + lane * step] = gradient;
            }
        });
        weight
    }

    /// The gradient of the bias, `[out]`.
    pub fn bias(&self) -> Option<&[T]> {
        self.bias.as_ref().map(|bias| &bias[..self.conv.output.channels])
    }
}

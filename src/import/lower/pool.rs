//! Pools and means.

use super::convolution::window;
use super::{Done, Fault, Lowerer, wrong};
use crate::graph::{Activation, Op, Pool, PoolKind, Shape};
use crate::import::constant::axis;
use crate::import::model::Node;
use crate::import::view::{View, merged, whole};

impl<'m> Lowerer<'m> {
    pub(super) fn pool(&mut self, node: &'m Node) -> Done {
        let (view, frame) = self.padded(node)?;
        let input = self.natural(&view, node.input(0).unwrap_or_default())?;
        let Shape::Map { height, width, .. } = self.draft.nodes[input].shape else {
            return Err(Fault::new("it pools what is no image", "pool over images, or take the mean over all tokens"));
        };
        let kernel = node.ints("kernel_shape").unwrap_or(&[]);
        let sides = kernel.iter().map(|&side| usize::try_from(side).ok().filter(|&side| side > 0));
        let Some([rows, columns]) =
            sides.collect::<Option<Vec<usize>>>().and_then(|sides| <[usize; 2]>::try_from(sides).ok())
        else {
            return Err(wrong(format!("its kernel_shape is {kernel:?}")));
        };
        let window = window(node, [rows, columns], frame.around([height, width]))?;
        let padded = window.padding != [0; 4];
        let counts = node.int_or("count_include_pad", 0) != 0;
        let kind = match (node.op.as_str(), frame.fill) {
            ("MaxPool", None) => PoolKind::Max,
            ("MaxPool", Some(fill)) if fill <= f32::MIN.into() || fill <= 0.0 && self.is_positive(input) => {
                PoolKind::Max
            }
            (_, None) if padded && counts => PoolKind::PaddedAvg,
            (_, None) => PoolKind::Avg,
            ("AveragePool", Some(0.0)) if counts || !padded => PoolKind::PaddedAvg,
            (_, Some(fill)) => {
                let message = format!("what it reads is padded with {fill}");
                let remedy =
                    "pad with -inf before a max pool, and with zeros before an average pool that counts padding";
                return Err(Fault::new(message, remedy));
            }
        };
        let window = window.within(&frame);
        let padded = window.padding != [0; 4];
        let all = window.kernel == [height, width] && !padded;
        if all && kind == PoolKind::Avg && rows != columns {
            let at = self.add(node, Op::GlobalAvgPool, &[input], Vec::new())?;
            return self.done(node, at);
        }
        if rows != columns {
            let message = format!("its window is {rows}×{columns}, but pools here are square");
            return Err(Fault::new(message, "use a square window, or a mean over the whole map"));
        }
        if window.dilation != 1 {
            return Err(Fault::new("it is dilated", "use a pool without dilation, or a strided convolution"));
        }
        let ceil = node.int_or("ceil_mode", 0) != 0;
        let pool = fitting(kind, rows, window.stride, window.padding, ceil, [height, width]).ok_or_else(|| {
            let message = format!("it pads {:?} (above, left, below, right), which no pool here does", window.padding);
            Fault::new(message, "pad all sides alike")
        })?;
        if pool.ceil && kind == PoolKind::PaddedAvg {
            let message = "padding counts in its mean, and windows reach beyond it (ceil_mode)";
            return Err(Fault::new(message, "set count_include_pad=False or ceil_mode=False in PyTorch's AvgPool2d"));
        }
        let at = self.add(node, Op::Pool(pool), &[input], Vec::new())?;
        self.done(node, at)
    }

    /// Whether nothing below zero comes from a node.
    fn is_positive(&self, at: usize) -> bool {
        use Activation::{Hsigmoid, Relu, Relu6, Sigmoid};
        matches!(self.draft.nodes[at].op, Op::Activation { function: Relu | Relu6 | Sigmoid | Hsigmoid })
    }

    /// The mean over all positions, by whichever operator.
    pub(super) fn mean(&mut self, node: &'m Node) -> Done {
        let view = self.view(node, 0)?;
        let rank = view.axes.len();
        let axes: Vec<usize> = if node.op == "GlobalAveragePool" {
            (2..rank).collect()
        } else {
            let listed = match self.constant(node, 1)? {
                Some(axes) => axes.as_ints().map(<[i64]>::to_vec),
                None => node.ints("axes").map(<[i64]>::to_vec),
            };
            let listed = listed.unwrap_or_else(|| (0..rank as i64).collect());
            let found = listed.iter().map(|&at| axis(at, rank)).collect::<Option<Vec<usize>>>();
            found.ok_or_else(|| wrong(format!("it takes the mean along {listed:?} of {rank} axes")))?
        };
        let kept = node.op == "GlobalAveragePool" || node.int_or("keepdims", 1) != 0;
        // Tokens are tokens first, whatever they are made of.
        let settled = match Self::natural_shape(&view) {
            Some(shape) if covers(&self.positions(shape, rank), &axes, &view) => {
                self.try_natural(&view, node.input(0).unwrap_or_default()).map(|at| (at, self.whole(at)))
            }
            _ => None,
        };
        let (below, over) = match settled {
            Some((at, whole)) if whole.dims().len() == rank => (at, whole),
            _ => match self.below(&view)? {
                Some((at, over)) => (at, over),
                None => return Err(Fault::new("it takes the mean of scores", "take means of maps or tokens")),
            },
        };
        let shape = self.draft.nodes[below].shape;
        let sizes: Vec<usize> = shape.into();
        let positions: Vec<usize> = match shape {
            Shape::Map { .. } => vec![1, 2],
            Shape::Tokens { .. } => vec![0],
            Shape::Vector { .. } => Vec::new(),
        };
        let mut averaged: Vec<_> = axes.iter().flat_map(|&at| over.axes[at].iter().copied()).collect();
        averaged.sort_by_key(|atom| (atom.axis, std::cmp::Reverse(atom.stride)));
        if merged(averaged) != merged(positions.iter().flat_map(|&at| whole(at, sizes[at]))) || positions.is_empty() {
            let message = format!("it takes the mean along {axes:?} of {}", super::realise::shown(&view.dims()));
            return Err(Fault::new(message, "only means over all positions of a map, or over all tokens, are known"));
        }
        let at = self.add(node, Op::GlobalAvgPool, &[below], Vec::new())?;
        // A map keeps its channels as axis 0; of tokens a vector is left, whose features are axis 0.
        let renumber = |mut atom: crate::import::view::Atom| {
            if matches!(shape, Shape::Tokens { .. }) {
                atom.axis = 0;
            }
            atom
        };
        let left = over.axes.iter().enumerate().filter_map(|(axis, atoms)| match axes.contains(&axis) {
            true => kept.then(Vec::new),
            false => Some(atoms.iter().copied().map(renumber).collect()),
        });
        let axes = left.collect();
        self.set(node, View { axes, ..View::whole(crate::import::view::Base::Node(at), &[]) })
    }

    /// The axes of the positions in a tensor of that rank in its natural shape.
    fn positions(&self, shape: Shape, rank: usize) -> Vec<usize> {
        match (shape, rank) {
            (Shape::Map { .. }, 4) => vec![2, 3],
            (Shape::Tokens { .. }, 3) => vec![1],
            _ => Vec::new(),
        }
    }
}

/// Whether the mean goes along these axes, and along others of size one alone.
fn covers(positions: &[usize], axes: &[usize], view: &View) -> bool {
    !positions.is_empty()
        && positions.iter().all(|at| axes.contains(at))
        && axes.iter().all(|at| positions.contains(at) || view.axes[*at].is_empty())
}

/// The pool that makes windows of the same places. Our own files widen the padding at the far sides in place of `ceil_mode`.
fn fitting(
    kind: PoolKind,
    kernel: usize,
    stride: usize,
    pads: [usize; 4],
    ceil: bool,
    size: [usize; 2],
) -> Option<Pool> {
    let [above, left, below, right] = pads;
    if above != left || below < above || right < left {
        return None;
    }
    let padding = above;
    let windows = |size: usize, far: usize, ceil: bool| {
        let room = size.checked_add(padding)?.checked_add(far)?.checked_sub(kernel)?;
        let mut steps = if ceil { room.div_ceil(stride) } else { room / stride };
        if ceil && steps.saturating_mul(stride) >= size + padding {
            steps -= 1;
        }
        Some(steps + 1)
    };
    let wanted = [windows(size[0], below, ceil)?, windows(size[1], right, ceil)?];
    [false, true].into_iter().find_map(|ceil| {
        let made = [windows(size[0], padding, ceil)?, windows(size[1], padding, ceil)?];
        (made == wanted).then_some(Pool { kind, kernel, stride, padding, ceil })
    })
}

//! Where a chain of `Reshape` and `Transpose` ends: the operators of a network that amount to it.

use super::{Fault, Lowerer, Value};
use crate::graph::{Op, Shape};
use crate::import::draft::affine_norm;
use crate::import::view::{Base, View, merged, whole};

impl Lowerer<'_> {
    /// The shape that a tensor of the file naturally has in a network: images have rank 4, tokens 3, vectors 2.
    pub(super) fn natural_shape(view: &View) -> Option<Shape> {
        match view.dims()[..] {
            [1, channels, height, width] => Some(Shape::Map { channels, height, width }),
            // Some writers have the batch second, and some have none.
            [1, tokens, features] | [tokens, 1, features] => Some(Shape::Tokens { tokens, features }),
            [1, features] => Some(Shape::Vector { features }),
            [tokens, features] => Some(Shape::Tokens { tokens, features }),
            [features] => Some(Shape::Vector { features }),
            _ => None,
        }
    }

    /// A node of the draft that holds the tensor in its natural shape.
    pub(super) fn natural(&mut self, view: &View, tensor: &str) -> Result<usize, Fault> {
        match Self::natural_shape(view) {
            Some(shape) => self.realised(view, shape, tensor),
            None => Err(Fault::new(
                format!("a tensor of {} is no image, tokens or vector", shown(&view.dims())),
                "reshapes to more axes are followed where they end in an attention, a pixel shuffle or a layer",
            )),
        }
    }

    /// As [`natural`](Self::natural), or nothing where the chain amounts to no operator.
    pub(super) fn try_natural(&mut self, view: &View, tensor: &str) -> Option<usize> {
        self.natural(view, tensor).ok()
    }

    /// A node of the draft that holds the tensor in that shape.
    pub(super) fn realised(&mut self, view: &View, shape: Shape, tensor: &str) -> Result<usize, Fault> {
        if let Some((.., at)) = self.realised.iter().find(|(made, to, _)| made == view && *to == shape) {
            return Ok(*at);
        }
        let Base::Node(base) = view.base else {
            let remedy = "use softmax(q·kᵀ·scale + mask)·v, as torch.nn.functional.scaled_dot_product_attention does";
            return Err(Fault::new("the weights of an attention are used outside of it", remedy));
        };
        if view.rotary.is_some() {
            return Err(Fault::new("rotary positions outside of an attention", "apply them to queries and keys alone"));
        }
        if view.axes.iter().flatten().any(|atom| atom.stride == 0) {
            let message = format!("a tensor is repeated to {}", shown(&view.dims()));
            return Err(Fault::new(message, "only heads of keys and values are repeated, for queries that share them"));
        }
        let steps = steps(self.draft.nodes[base].shape, view, shape).ok_or_else(|| {
            let from = self.draft.nodes[base].shape;
            let message = format!("the elements of a tensor of {from} are reordered to {shape}");
            Fault::new(
                message,
                "only turns between maps and tokens, heads of an attention, pixel shuffles and channel shuffles are known",
            )
        })?;
        let mut at = base;
        let named = if tensor.is_empty() { self.draft.nodes[base].name.clone() } else { tensor.to_owned() };
        for op in steps {
            let name = self.names.take(&super::super::names::scope(&named));
            at = self.add_named(name, tensor, op, &[at], Vec::new())?;
        }
        at = self.scaled(at, view.scale)?;
        self.realised.push((view.clone(), shape, at));
        Ok(at)
    }

    /// Whether the tensor of the file that a node stands for would be held as an output: one with channels last would not.
    pub(super) fn leaves(&self, at: usize) -> bool {
        let Some(Value::View(view)) = self.values.get(self.tensors[at].as_str()) else { return false };
        let Base::Node(base) = view.base else { return false };
        let repeats = view.axes.iter().flatten().any(|atom| atom.stride == 0);
        let from = self.draft.nodes[base].shape;
        view.rotary.is_none() && !repeats && Self::natural_shape(view).is_some_and(|to| steps(from, view, to).is_some())
    }

    /// Whether a chain has come to a shuffle of a map, which further turns would hide.
    pub(super) fn is_shuffle(&self, view: &View) -> bool {
        let (Base::Node(base), Some(to @ Shape::Map { .. })) = (view.base, Self::natural_shape(view)) else {
            return false;
        };
        let steps = steps(self.draft.nodes[base].shape, view, to);
        matches!(steps.as_deref(), Some([Op::PixelShuffle { .. } | Op::ChannelShuffle { .. }]))
    }

    /// A node multiplied by a number.
    pub(super) fn scaled(&mut self, at: usize, scale: f32) -> Result<usize, Fault> {
        if scale == 1.0 {
            return Ok(at);
        }
        let channels = self.draft.nodes[at].shape.channels();
        let name = self.names.take(&format!("{}.scale", self.draft.nodes[at].name));
        let tensor = self.tensors[at].clone();
        self.add_named(name, &tensor, Op::BatchNorm, &[at], affine_norm(vec![scale; channels], vec![0.0; channels]))
    }

    /// The node below a view over all of it, whatever the order, with its factor applied.
    pub(super) fn below(&mut self, view: &View) -> Result<Option<(usize, View)>, Fault> {
        let Base::Node(base) = view.base else { return Ok(None) };
        if view.rotary.is_some() {
            return Ok(None);
        }
        let at = self.scaled(base, view.scale)?;
        Ok(Some((at, View { base: Base::Node(at), scale: 1.0, ..view.clone() })))
    }
}

/// The operators that turn a tensor of shape `from`, seen through a view, into one of shape `to`.
fn steps(from: Shape, view: &View, to: Shape) -> Option<Vec<Op>> {
    let sizes: Vec<usize> = from.into();
    let sequence = view.sequence();
    let in_order = sequence == merged(sizes.iter().enumerate().flat_map(|(axis, &size)| whole(axis, size)));
    if in_order && from == to {
        return Some(Vec::new());
    }
    let atoms = |axes: &[usize]| merged(axes.iter().flat_map(|&axis| whole(axis, sizes[axis])));
    match (from, to) {
        (Shape::Map { channels, height, width }, Shape::Tokens { tokens, features })
            if (tokens, features) == (height * width, channels) && sequence == atoms(&[1, 2, 0]) =>
        {
            Some(vec![Op::ToTokens])
        }
        (Shape::Tokens { tokens, features }, Shape::Map { channels, height, width })
            if (channels, height * width) == (features, tokens) && sequence == atoms(&[1, 0]) =>
        {
            Some(vec![Op::ToMap { height }])
        }
        // Tokens and features change places: tokens as a map of one row have the features first.
        (Shape::Tokens { tokens, features }, Shape::Tokens { .. } | Shape::Vector { .. } | Shape::Map { .. })
            if !in_order && sequence == atoms(&[1, 0]) && to.elements() == (tokens * features) as u64 =>
        {
            Some(vec![
                Op::ToMap { height: 1 },
                if to.size() == (1, 1) { Op::Flatten } else { Op::Reshape { shape: to } },
            ])
        }
        (Shape::Map { .. }, Shape::Vector { .. }) if !in_order && sequence == atoms(&[1, 2, 0]) => {
            Some(vec![Op::ToTokens, Op::Flatten])
        }
        (_, Shape::Vector { .. }) if in_order => Some(vec![Op::Flatten]),
        _ if in_order => Some(vec![Op::Reshape { shape: to }]),
        (Shape::Map { channels, height, width }, Shape::Map { channels: fewer, height: rows, width: columns }) => {
            let (from, to) = ([channels, height, width], [fewer, rows, columns]);
            shuffle(&sequence, from, to).or_else(|| mix(&sequence, from, to))
        }
        _ => None,
    }
}

/// A pixel shuffle (Shi et al., CVPR 2016, eq. 4): channel, row, digit of the channel, column, digit of the channel.
fn shuffle(sequence: &[crate::import::view::Atom], from: [usize; 3], to: [usize; 3]) -> Option<Vec<Op>> {
    use crate::import::view::Atom;
    let [channels, height, width] = from;
    let scale = to[1].checked_div(height).filter(|&scale| scale > 1)?;
    let wanted = merged([
        Atom { axis: 0, stride: scale * scale, size: channels / (scale * scale) },
        Atom { axis: 1, stride: 1, size: height },
        Atom { axis: 0, stride: scale, size: scale },
        Atom { axis: 2, stride: 1, size: width },
        Atom { axis: 0, stride: 1, size: scale },
    ]);
    (to == [channels / (scale * scale), height * scale, width * scale] && sequence == wanted)
        .then(|| vec![Op::PixelShuffle { scale }])
}

/// A channel shuffle (Zhang et al., CVPR 2018, section 3.1): place within the group, then group.
fn mix(sequence: &[crate::import::view::Atom], from: [usize; 3], to: [usize; 3]) -> Option<Vec<Op>> {
    use crate::import::view::Atom;
    let [channels, height, width] = from;
    let each = sequence.first().filter(|atom| atom.axis == 0 && atom.stride == 1)?.size;
    let groups = channels / each;
    let places = [Atom { axis: 0, stride: 1, size: each }, Atom { axis: 0, stride: each, size: groups }];
    let wanted = merged(places.into_iter().chain(whole(1, height)).chain(whole(2, width)));
    (from == to && sequence == wanted).then(|| vec![Op::ChannelShuffle { groups }])
}

/// Sizes the way messages show them.
pub(super) fn shown(dims: &[usize]) -> String {
    dims.iter().map(usize::to_string).collect::<Vec<_>>().join("×")
}

//! Operators that move elements, or only name them anew. They compute nothing here: a view follows them.

use super::{Done, Fault, Lowerer, Value, wrong};
use crate::graph::{Op, Shape};
use crate::import::constant::{Constant, axis};
use crate::import::fold;
use crate::import::model::Node;
use crate::import::view::{Atom, Base, View};

/// A frame of one number around a tensor of the file.
#[derive(Clone, Debug)]
pub(super) struct Padding {
    /// Before and after each axis.
    sides: Vec<[usize; 2]>,
    fill: f64,
}

impl Padding {
    /// The way messages show it.
    pub(super) fn said(&self) -> String {
        format!("with {} by {:?} before and after its axes", self.fill, self.sides)
    }
}

/// The frame around a map.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Frame {
    /// Above, on the left, below, on the right.
    pub(super) sides: [usize; 4],
    /// What it is made of, where there is one.
    pub(super) fill: Option<f64>,
}

impl Frame {
    /// The size of a map with the frame around it.
    pub(super) fn around(&self, [height, width]: [usize; 2]) -> [usize; 2] {
        let [above, left, below, right] = self.sides;
        [height + above + below, width + left + right]
    }
}

impl<'m> Lowerer<'m> {
    /// The sizes of a tensor, which are known. The batch counts as 1.
    pub(super) fn shape(&mut self, node: &'m Node) -> Done {
        let dims = self.view(node, 0)?.dims();
        let value = match node.op.as_str() {
            "Size" => Constant::ints(Vec::new(), vec![dims.iter().product::<usize>() as i64]),
            _ => fold::shape(node, &dims),
        };
        self.values.insert(node.output(), Value::Constant(value));
        Ok(())
    }

    pub(super) fn reshape(&mut self, node: &'m Node) -> Done {
        let view = self.view(node, 0)?;
        let second = self.constant(node, 1)?;
        let dims = fold::reshaped(node, &view.dims(), second.as_ref()).map_err(|message| {
            let batch = self.model.inputs.iter().find_map(|input| input.batch);
            match batch {
                Some(batch) => Fault::new(
                    message,
                    format!("the model is fixed to a batch of {batch}; write it for a batch of 1, or for an open one"),
                ),
                None => wrong(message),
            }
        })?;
        if let Some(view) = view.reshaped(&dims) {
            if self.is_shuffle(&view) {
                let at = self.natural(&view, node.output())?;
                return self.done(node, at);
            }
            return self.set(node, view);
        }
        // Sizes that cut through the axes below: the elements stay in order, so a network can reshape them.
        let target = View::natural_of(&dims);
        let fault = || {
            let (from, to) = (super::realise::shown(&view.dims()), super::realise::shown(&dims));
            let remedy = "reshapes to maps, tokens, vectors and heads of an attention are known";
            Fault::new(format!("it reshapes {from} to {to}"), remedy)
        };
        let (Some(target), Some(flat)) = (target, view.reshaped(&[1, view.elements()])) else { return Err(fault()) };
        let Base::Node(base) = flat.base else { return Err(fault()) };
        let sizes: Vec<usize> = self.draft.nodes[base].shape.into();
        let in_order =
            View { scale: 1.0, rotary: None, ..flat }.sequence() == View::whole(Base::Node(base), &sizes).sequence();
        if !in_order || view.rotary.is_some() {
            return Err(fault());
        }
        let from = self.scaled(base, view.scale)?;
        let at = self.add(node, Op::Reshape { shape: target }, &[from], Vec::new())?;
        let view = self.whole(at).reshaped(&dims).ok_or_else(fault)?;
        self.set(node, view)
    }

    pub(super) fn transpose(&mut self, node: &'m Node) -> Done {
        if let Some(Value::Padded(view, padding)) = node.input(0).map(|name| self.value(name)) {
            let order = fold::order(node, view.axes.len()).map_err(wrong)?;
            let sides = order.iter().map(|&axis| padding.sides[axis]).collect();
            let turned = Value::Padded(view.transposed(&order), Padding { sides, ..padding });
            self.values.insert(node.output(), turned);
            return Ok(());
        }
        let view = self.view(node, 0)?;
        let order = fold::order(node, view.axes.len()).map_err(wrong)?;
        self.set(node, view.transposed(&order))
    }

    /// Spreading to the sizes that are there already changes nothing; heads of keys and values are repeated for the queries
    /// that share them.
    pub(super) fn expand(&mut self, node: &'m Node) -> Done {
        let view = self.view(node, 0)?;
        let sizes = self.constant(node, 1)?;
        let sizes = sizes.as_ref().and_then(Constant::as_ints).ok_or_else(|| wrong("it has no sizes to spread to"))?;
        let dims = view.dims();
        let before = sizes.len().saturating_sub(dims.len());
        let dims: Vec<usize> = std::iter::repeat_n(1, before).chain(dims).collect();
        let mut view = view.reshaped(&dims).ok_or_else(|| wrong("its sizes do not fit"))?;
        let fault = || {
            let message = format!("it spreads a tensor of {} to {sizes:?}", super::realise::shown(&dims));
            Fault::new(message, "tensors are repeated as heads of keys and values alone, and by the gate of a product")
        };
        let missing = dims.len().checked_sub(sizes.len()).ok_or_else(fault)?;
        for (axis, &to) in sizes.iter().enumerate().map(|(at, to)| (at + missing, to)) {
            match (dims[axis], usize::try_from(to).map_err(|_| fault())?) {
                (size, to) if to == 1 || to == size => {}
                (1, to) if to < 1 << 20 && matches!(view.base, Base::Node(_)) => {
                    view.axes[axis].push(Atom { axis: 1, stride: 0, size: to });
                }
                _ => return Err(fault()),
            }
        }
        self.set(node, view)
    }

    /// A frame around a tensor, which is left to the convolution or the pool that reads it.
    pub(super) fn pad(&mut self, node: &'m Node) -> Done {
        let view = self.view(node, 0)?;
        let rank = view.axes.len();
        let pads = match self.constant(node, 1)? {
            Some(pads) => pads.as_ints().map(<[i64]>::to_vec),
            None => node.ints("pads").map(<[i64]>::to_vec),
        };
        let pads = pads.ok_or_else(|| wrong("it does not say by how much it pads"))?;
        if pads.iter().all(|&pad| pad == 0) {
            return self.set(node, view);
        }
        let axes = match self.constant(node, 3)? {
            Some(axes) => axes.as_ints().unwrap_or(&[]).iter().map(|&at| axis(at, rank)).collect(),
            None => Some((0..rank).collect::<Vec<usize>>()),
        };
        let axes = axes.filter(|axes| pads.len() == 2 * axes.len());
        let axes = axes.ok_or_else(|| wrong(format!("it pads by {pads:?} along axes that are not these")))?;
        let fill = match self.constant(node, 2)? {
            Some(fill) => fill.scalar().ok_or_else(|| wrong("it pads with what is no single number"))?,
            None => node.float_or("value", 0.0).into(),
        };
        let mut padding = Padding { sides: vec![[0, 0]; rank], fill };
        for (at, &axis) in axes.iter().enumerate() {
            for (side, pad) in [pads[at], pads[at + axes.len()]].into_iter().enumerate() {
                // A frame of that width is none of an image.
                padding.sides[axis][side] = match usize::try_from(pad) {
                    Ok(pad) if pad < 1 << 20 => pad,
                    _ => return Err(Fault::new(format!("it pads by {pads:?}"), "cut off by a slice, pad by less")),
                };
            }
        }
        let mode = node.text_or("mode", "constant");
        if mode != "constant" {
            let message = format!("it pads {} in mode {mode}", padding.said());
            return Err(Fault::new(message, "pad with a constant: zeros before a convolution, -inf before a max pool"));
        }
        self.values.insert(node.output(), Value::Padded(view, padding));
        Ok(())
    }

    /// What a convolution or a pool reads, and the frame around it.
    pub(super) fn padded(&self, node: &Node) -> Result<(View, Frame), Fault> {
        let Some((name, Value::Padded(view, padding))) = node.input(0).map(|name| (name, self.value(name))) else {
            return Ok((self.view(node, 0)?, Frame::default()));
        };
        match padding.sides[..] {
            [[0, 0], [0, 0], [above, below], [left, right]] => {
                Ok((view, Frame { sides: [above, left, below, right], fill: Some(padding.fill) }))
            }
            _ => Err(self.framed(name)),
        }
    }

    pub(super) fn concat(&mut self, node: &'m Node) -> Done {
        if node.inputs.iter().any(|name| matches!(self.value(name), Value::Constant(_))) {
            return self.prepend(node);
        }
        let views: Vec<View> = (0..node.inputs.len()).map(|at| self.view(node, at)).collect::<Result<_, _>>()?;
        let rank = views[0].axes.len();
        let along =
            axis(node.int_or("axis", 0), rank).ok_or_else(|| wrong("it joins along an axis that is not there"))?;
        let channels = match (Self::natural_shape(&views[0]), rank) {
            (Some(Shape::Map { .. }), 4) => along == 1,
            (Some(Shape::Tokens { .. } | Shape::Vector { .. }), _) => along + 1 == rank,
            _ => false,
        };
        if channels {
            let inputs: Vec<usize> = views
                .iter()
                .enumerate()
                .map(|(at, view)| self.natural(view, node.input(at).unwrap_or_default()))
                .collect::<Result<_, _>>()?;
            let at = self.add(node, Op::Concat, &inputs, Vec::new())?;
            return self.done(node, at);
        }
        let mut below = Vec::new();
        for view in &views {
            let Some((at, over)) = self.below(view)? else { break };
            let shape = self.draft.nodes[at].shape;
            if over.axes.get(along) != Some(&super::linear::channels(shape)) {
                break;
            }
            below.push((at, over));
        }
        let alike = |a: &View, b: &View| (0..rank).all(|axis| axis == along || a.axes.get(axis) == b.axes.get(axis));
        if below.len() < views.len() || !below.iter().all(|(_, over)| alike(over, &below[0].1)) {
            let message =
                format!("it joins along axis {along} of tensors of {}", super::realise::shown(&views[0].dims()));
            return Err(Fault::new(message, "tensors are joined along channels or features alone"));
        }
        let inputs: Vec<usize> = below.iter().map(|(at, _)| *at).collect();
        let at = self.add(node, Op::Concat, &inputs, Vec::new())?;
        let mut axes = below[0].1.axes.clone();
        axes[along] = super::linear::channels(self.draft.nodes[at].shape);
        self.set(node, View { axes, ..self.whole(at) })
    }

    /// Constants joined with tokens are learned tokens before them, such as a class token.
    fn prepend(&mut self, node: &'m Node) -> Done {
        let fault = || {
            Fault::new(
                "it joins a tensor with a constant that is no row of tokens before it",
                "learned tokens are joined along the tokens, and before the others, as class tokens are",
            )
        };
        let values: Vec<Value> = node.inputs.iter().map(|name| self.value(name)).collect();
        let Some((Value::View(view), before)) = values.split_last() else { return Err(fault()) };
        let Some(Shape::Tokens { features, .. }) = Self::natural_shape(view) else { return Err(fault()) };
        let rank = view.axes.len();
        let along = axis(node.int_or("axis", 0), rank);
        if rank != 3 || along != Some(1) || !view.axes[0].is_empty() {
            return Err(fault());
        }
        let mut table = Vec::new();
        for value in before {
            match value {
                Value::Constant(rows) if matches!(rows.dims[..], [1, _, width] if width == features) => {
                    table.extend_from_slice(rows.as_floats().ok_or_else(fault)?);
                }
                _ => return Err(fault()),
            }
        }
        let input = self.natural(view, node.inputs.last().map_or("", String::as_str))?;
        let name = self.named_after_constant(node);
        let count = table.len() / features;
        let at = self.add_named(name, node.output(), Op::PrependTokens { count }, &[input], vec![table])?;
        self.done(node, at)
    }

    pub(super) fn depth_to_space(&mut self, node: &'m Node) -> Done {
        let view = self.view(node, 0)?;
        let input = self.natural(&view, node.input(0).unwrap_or_default())?;
        let scale = node.int("blocksize").and_then(|scale| usize::try_from(scale).ok()).filter(|&scale| scale > 0);
        let scale = scale.ok_or_else(|| wrong("its block size is no count"))?;
        if node.text_or("mode", "DCR") != "CRD" && scale > 1 && self.draft.nodes[input].shape.channels() > scale * scale
        {
            let message = "it takes the channels block by block (mode DCR)";
            return Err(Fault::new(message, "use mode CRD, which is PyTorch's PixelShuffle"));
        }
        let at = self.add(node, Op::PixelShuffle { scale }, &[input], Vec::new())?;
        self.done(node, at)
    }
}

impl View {
    /// The shape that sizes naturally have, batch included.
    fn natural_of(dims: &[usize]) -> Option<Shape> {
        match *dims {
            [1, channels, height, width] => Some(Shape::Map { channels, height, width }),
            [1, tokens, features] => Some(Shape::Tokens { tokens, features }),
            [1, features] => Some(Shape::Vector { features }),
            _ => None,
        }
    }
}

//! Parts of a tensor. Part of what a linear layer or a convolution makes is what a smaller one makes: exporters leave
//! queries, keys and values as thirds of one layer. Other parts are slices.

use super::linear::channel_axis;
use super::{Done, Fault, Lowerer, Value, wrong};
use crate::graph::{Axis, Op, Shape};
use crate::import::constant::axis;
use crate::import::fold;
use crate::import::model::Node;
use crate::import::view::{Base, View};

impl<'m> Lowerer<'m> {
    pub(super) fn split(&mut self, node: &'m Node) -> Done {
        let view = self.view(node, 0)?;
        let along = axis(node.int_or("axis", 0), view.axes.len())
            .ok_or_else(|| wrong("it splits an axis that is not there"))?;
        let sizes = self.constant(node, 1)?;
        let parts = fold::parts(node, view.dims()[along], sizes.as_ref()).map_err(wrong)?;
        let mut start = 0;
        for (output, &part) in node.outputs.iter().zip(&parts) {
            if !output.is_empty() {
                let part = self.part(node, &view, along, start, part)?;
                self.values.insert(output, Value::View(part));
            }
            start += part;
        }
        Ok(())
    }

    pub(super) fn slice(&mut self, node: &'m Node) -> Done {
        let mut view = self.view(node, 0)?;
        let listed = |at: usize, name: &str| -> Result<Option<Vec<i64>>, Fault> {
            match self.constant(node, at)? {
                Some(values) => {
                    values.as_ints().map(|v| Some(v.to_vec())).ok_or_else(|| wrong("it slices at floating point"))
                }
                None => Ok(node.ints(name).map(<[i64]>::to_vec)),
            }
        };
        let (Some(starts), Some(ends)) = (listed(1, "starts")?, listed(2, "ends")?) else {
            return Err(wrong("it names no start or no end"));
        };
        let axes = listed(3, "axes")?.unwrap_or_else(|| (0..starts.len() as i64).collect());
        let steps = listed(4, "steps")?.unwrap_or_else(|| vec![1; starts.len()]);
        if starts.len() != ends.len() || starts.len() != axes.len() || starts.len() != steps.len() || steps.contains(&0)
        {
            return Err(wrong("its starts, ends, axes and steps do not fit"));
        }
        if let Some(stride) = self.zeros(node, &view, &starts, &ends, &axes, &steps) {
            let input = self.natural(&view, node.input(0).unwrap_or_default())?;
            let at = self.add(node, Op::Zero { stride }, &[input], Vec::new())?;
            return self.done(node, at);
        }
        for (at, &along) in axes.iter().enumerate() {
            let along = axis(along, view.axes.len()).ok_or_else(|| wrong("it slices an axis that is not there"))?;
            let taken = fold::steps(view.dims()[along], starts[at], ends[at], steps[at]);
            let (start, step, count) = taken.ok_or_else(|| wrong("it slices nothing"))?;
            if step != 1 && count > 1 {
                return Err(Fault::new(
                    format!("it takes every {step}th element"),
                    "use a strided convolution or pool",
                ));
            }
            view = self.part(node, &view, along, start, count)?;
        }
        self.set(node, view)
    }

    pub(super) fn gather(&mut self, node: &'m Node) -> Done {
        if let Some(Value::Constant(table)) = node.input(0).map(|name| self.value(name)) {
            let ids = self.view(node, 1)?;
            let input = self.natural(&ids, node.input(1).unwrap_or_default())?;
            let ([vocabulary, features], 0, Some(values)) =
                (&table.dims[..], node.int_or("axis", 0), table.as_floats())
            else {
                return Err(Fault::new("it looks up what is no table of vectors", "an embedding is a table of rows"));
            };
            let op = Op::Embedding { vocabulary: *vocabulary, features: *features };
            let at = self.add(node, op, &[input], vec![values.to_vec()])?;
            return self.done(node, at);
        }
        let view = self.view(node, 0)?;
        let along = axis(node.int_or("axis", 0), view.axes.len())
            .ok_or_else(|| wrong("it takes from an axis that is not there"))?;
        let at = self.constant(node, 1)?.ok_or_else(|| wrong("it names no index"))?;
        let size = view.dims()[along];
        let indices = at.as_ints().ok_or_else(|| wrong("it takes from places that are no whole numbers"))?;
        if indices.iter().copied().eq(0..size as i64) {
            // All elements, as PyTorch's as_strided takes them.
            let dims = [&view.dims()[..along], &at.dims, &view.dims()[along + 1..]].concat();
            let all = view.reshaped(&dims).ok_or_else(|| wrong("its sizes do not fit"))?;
            return self.set(node, all);
        }
        let index = match indices {
            [index] => axis(*index, size).ok_or_else(|| wrong(format!("it takes element {index} of {size}")))?,
            _ => {
                return Err(Fault::new(
                    format!("it takes {} of {size} elements", indices.len()),
                    "take one part of a layer",
                ));
            }
        };
        let part = self.part(node, &view, along, index, 1)?;
        let mut dims = part.dims();
        if at.dims.is_empty() {
            dims.remove(along);
        }
        let part = part.reshaped(&dims).ok_or_else(|| wrong("its sizes do not fit"))?;
        self.set(node, part)
    }

    /// Whether a slice takes every so many positions of a map only to multiply them by zero, as our own files write zeros
    /// of a smaller size.
    fn zeros(
        &self,
        node: &Node,
        view: &View,
        starts: &[i64],
        ends: &[i64],
        axes: &[i64],
        steps: &[i64],
    ) -> Option<usize> {
        let dims = view.dims();
        let [stride, same] = steps[..] else { return None };
        let whole = dims.len() == 4 && ends == [dims[2] as i64, dims[3] as i64] && starts == [0, 0] && axes == [2, 3];
        let zero = |reader: &Option<&Node>| {
            reader.is_some_and(|reader| {
                let by_zero =
                    |name: &String| matches!(self.value(name), Value::Constant(c) if c.uniform() == Some(0.0));
                reader.op == "Mul" && reader.inputs.iter().any(by_zero)
            })
        };
        let readers = self.readers.get(node.output())?;
        (whole && stride == same && stride > 0 && readers.iter().all(zero)).then(|| usize::try_from(stride).ok())?
    }

    /// Part of an axis.
    fn part(&mut self, node: &Node, view: &View, along: usize, start: usize, count: usize) -> Result<View, Fault> {
        let size = view.dims()[along];
        if count == size {
            return Ok(view.clone());
        }
        match self.part_of_layer(node, view, along, start, count)? {
            Some(part) => Ok(part),
            None => self.sliced(node, view, along, start, count),
        }
    }

    /// Some of the channels or of the tokens, whatever made them.
    fn sliced(&mut self, node: &Node, view: &View, along: usize, start: usize, count: usize) -> Result<View, Fault> {
        let dims = view.dims();
        let fault = || {
            let (size, shown) = (dims[along], super::realise::shown(&dims));
            let message = format!("it takes {count} of {size} along axis {along} of {shown}");
            Fault::new(message, "parts are taken of the channels of a map, of tokens, and of their features")
        };
        let (shape, rank) = (Self::natural_shape(view).ok_or_else(fault)?, dims.len());
        let taken = match shape {
            Shape::Map { .. } if rank == 4 && along == 1 => Axis::Channels,
            Shape::Tokens { .. } | Shape::Vector { .. } if along + 1 == rank => Axis::Channels,
            Shape::Tokens { .. } if along + 2 == rank && rank == 3 && view.axes[0].is_empty() => Axis::Tokens,
            _ => return Err(fault()),
        };
        let input = self.natural(view, node.input(0).unwrap_or_default())?;
        let at = self.add(node, Op::Slice { axis: taken, start, count }, &[input], Vec::new())?;
        let mut sizes = dims.clone();
        sizes[along] = count;
        self.whole(at).reshaped(&sizes).ok_or_else(fault)
    }

    /// Part of what a layer makes, if it is whole rows of its matrix or kernel: a smaller layer.
    fn part_of_layer(
        &mut self,
        node: &Node,
        view: &View,
        along: usize,
        start: usize,
        count: usize,
    ) -> Result<Option<View>, Fault> {
        let size = view.dims()[along];
        let Base::Node(base) = view.base else { return Ok(None) };
        if !matches!(self.draft.nodes[base].op, Op::Linear { .. } | Op::Conv2d(_)) {
            return Ok(None);
        }
        let layer = self.draft.nodes[base].clone();
        let channel = channel_axis(layer.shape);
        let Some(outer) = view.axes[along].first().copied().filter(|atom| atom.axis == channel && atom.stride > 0)
        else {
            return Ok(None);
        };
        // Only whole values of the outermost digit can be told apart.
        let inner = size / outer.size;
        if count == 0 || !start.is_multiple_of(inner) || !count.is_multiple_of(inner) || view.rotary.is_some() {
            return Ok(None);
        }
        let (first, taken) = (start / inner, count / inner);
        let kept = |row: usize| (first..first + taken).contains(&(row / outer.stride % outer.size));
        let features = layer.shape.channels() / outer.size * taken;
        let op = match layer.op {
            Op::Linear { bias, .. } => Op::Linear { features, bias },
            Op::Conv2d(conv) if conv.groups == 1 => Op::Conv2d(crate::graph::Conv2d { channels: features, ..conv }),
            _ => return Ok(None),
        };
        let rows = layer.shape.channels();
        let select = |values: &Vec<f32>| -> Vec<f32> {
            let row = values.len() / rows.max(1);
            let rows = values.chunks(row.max(1)).enumerate().filter(|(at, _)| kept(*at));
            rows.flat_map(|(_, values)| values.iter().copied()).collect()
        };
        let parameters: Vec<Vec<f32>> = layer.parameters.iter().map(select).collect();
        let name = self.names.take(&format!("{}.{first}", layer.name));
        let at = match self.selected(&layer.name, &op, &parameters) {
            Some(at) => at,
            None => self.add_named(name, node.output(), op, &layer.inputs, parameters)?,
        };
        let moved = |mut atom: crate::import::view::Atom| {
            if atom.axis == channel && atom.stride > outer.stride {
                atom.stride = atom.stride / outer.size * taken;
            }
            atom
        };
        let mut axes: Vec<Vec<_>> = view.axes.iter().map(|atoms| atoms.iter().copied().map(moved).collect()).collect();
        match taken {
            1 => drop(axes[along].remove(0)),
            _ => axes[along][0].size = taken,
        }
        debug_assert!(matches!(
            self.draft.nodes[at].shape,
            Shape::Map { .. } | Shape::Tokens { .. } | Shape::Vector { .. }
        ));
        Ok(Some(View { base: Base::Node(at), axes, ..view.clone() }))
    }

    /// The same part of the same layer, where it was taken before.
    fn selected(&self, layer: &str, op: &Op, parameters: &[Vec<f32>]) -> Option<usize> {
        let prefix = format!("{layer}.");
        self.draft
            .nodes
            .iter()
            .rposition(|node| node.name.starts_with(&prefix) && node.op == *op && node.parameters == parameters)
    }
}

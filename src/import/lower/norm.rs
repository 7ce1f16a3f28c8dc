//! Norms and softmax, which work along the channels or the features, wherever these stand.

use super::linear::channels;
use super::{Done, Fault, Lowerer, wrong};
use crate::engine::EPSILON;
use crate::graph::{Epsilon, Op, Shape};
use crate::import::constant::axis;
use crate::import::draft::affine_norm;
use crate::import::model::Node;
use crate::import::view::View;

impl<'m> Lowerer<'m> {
    /// A norm by running statistics. Another ε than the engine's is put into the variance.
    pub(super) fn batch_norm(&mut self, node: &'m Node) -> Done {
        if node.int_or("training_mode", 0) != 0 || node.outputs.iter().skip(1).any(|name| !name.is_empty()) {
            return Err(Fault::new("it is in training mode", "write the model after model.eval()"));
        }
        let mut parameters = Vec::with_capacity(4);
        for at in 1..5 {
            let values = self.floats(node, at)?.ok_or_else(|| wrong(format!("its input {at} is left out")))?;
            parameters.push(values.as_floats().unwrap_or(&[]).to_vec());
        }
        let epsilon = f64::from(node.float_or("epsilon", 1e-5));
        if let Some(variance) = parameters[3].iter().find(|&&variance| f64::from(variance) + epsilon <= 0.0) {
            let message = format!("its variance holds {variance}, which with its epsilon of {epsilon} has no root");
            return Err(Fault::new(
                message,
                "write the model with an epsilon above zero, and variances that are not below",
            ));
        }
        // The default in the file is the single-precision number next to 1e-5.
        if (epsilon - EPSILON).abs() > 1e-9 {
            for (at, variance) in parameters[3].clone().into_iter().enumerate() {
                let raised = f64::from(variance) + epsilon;
                let held = (raised - EPSILON) as f32;
                // Where that would leave no variance, the scale takes the difference.
                if held > 0.0 {
                    parameters[3][at] = held;
                } else {
                    let factor = f64::from(parameters[0][at]) / raised.sqrt();
                    (parameters[0][at], parameters[3][at]) = (factor as f32, (1.0 - EPSILON) as f32);
                }
            }
        }
        self.along_channels(node, 1, Op::BatchNorm, parameters)
    }

    /// Layer norm and root-mean-square norm over the features of each position.
    pub(super) fn position_norm(&mut self, node: &'m Node) -> Done {
        let view = self.view(node, 0)?;
        let rank = view.axes.len();
        let along =
            axis(node.int_or("axis", -1), rank).ok_or_else(|| wrong("it normalises an axis that is not there"))?;
        if !node.found && along + 1 != rank && view.axes[along + 1..].iter().any(|atoms| !atoms.is_empty()) {
            let message = format!("it normalises over {} axes together", rank - along);
            return Err(Fault::new(message, "normalise over the features of each position alone"));
        }
        let features = view.dims()[along];
        let centred = node.op == "LayerNormalization";
        let wanted = if centred { 1..3 } else { 1..2 };
        let mut parameters = Vec::with_capacity(2);
        for at in wanted {
            let values = self.floats(node, at)?;
            let values = values.and_then(|values| values.as_floats().map(<[f32]>::to_vec));
            parameters.push(values.unwrap_or_else(|| vec![if at == 1 { 1.0 } else { 0.0 }; features]));
        }
        let epsilon = Epsilon::from_single(node.float_or("epsilon", 1e-5))
            .map_err(|message| Fault::new(message, "write the model with a small epsilon, such as 1e-6"))?;
        let op = if centred { Op::LayerNorm { epsilon } } else { Op::RmsNorm { epsilon } };
        self.along_channels(node, along, op, parameters)
    }

    pub(super) fn softmax(&mut self, node: &'m Node) -> Done {
        let view = self.view(node, 0)?;
        // Before version 13 all axes from the given one on counted as one, and axis 1 was the default.
        let old = self.model.opset < 13;
        let rank = view.axes.len();
        let along = axis(node.int_or("axis", if old { 1 } else { -1 }), rank);
        let along = along.ok_or_else(|| wrong("it works along an axis that is not there"))?;
        if old && view.axes[along + 1..].iter().any(|atoms| !atoms.is_empty()) {
            let message = "it works along several axes together, as softmax did before version 13";
            return Err(Fault::new(message, "write the model in version 13 or later"));
        }
        if self.attention_softmax(node, &view, along)? {
            return Ok(());
        }
        self.along_channels(node, along, Op::Softmax, Vec::new())
    }

    /// An operator that works along the channels or features, which have to be the axis `along`.
    fn along_channels(&mut self, node: &'m Node, along: usize, op: Op, parameters: Vec<Vec<f32>>) -> Done {
        let view = self.view(node, 0)?;
        let natural = match (Self::natural_shape(&view), view.axes.len()) {
            (Some(Shape::Map { .. }), 4) => along == 1,
            (Some(Shape::Tokens { .. }), rank) => along + 1 == rank,
            (Some(Shape::Vector { .. }), rank) => along + 1 == rank,
            _ => false,
        };
        if natural && let Some(input) = self.try_natural(&view, node.input(0).unwrap_or_default()) {
            let at = self.add(node, op, &[input], parameters)?;
            return self.same_dims(node, at, &view);
        }
        if let Some((below, over)) = self.below(&view)? {
            let shape = self.draft.nodes[below].shape;
            if over.axes.get(along) == Some(&channels(shape)) && !channels(shape).is_empty() {
                let at = self.add(node, op, &[below], parameters)?;
                return self.set(node, over.over(crate::import::view::Base::Node(at)));
            }
        }
        let message = format!("it works along axis {along} of a tensor of {}", super::realise::shown(&view.dims()));
        Err(Fault::new(message, "norms and softmax here work along the channels of a map or the features of tokens"))
    }

    /// Sets what a node makes to all of a node of the draft, with the sizes of what it read.
    pub(super) fn same_dims(&mut self, node: &'m Node, at: usize, before: &View) -> Done {
        let whole = self.whole(at);
        let view = whole.reshaped(&before.dims()).unwrap_or(whole);
        self.set(node, view)
    }

    /// Factors and offsets for each channel: put into the layer before where nothing else reads it, else a batch norm that
    /// changes nothing but them.
    pub(super) fn affine(
        &mut self,
        node: &'m Node,
        input: usize,
        factors: Vec<f32>,
        offsets: Option<Vec<f32>>,
    ) -> Result<usize, Fault> {
        let layer = matches!(self.draft.nodes[input].op, Op::Conv2d(_) | Op::Linear { .. });
        let alone = self.tensors[input] == node.input(0).unwrap_or_default()
            || self.tensors[input] == node.input(1).unwrap_or_default();
        if layer && alone && self.read_once(&self.tensors[input].clone()) {
            self.draft.nodes[input].affine(&factors, offsets.as_deref());
            self.tensors[input] = node.output().to_owned();
            return Ok(input);
        }
        let offsets = offsets.unwrap_or_else(|| vec![0.0; factors.len()]);
        self.add(node, Op::BatchNorm, &[input], affine_norm(factors, offsets))
    }
}

//! Squeeze-excite gates, found again after all else: a mean over positions, two convolutions of one position with an
//! activation between them, a gate, and a product with what the mean was taken of (Hu et al., CVPR 2018).

use super::draft::{Draft, DraftNode};
use crate::graph::{Activation, Conv2d, Op, SqueezeExcite};

/// Makes one operator of every gate that nothing else looks into.
pub(super) fn fuse(draft: &mut Draft) {
    let only = draft.only_readers();
    let mut fused = false;
    for mean in 0..draft.nodes.len() {
        if !matches!(draft.nodes[mean].op, Op::GlobalAvgPool) {
            continue;
        }
        let Some((product, op, parameters)) = gate(draft, &only, mean) else { continue };
        let x = draft.nodes[mean].inputs[0];
        let node = &mut draft.nodes[product];
        (node.op, node.inputs, node.parameters) = (op, vec![x], parameters);
        fused = true;
    }
    if fused {
        draft.sweep();
    }
}

/// The gate that begins at a mean: the product at its end, the operator and its parameters.
fn gate(draft: &Draft, only: &[Option<usize>], mean: usize) -> Option<(usize, Op, Vec<Vec<f32>>)> {
    let x = draft.nodes[mean].inputs[0];
    let next = |at: usize| only[at].map(|at| (at, &draft.nodes[at]));
    let point = |op: &Op| match op {
        Op::Conv2d(conv) if *conv == (Conv2d { bias: conv.bias, ..Conv2d::square(conv.channels, 1, 1) }) => {
            Some(conv.channels)
        }
        _ => None,
    };
    let function = |op: &Op| match op {
        Op::Activation { function } => Some(*function),
        _ => None,
    };
    let (reduce_at, reduce) = next(mean)?;
    let hidden = point(&reduce.op)?;
    let (between_at, between) = next(reduce_at)?;
    let activation = function(&between.op)?;
    let (expand_at, expand) = next(between_at)?;
    point(&expand.op)?;
    let (gate_at, gate) = next(expand_at)?;
    let gate = function(&gate.op).filter(|gate| matches!(gate, Activation::Sigmoid | Activation::Hsigmoid))?;
    let (product_at, product) = next(gate_at)?;
    let both = matches!(product.op, Op::Multiply) && product.inputs.len() == 2 && product.inputs.contains(&x);
    if !both || product.shape != draft.nodes[x].shape || !matches!(product.shape, crate::graph::Shape::Map { .. }) {
        return None;
    }
    // Exporters leave out a bias of zeros; the gate has one all the same.
    let biased = |node: &DraftNode, channels: usize| {
        let bias = node.parameters.get(1).cloned().unwrap_or_else(|| vec![0.0; channels]);
        [node.parameters[0].clone(), bias]
    };
    let parameters = [biased(reduce, hidden), biased(expand, product.shape.channels())].concat();
    Some((product_at, Op::SqueezeExcite(SqueezeExcite { hidden, activation, gate }), parameters))
}

//! A network as a chain of blocks, each of them a network of its own that takes what the one before it gives: for proxies
//! that look at every block by itself.

use super::ScoreError;
use super::lab::Lab;
use crate::engine::{Plan, Program, Tensor};
use crate::graph::{Builder, Network, NetworkError, NodeId, Op, Shape};

/// Where blocks end: for each of [`Network::blocks`] the last live node in it that every path passes
/// ([`Network::cut_points`]) and that has more than one position. Blocks of nothing but norms and activations, such as
/// those before the pooling of a head, go with the next.
pub(super) fn borders(network: &Network) -> Vec<NodeId> {
    let live = network.live();
    let cuts = network.cut_points();
    let mixes = |id: NodeId| {
        let op = &network.node(id).op;
        !matches!(
            op,
            Op::Input { .. } | Op::BatchNorm | Op::LayerNorm { .. } | Op::RmsNorm { .. } | Op::Activation { .. }
        )
    };
    let wide = |id: NodeId| match network.node(id).shape {
        Shape::Map { height, width, .. } => height * width > 1,
        Shape::Tokens { .. } => true,
        Shape::Vector { .. } => false,
    };
    let ends = network.blocks().into_iter().filter_map(|block| {
        let inside = |id: &NodeId| block.nodes.contains(&id.index());
        let end = cuts.iter().copied().filter(inside).rfind(|&id| wide(id))?;
        let works = network.ids().filter(inside).any(|id| id <= end && live.contains(id) && mixes(id));
        works.then_some(end)
    });
    ends.collect()
}

/// A block at work.
pub(super) struct Link<'a> {
    /// Its place in the chain, from 0.
    pub position: usize,
    /// The block alone; the node that it takes is the first.
    pub program: &'a mut dyn Program,
    /// What enters it: the first node of the block.
    pub entry: NodeId,
    /// What leaves it.
    pub exit: NodeId,
    /// Its output for the batch: `[batch, …]`.
    pub output: &'a Tensor,
}

/// Runs the first batch along the chain, batch norms by its statistics, and hands out every block after its forward pass.
///
/// # Errors
/// A network without such blocks, or one that cannot be run.
pub(super) fn walk(
    lab: &Lab<'_>,
    backward: bool,
    visit: &mut dyn FnMut(&mut Link<'_>) -> Result<(), ScoreError>,
) -> Result<(), ScoreError> {
    let network = lab.network;
    let borders = borders(network);
    if borders.is_empty() {
        return Err(
            lab.unfit("looks at blocks with one way in and one way out, but the network has none with positions")
        );
    }
    let weights = lab.weights();
    let batches = lab.batches()?;
    let mut value = batches[0].inputs.clone();
    let mut before = None;
    for (position, &border) in borders.iter().enumerate() {
        let part =
            part(network, before, border).map_err(|error| lab.unfit(format!("cannot cut the network: {error}")))?;
        let entry = part.ids().find(|&id| matches!(part.node(id).op, Op::Input { .. }));
        let Some(entry) = entry else { return Err(lab.unfit("needs a network with an input")) };
        let exit = part.outputs()[0];
        let plan = Plan { backward, input_gradients: backward, ..Plan::train(lab.setup.batch_size) };
        let mut program = lab.program_of(&part, &plan, &weights)?;
        program.forward(&[&value])?;
        value = program.value(exit).expect("an output has a value after a forward pass");
        visit(&mut Link { position, program: program.as_mut(), entry, exit, output: &value })?;
        before = Some(border);
    }
    Ok(())
}

/// The live nodes behind one border, up to another.
fn part(network: &Network, before: Option<NodeId>, border: NodeId) -> Result<Network, NetworkError> {
    let live = network.live();
    let mut builder = Builder::new();
    let mut ids: Vec<Option<NodeId>> = vec![None; network.len()];
    if let Some(before) = before {
        let node = network.node(before);
        ids[before.index()] = Some(builder.add(node.name.as_str(), Op::Input { shape: node.shape }, &[])?);
    }
    let first = before.map_or(0, |id| id.index() + 1);
    for id in network.ids().skip(first).take_while(|&id| id <= border).filter(|&id| live.contains(id)) {
        let node = network.node(id);
        // What is not live adds nothing but zeros.
        let inputs: Vec<NodeId> = network.inputs(id).into_iter().filter_map(|from| ids[from.index()]).collect();
        ids[id.index()] = Some(builder.add(node.name.as_str(), node.op.clone(), &inputs)?);
    }
    builder.output(ids[border.index()].expect("a border is live and within its part"));
    builder.finish()
}

/// The elements of a tensor `[batch, channels, height, width]` or `[batch, tokens, features]` with one row for each
/// channel, and how many there are.
pub(super) fn channel_rows(tensor: &Tensor) -> (Vec<f32>, usize) {
    let batch = tensor.shape[0];
    let (channels, positions, strides) = match tensor.shape[..] {
        [_, channels, height, width] => (channels, height * width, (height * width, 1)),
        [_, tokens, features] => (features, tokens, (1, features)),
        _ => (tensor.data.len() / batch.max(1), 1, (1, 1)),
    };
    let mut rows = Vec::with_capacity(tensor.data.len());
    for channel in 0..channels {
        for sample in tensor.data.chunks_exact(channels * positions) {
            rows.extend((0..positions).map(|position| sample[channel * strides.0 + position * strides.1]));
        }
    }
    (rows, channels)
}

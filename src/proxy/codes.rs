//! What activations see: for every unit and every sample, whether its input is above zero. NASWOT and SWAP count with
//! these.
//!
//! Of a ReLU it is the same to ask the output. Other functions have no kink at zero to speak of, but what the proxies
//! look at, the side on which a unit works, is still the sign of what enters.

use super::ScoreError;
use super::lab::Lab;
use crate::engine::{Mode, Plan, Tensor};
use crate::graph::{Activation, Network, NodeId, Op};

/// Runs the first batch forward, batch norms by its statistics, and hands out for every live activation the values whose
/// signs count, `[batch, …]`.
///
/// # Errors
/// A network that cannot be run, or that has no activations.
pub(super) fn visit(lab: &Lab<'_>, network: &Network, visit: &mut dyn FnMut(&Tensor)) -> Result<(), ScoreError> {
    let live = network.live();
    let watch: Vec<NodeId> =
        network.ids().filter(|&id| live.contains(id)).filter_map(|id| signs(network, id)).collect();
    if watch.is_empty() {
        return Err(lab.unfit("looks at activations, but the network has none that its output depends on"));
    }
    let plan = Plan { watch: watch.clone(), prune: true, ..Plan::forward(lab.setup.batch_size, Mode::Train) };
    let mut program = lab.program_of(network, &plan, &lab.weights())?;
    for batch in lab.batches_for(network)?.iter() {
        program.forward(&[&batch.inputs])?;
        watch.iter().filter_map(|&id| program.value(id)).for_each(|value| visit(&value));
    }
    Ok(())
}

/// Where the signs of an activation can be seen.
fn signs(network: &Network, id: NodeId) -> Option<NodeId> {
    match network.node(id).op {
        Op::Activation { function: Activation::Relu | Activation::Relu6 } => Some(id),
        Op::Activation { .. } => network.inputs(id).first().copied(),
        _ => None,
    }
}

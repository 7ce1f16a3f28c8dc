//! Known networks shown beside every front, so that a reader sees what the search is worth.

use super::Plan;
use crate::graph::{Network, Op, Shape};
use crate::report::Baseline;
use crate::space::Space;

/// The folder of the shipped spaces that hold one known network each.
const FOLDER: &str = "baselines/";

impl Plan {
    /// The known networks that take the input of this space, and remarks about those that do not.
    pub(super) fn baselines(&self) -> (Vec<Baseline>, Vec<String>) {
        let (mut shown, mut notes) = (Vec::new(), Vec::new());
        let inputs = self.graph.input_shapes();
        let mut elsewhere = Vec::new();
        for name in Space::shipped().iter().map(|(name, _)| *name).filter(|name| name.starts_with(FOLDER)) {
            let built = Space::load(name, None).map_err(|error| error.to_string()).and_then(|space| {
                let network = space.build(&space.default_architecture()).map_err(|error| error.to_string())?;
                Ok((space.name().to_owned(), network))
            });
            match built {
                Ok((label, network)) if input(&network).is_some_and(|shape| inputs.contains(&shape)) => {
                    let values =
                        self.config.objectives.iter().map(|o| o.value(&network).ok().filter(|v| v.is_finite()));
                    shown.push(Baseline { name: label, values: values.collect() });
                }
                Ok((label, _)) => elsewhere.push(label),
                Err(error) => notes.push(format!("Baseline {name} is missing: {error}.")),
            }
        }
        if !elsewhere.is_empty() {
            notes.push(format!("Not shown, since they take another input size: {}.", elsewhere.join(", ")));
        }
        (shown, notes)
    }
}

fn input(network: &Network) -> Option<Shape> {
    network.ids().find_map(|id| match network.node(id).op {
        Op::Input { shape } => Some(shape),
        _ => None,
    })
}

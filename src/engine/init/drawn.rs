//! Weights that were drawn before: candidates of one space share most of theirs, and drawing takes as long as a tenth of a
//! small network's forward and backward pass.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use super::{Init, Scheme, initialise_by, stream};
use crate::engine::Weights;
use crate::graph::Network;

/// Most numbers that are kept (32 MiB).
const MOST: usize = 8 << 20;

/// Initial weights by seed, name, scheme and shape.
#[derive(Debug, Default)]
pub struct Drawn(Mutex<Known>);

/// Seed, name and shape.
type Key = (u64, String, Vec<usize>);

#[derive(Debug, Default)]
struct Known {
    tensors: HashMap<Key, (Scheme, Vec<f32>)>,
    numbers: usize,
}

impl Drawn {
    /// What [`initialise`](super::initialise) gives, drawn only where it is not known.
    pub fn initialise(&self, network: &Network, init: &Init, seed: u64) -> Weights<f32> {
        initialise_by(network, init, seed, |scheme, parameter, name| {
            let key = (seed, name.to_owned(), parameter.shape.clone());
            if let Some((known, data)) = self.lock().tensors.get(&key)
                && *known == scheme
            {
                return data.clone();
            }
            // Others may draw meanwhile.
            let data = scheme.draw(parameter, &mut stream(seed, name));
            let mut known = self.lock();
            if known.numbers + data.len() > MOST {
                *known = Known::default();
            }
            if data.len() <= MOST {
                let before = known.tensors.insert(key, (scheme, data.clone()));
                known.numbers += data.len() - before.map_or(0, |(_, data)| data.len());
            }
            data
        })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

//! A warning where a search compares what a score does not: ZiCo and ZiCo-BC rank networks of one backbone.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use crate::config::SearchConfig;
use crate::proxy::{Backbone, backbone};
use crate::search::Domain;

/// Architectures that are looked at.
const SAMPLE: usize = 64;

/// That architectures of the space have different backbones, if a sample of them does and an objective asks for one.
pub(super) fn told(config: &SearchConfig, domain: &dyn Domain) -> Option<String> {
    let score = config.objectives.iter().find(|objective| !objective.compares_backbones())?;
    let mut rng = ChaCha8Rng::seed_from_u64(config.seed);
    let drawn = (0..SAMPLE).filter_map(|_| {
        let (architecture, network) = config.space.realise(&domain.sample(&mut rng)?).ok()?;
        (network.live().count() > 0).then(|| (config.space.format(&architecture), backbone(&network)))
    });
    let all: Vec<(String, Backbone)> = drawn.collect();
    let (first, other) = all.first().and_then(|first| Some((first, all.iter().find(|other| other.1 != first.1)?)))?;
    Some(format!(
        "`{}` ranks networks of one backbone, but those of `{}` differ: `{}` goes {}, `{}` goes {}. Take its order between \
         such networks with caution, or fix the choices that change the sizes of maps.",
        score.name(),
        config.space.name(),
        first.0,
        first.1,
        other.0,
        other.1
    ))
}

//! How two parents have a child: crossover, then mutation, each at its rate; one parent alone is only mutated.
//! Deb, Pratap, Agarwal & Meyarivan, *A Fast and Elitist Multiobjective Genetic Algorithm: NSGA-II*, 2002, section III.

use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::variation::Variation;

/// How often what happens to a child.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Rates {
    /// The share of children that have two parents.
    pub crossover: f64,
    /// The share of children of two parents that are mutated as well.
    pub mutation: f64,
}

/// A child of `first`, and mostly of `second`, where there is one.
pub(super) fn child<V: Variation>(
    variation: &V,
    first: &V::Genotype,
    second: Option<&V::Genotype>,
    rates: Rates,
    rng: &mut ChaCha8Rng,
) -> Option<V::Genotype> {
    let Some(second) = second.filter(|_| rng.r#gen::<f64>() < rates.crossover) else {
        return variation.mutate(first, rng);
    };
    let child = variation.cross(first, second, rng)?;
    if rng.r#gen::<f64>() < rates.mutation { variation.mutate(&child, rng) } else { Some(child) }
}

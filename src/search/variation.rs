//! How new candidates come from old ones. [`Conditional`] does it for any [`Domain`]: crossover keeps the subtrees of a
//! space together, mutation opens and closes what depends on it.

use std::collections::HashMap;
use std::fmt::Debug;
use std::hash::Hash;
use std::sync::Arc;

use rand::Rng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::domain::{Decision, Domain, Genotype};

/// What a strategy must be able to do with its candidates. Each returns `None` where it found nothing that is allowed.
pub trait Variation: Debug {
    /// What a candidate is made of.
    type Genotype: Clone + Debug + Eq + Hash;

    /// A new candidate.
    fn sample(&self, rng: &mut ChaCha8Rng) -> Option<Self::Genotype>;

    /// A child of two parents.
    fn cross(&self, a: &Self::Genotype, b: &Self::Genotype, rng: &mut ChaCha8Rng) -> Option<Self::Genotype>;

    /// A candidate near another.
    fn mutate(&self, parent: &Self::Genotype, rng: &mut ChaCha8Rng) -> Option<Self::Genotype>;

    /// Every candidate that differs in one decision; for local search.
    fn neighbours(&self, of: &Self::Genotype) -> Vec<Self::Genotype>;
}

/// What becomes of an inherited option: another one, or, without a word, the same.
type Edit<'e> = dyn FnMut(&Decision<'_>, Option<usize>, &mut ChaCha8Rng) -> Option<usize> + 'e;

/// The variation of conditional genotypes over a domain.
#[derive(Clone, Copy)]
pub struct Conditional<'a, D: ?Sized> {
    domain: &'a D,
}

impl<D: ?Sized> Debug for Conditional<'_, D> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Conditional")
    }
}

impl<'a, D: Domain + ?Sized> Conditional<'a, D> {
    /// Variation over `domain`.
    pub fn new(domain: &'a D) -> Self {
        Self { domain }
    }

    /// Walks the domain with the answers of `given` where there are any that are allowed, `edit` in the way of them, and
    /// draws for what is newly open.
    fn replay(&self, given: &HashMap<&str, usize>, rng: &mut ChaCha8Rng, edit: &mut Edit<'_>) -> Option<Genotype> {
        self.domain.walk(&mut |decision| {
            let inherited = given.get(&**decision.path).copied();
            let wanted = edit(&decision, inherited, rng).or(inherited);
            match wanted {
                Some(option) => nearest(&decision, option, rng),
                None => decision.draw(rng),
            }
        })
    }
}

impl<D: Domain + ?Sized> Variation for Conditional<'_, D> {
    type Genotype = Genotype;

    fn sample(&self, rng: &mut ChaCha8Rng) -> Option<Genotype> {
        self.domain.sample(rng)
    }

    /// Walks from the root of the decisions' paths: each subtree comes whole from one parent or, by another toss, is
    /// divided again further down. What only one parent has decided, or only one can pass on, comes from it.
    fn cross(&self, a: &Genotype, b: &Genotype, rng: &mut ChaCha8Rng) -> Option<Genotype> {
        let (a, b) = (by_path(a), by_path(b));
        let mut heirs = Heirs::default();
        self.replay(&HashMap::new(), rng, &mut |decision, _, rng| {
            let (of_a, of_b) = (a.get(&**decision.path).copied(), b.get(&**decision.path).copied());
            let (Some(x), Some(y)) = (of_a, of_b) else {
                return of_a.or(of_b);
            };
            let (own, other) = if heirs.first(decision.path, rng) { (x, y) } else { (y, x) };
            let passed_on = [own, other].into_iter().find(|option| decision.allowed.contains(option));
            Some(passed_on.unwrap_or(own))
        })
    }

    /// Changes one decision for certain, if any can be changed, and each other one with probability one over their number,
    /// the best rate for linear functions (Witt, *Tight Bounds on the Optimization Time of a Randomized Search Heuristic on
    /// Linear Functions*, 2013). Ordered ones move mostly by one step, so that what is nearly right can be put right.
    fn mutate(&self, parent: &Genotype, rng: &mut ChaCha8Rng) -> Option<Genotype> {
        let rate = 1.0 / parent.len() as f64;
        let mut order: Vec<&Arc<str>> = parent.iter().map(|gene| &gene.path).collect();
        order.shuffle(rng);
        // Whether a decision has another option is known only when the walk arrives there.
        order.into_iter().find_map(|certain| {
            let child = self.replay(&by_path(parent), rng, &mut |decision, inherited, rng| {
                let current = inherited?;
                if decision.path == certain || rng.gen_bool(rate) { step(decision, current, rng) } else { None }
            });
            child.filter(|child| child != parent)
        })
    }

    fn neighbours(&self, of: &Genotype) -> Vec<Genotype> {
        let given = by_path(of);
        let mut found = Vec::new();
        for gene in of {
            // Which options lead on is known only when the walk arrives there.
            let mut allowed = Vec::new();
            let mut at = 0;
            loop {
                let next = self.domain.walk(&mut |decision| {
                    if *decision.path == gene.path {
                        if allowed.is_empty() {
                            allowed = decision.allowed.iter().copied().filter(|&o| o != gene.option).collect();
                        }
                        return allowed.get(at).copied().unwrap_or(decision.allowed[0]);
                    }
                    let inherited = given.get(&**decision.path).copied();
                    closest(&decision, inherited.unwrap_or(decision.default))
                });
                if at < allowed.len() {
                    found.extend(next.filter(|next| next != of));
                }
                at += 1;
                if at >= allowed.len() {
                    break;
                }
            }
        }
        found
    }
}

fn by_path(genotype: &Genotype) -> HashMap<&str, usize> {
    genotype.iter().map(|gene| (&*gene.path, gene.option)).collect()
}

/// Which parent each subtree comes from, tossed when it is first met.
#[derive(Default)]
struct Heirs {
    /// For each scope: whole from the first parent, whole from the second, or divided.
    scopes: HashMap<String, Option<bool>>,
}

impl Heirs {
    fn first(&mut self, path: &str, rng: &mut ChaCha8Rng) -> bool {
        for (at, _) in path.match_indices('.') {
            let whole = *self
                .scopes
                .entry(path[..at].to_owned())
                .or_insert_with(|| rng.gen_bool(0.5).then(|| rng.gen_bool(0.5)));
            if let Some(first) = whole {
                return first;
            }
        }
        rng.gen_bool(0.5)
    }
}

/// The option itself where it is allowed, else its nearest neighbour in order, else any.
fn nearest(decision: &Decision<'_>, option: usize, rng: &mut ChaCha8Rng) -> usize {
    if decision.allowed.contains(&option) || decision.ordered { closest(decision, option) } else { decision.draw(rng) }
}

fn closest(decision: &Decision<'_>, option: usize) -> usize {
    *decision.allowed.iter().min_by_key(|&&other| other.abs_diff(option)).expect("a decision allows something")
}

/// Another option: a neighbour in order three times out of four where there is an order, else any other.
fn step(decision: &Decision<'_>, current: usize, rng: &mut ChaCha8Rng) -> Option<usize> {
    let others: Vec<usize> = decision.allowed.iter().copied().filter(|&option| option != current).collect();
    if others.is_empty() {
        return None;
    }
    if decision.ordered && rng.gen_bool(0.75) {
        let below = others.iter().copied().filter(|&o| o < current).max();
        let above = others.iter().copied().find(|&o| o > current);
        return match (below, above) {
            (Some(below), Some(above)) => Some(if rng.gen_bool(0.5) { below } else { above }),
            (one, other) => one.or(other),
        };
    }
    Some(others[rng.gen_range(0..others.len())])
}

#[cfg(test)]
mod tests;

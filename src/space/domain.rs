//! A space as strategies see it: by its choice graph, along which every walk is an architecture, or by its interpreter
//! where the choice graph would not fit.

use std::sync::Arc;

use rand_chacha::ChaCha8Rng;

use super::interpret::Question;
use super::{Architecture, ArchitectureError, ChoiceGraph, Recorder, Space};
use crate::graph::Network;
use crate::search::{Decision, Domain, Gene, Genotype};

/// How many draws in a row may break a constraint before drawing is given up.
const DRAWS: usize = 1000;

impl Domain for ChoiceGraph {
    fn walk(&self, answer: &mut dyn FnMut(Decision<'_>) -> usize) -> Option<Genotype> {
        self.follow(answer).map(|path| self.genotype(&path))
    }

    /// Uniformly over all architectures; by the weights where some choice has them.
    fn sample(&self, rng: &mut ChaCha8Rng) -> Option<Genotype> {
        if self.decisions().iter().any(|decision| decision.weights.is_some()) {
            return self.walk(&mut |decision| decision.draw(rng));
        }
        Some(self.genotype(&ChoiceGraph::sample(self, rng)))
    }
}

impl ChoiceGraph {
    /// The path of a genotype, as edge indices from source to sink; `None` if it does not belong to the space.
    pub fn path_of(&self, genotype: &[Gene]) -> Option<Vec<usize>> {
        let mut genes = genotype.iter();
        let mut fits = true;
        let path = self.follow(&mut |decision| match genes.next() {
            Some(gene) if gene.path == *decision.path && decision.allowed.contains(&gene.option) => gene.option,
            _ => {
                fits = false;
                decision.allowed[0]
            }
        });
        path.filter(|_| fits && genes.next().is_none())
    }
}

impl Domain for Space {
    fn walk(&self, answer: &mut dyn FnMut(Decision<'_>) -> usize) -> Option<Genotype> {
        let mut genotype = Genotype::new();
        let mut allowed: Vec<usize> = Vec::new();
        let mut oracle = Recorder::new(&self.file, |question: &Question| {
            let path: Arc<str> = question.path.into();
            allowed.clear();
            allowed.extend(0..question.options);
            let option = answer(Decision {
                path: &path,
                allowed: &allowed,
                options: question.options,
                weights: question.weights,
                ordered: question.ordered,
                default: question.default,
            });
            genotype.push(Gene { path, option });
            Ok(option)
        });
        self.run(&mut oracle).ok()?;
        let facts = oracle.facts;
        self.satisfies(&facts).ok()?;
        Some(genotype)
    }

    /// Every decision by its weights, again where a constraint is broken.
    fn sample(&self, rng: &mut ChaCha8Rng) -> Option<Genotype> {
        (0..DRAWS).find_map(|_| self.walk(&mut |decision| decision.draw(rng)))
    }
}

impl Space {
    /// The architecture that a genotype stands for, and its whole network.
    ///
    /// # Errors
    /// A genotype of another space.
    pub fn realise(&self, genotype: &[Gene]) -> Result<(Architecture, Network), ArchitectureError> {
        let mut oracle = Recorder::new(&self.file, |question: &Question| {
            let gene = genotype.iter().find(|gene| &*gene.path == question.path);
            gene.map(|gene| gene.option).ok_or_else(|| format!("`{}` is not decided", question.path))
        });
        let network = self.run(&mut oracle).map_err(|fault| ArchitectureError::new(fault.message))?;
        Ok((Architecture { decisions: oracle.decisions }, network))
    }
}

#[cfg(test)]
pub(super) mod tests;

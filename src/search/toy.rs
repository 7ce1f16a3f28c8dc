//! Small domains for tests, small enough to list every candidate.

use std::collections::BTreeSet;
use std::sync::Arc;

use rand_chacha::ChaCha8Rng;

use super::domain::{Decision, Domain, Gene, Genotype};

/// Asks for decisions and keeps the answers.
pub(super) struct Walk<'a> {
    answer: &'a mut dyn FnMut(Decision<'_>) -> usize,
    taken: Genotype,
}

impl Walk<'_> {
    fn ask(&mut self, path: &str, options: usize, ordered: bool, allowed: impl Fn(usize) -> bool) -> usize {
        let path: Arc<str> = path.into();
        let allowed: Vec<usize> = (0..options).filter(|&option| allowed(option)).collect();
        let decision =
            Decision { path: &path, allowed: &allowed, options, weights: None, ordered, default: allowed[0] };
        let option = (self.answer)(decision);
        assert!(allowed.contains(&option), "{path} was answered with {option} of {allowed:?}");
        self.taken.push(Gene { path, option });
        option
    }
}

/// A domain, written down as a function that asks for what it needs and says whether the answers lead anywhere.
pub(super) struct Toy(pub(super) fn(&mut Walk<'_>) -> bool);

impl Domain for Toy {
    fn walk(&self, answer: &mut dyn FnMut(Decision<'_>) -> usize) -> Option<Genotype> {
        let mut walk = Walk { answer, taken: Genotype::new() };
        (self.0)(&mut walk).then_some(walk.taken)
    }

    fn sample(&self, rng: &mut ChaCha8Rng) -> Option<Genotype> {
        self.walk(&mut |decision| decision.draw(rng))
    }
}

impl Toy {
    /// Every candidate, by counting through all answers.
    pub(super) fn all(&self) -> BTreeSet<Genotype> {
        let mut all = BTreeSet::new();
        let mut answers: Vec<usize> = Vec::new();
        loop {
            let (mut at, mut choices) = (0, Vec::new());
            all.extend(self.walk(&mut |decision| {
                let answer = answers.get(at).copied().unwrap_or(0);
                at += 1;
                choices.push((answer, decision.allowed.len()));
                decision.allowed[answer]
            }));
            while choices.last().is_some_and(|&(answer, count)| answer + 1 == count) {
                choices.pop();
            }
            let Some(last) = choices.last_mut() else {
                return all;
            };
            last.0 += 1;
            answers = choices.into_iter().map(|(answer, _)| answer).collect();
        }
    }
}

/// Stages of blocks: a kind decides which knobs there are, a repeat how many blocks.
pub(super) const NESTED: Toy = Toy(|walk| {
    for stage in ["s0", "s1"] {
        if walk.ask(&format!("{stage}.kind"), 2, false, |_| true) == 0 {
            walk.ask(&format!("{stage}.plain.size"), 4, true, |_| true);
            continue;
        }
        for i in 0..=walk.ask(&format!("{stage}.repeat"), 2, true, |_| true) {
            if walk.ask(&format!("{stage}.{i}.op"), 2, false, |_| true) == 1 {
                walk.ask(&format!("{stage}.{i}.kernel"), 3, true, |_| true);
            }
        }
    }
    true
});

/// Three ordered decisions and a switch, whose sum may not pass 5: options close as the budget is spent.
pub(super) const BUDGET: Toy = Toy(|walk| {
    let mut left = 5;
    for name in ["a", "b", "c"] {
        left -= walk.ask(name, 4, true, |option| option <= left);
    }
    walk.ask("only.one", 1, false, |_| true);
    if left == 0 {
        walk.ask("spent", 3, false, |option| option != 1);
    }
    true
});

/// Two decisions, the sum of which must be even, which is found out too late.
pub(super) const PARITY: Toy = Toy(|walk| {
    let sum = walk.ask("x", 6, true, |_| true) + walk.ask("y", 6, true, |_| true);
    sum % 2 == 0
});

//! Problems over rows of equal decisions, on which defaults are chosen: a knapsack (Zitzler & Thiele, 1999), landscapes of
//! interacting decisions (Aguirre & Tanaka, *Working Principles, Behavior, and Performance of MOEAs on MNK-Landscapes*, 2007),
//! and a block library whose blocks disturb their neighbours.

use std::sync::Arc;

use pocketnas::search::{Decision, Domain, Gene, Genotype, Outcome};
use rand::seq::index;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// So many decisions with so many options each.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    pub decisions: usize,
    pub options: usize,
    pub ordered: bool,
}

impl Domain for Row {
    fn walk(&self, answer: &mut dyn FnMut(Decision<'_>) -> usize) -> Option<Genotype> {
        let allowed: Vec<usize> = (0..self.options).collect();
        let (options, ordered) = (self.options, self.ordered);
        let mut ask = |i: usize| {
            let path: Arc<str> = format!("{i}.op").into();
            let option =
                answer(Decision { path: &path, allowed: &allowed, options, weights: None, ordered, default: 0 });
            Gene { path, option }
        };
        Some((0..self.decisions).map(&mut ask).collect())
    }

    fn sample(&self, rng: &mut ChaCha8Rng) -> Option<Genotype> {
        self.walk(&mut |decision| decision.draw(rng))
    }
}

/// A domain, what its candidates are worth, and where the hypervolume ends.
pub struct Problem {
    pub name: &'static str,
    pub domain: Box<dyn Domain>,
    pub evaluate: Box<dyn Fn(&Genotype) -> Outcome>,
    pub reference: Vec<f64>,
}

/// 40 items of two profits and a weight; half of all weight can be carried.
pub fn knapsack() -> Problem {
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let items: Vec<[f64; 3]> = (0..40).map(|_| std::array::from_fn(|_| rng.gen_range(10.0..100.0))).collect();
    let capacity = items.iter().map(|item| item[2]).sum::<f64>() / 2.0;
    let domain = Row { decisions: items.len(), options: 2, ordered: false };
    let evaluate = move |genotype: &Genotype| {
        let sum = |j: usize| items.iter().zip(genotype).map(|(item, gene)| item[j] * gene.option as f64).sum::<f64>();
        let over = sum(2) - capacity;
        if over > 0.0 {
            return Outcome::Infeasible { violations: vec![over] };
        }
        Outcome::Complete { objectives: vec![-sum(0), -sum(1)] }
    };
    Problem { name: "knapsack", domain: Box::new(domain), evaluate: Box::new(evaluate), reference: vec![0.0, 0.0] }
}

/// Decisions with four options, each of which is worth something that depends on `others` more.
pub fn landscape(name: &'static str, decisions: usize, others: usize, objectives: usize) -> Problem {
    const OPTIONS: usize = 4;
    let mut rng = ChaCha8Rng::seed_from_u64(11);
    let links: Vec<Vec<usize>> =
        (0..decisions).map(|i| [i].into_iter().chain(index::sample(&mut rng, decisions, others)).collect()).collect();
    let entries = OPTIONS.pow(1 + others as u32);
    let mut table =
        || -> Vec<Vec<f64>> { (0..decisions).map(|_| (0..entries).map(|_| rng.r#gen()).collect()).collect() };
    let tables: Vec<Vec<Vec<f64>>> = (0..objectives).map(|_| table()).collect();
    let evaluate = move |genotype: &Genotype| {
        let entry = |i: usize| links[i].iter().fold(0, |at, &j| at * OPTIONS + genotype[j].option);
        let mean = |table: &Vec<Vec<f64>>| (0..decisions).map(|i| table[i][entry(i)]).sum::<f64>() / decisions as f64;
        Outcome::Complete { objectives: tables.iter().map(|table| 1.0 - mean(table)).collect() }
    };
    let domain = Row { decisions, options: OPTIONS, ordered: false };
    Problem { name, domain: Box::new(domain), evaluate: Box::new(evaluate), reference: vec![0.6; objectives] }
}

/// 20 blocks with nine variants from cheap to good; loss rises where neighbours are far apart.
pub fn library() -> Problem {
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    let domain = Row { decisions: 20, options: 9, ordered: true };
    let mut block = |_| -> Vec<[f64; 2]> {
        let weight = rng.gen_range(0.2..2.0) / domain.decisions as f64;
        let mut variant = |v: usize| {
            let x = v as f64 / (domain.options - 1) as f64;
            let (cost, loss) = (x + rng.gen_range(0.0..0.15), (1.0 - x).powi(2) + rng.gen_range(0.0..0.15));
            [weight * cost, weight * loss]
        };
        (0..domain.options).map(&mut variant).collect()
    };
    let blocks: Vec<Vec<[f64; 2]>> = (0..domain.decisions).map(&mut block).collect();
    let evaluate = move |genotype: &Genotype| {
        let sum = |j: usize| blocks.iter().zip(genotype).map(|(block, gene)| block[gene.option][j]).sum::<f64>();
        let far = genotype.windows(2).filter(|two| two[0].option.abs_diff(two[1].option) > domain.options / 2).count();
        Outcome::Complete { objectives: vec![sum(0), sum(1) + 0.1 * far as f64 / domain.decisions as f64] }
    };
    Problem { name: "library", domain: Box::new(domain), evaluate: Box::new(evaluate), reference: vec![1.3, 1.3] }
}

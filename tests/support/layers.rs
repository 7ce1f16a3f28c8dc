//! A small conditional space of layers, whose exact front is known: depth 2 to 10, and each layer a convolution with kernel
//! and width, a separable one with expansion and kernel, or nothing. Cost adds up; gain depends on the layers before.

use std::collections::HashMap;
use std::sync::Arc;

use pocketnas::pareto;
use pocketnas::search::{Column, CostGraph, Decision, Domain, Genotype, Options, front};
use rand_chacha::ChaCha8Rng;

/// Where the hypervolume ends.
pub const REFERENCE: [f64; 2] = [90.0, 1.0];

const DEEPEST: usize = 10;
const OPS: [&str; 3] = ["conv", "sep", "skip"];
const CONV_KERNELS: [usize; 3] = [3, 5, 7];
const SEP_KERNELS: [usize; 2] = [3, 5];

/// A layer that is not skipped.
#[derive(Clone, Copy)]
struct Layer {
    kernel: usize,
    cost: f64,
    strength: f64,
}

fn conv(kernel: usize, width: usize) -> Layer {
    let (k, w) = (CONV_KERNELS[kernel], [16.0, 32.0, 64.0][width]);
    let side = k as f64;
    Layer { kernel: k, cost: side * side * w / 64.0, strength: 0.10 * side.ln() + 0.04 * f64::ln(w) }
}

fn sep(expand: usize, kernel: usize) -> Layer {
    let (k, e) = (SEP_KERNELS[kernel], [2.0, 4.0, 6.0][expand]);
    let side = k as f64;
    Layer { kernel: k, cost: side * side * e / 16.0, strength: 0.07 * side.ln() + 0.12 * f64::ln(e) }
}

/// What a layer gains behind `before` others, the last of them with kernel `last`.
fn gain(layer: Layer, before: usize, last: Option<usize>) -> f64 {
    let change = last.is_some_and(|last| last != layer.kernel);
    layer.strength * 0.9f64.powi(before as i32) + if change { 0.05 } else { 0.0 }
}

/// The space. Candidates are drawn decision by decision.
#[derive(Clone, Copy, Debug)]
pub struct Layers;

impl Domain for Layers {
    fn walk(&self, answer: &mut dyn FnMut(Decision<'_>) -> usize) -> Option<Genotype> {
        let mut taken = Genotype::new();
        let mut ask = |path: String, options: usize, ordered: bool| {
            let path: Arc<str> = path.into();
            let allowed: Vec<usize> = (0..options).collect();
            let decision = Decision { path: &path, allowed: &allowed, options, weights: None, ordered, default: 0 };
            let option = answer(decision);
            taken.push(pocketnas::search::Gene { path, option });
            option
        };
        for layer in 0..2 + ask("depth".to_owned(), DEEPEST - 1, true) {
            match OPS[ask(format!("{layer}.op"), OPS.len(), false)] {
                "conv" => {
                    ask(format!("{layer}.conv.kernel"), CONV_KERNELS.len(), true);
                    ask(format!("{layer}.conv.width"), 3, true);
                }
                "sep" => {
                    ask(format!("{layer}.sep.expand"), 3, true);
                    ask(format!("{layer}.sep.kernel"), SEP_KERNELS.len(), true);
                }
                _ => {}
            }
        }
        Some(taken)
    }

    fn sample(&self, rng: &mut ChaCha8Rng) -> Option<Genotype> {
        self.walk(&mut |decision| decision.draw(rng))
    }
}

/// Cost and loss of a candidate, both minimised.
pub fn objectives(genotype: &Genotype) -> Vec<f64> {
    let option: HashMap<&str, usize> = genotype.iter().map(|gene| (&*gene.path, gene.option)).collect();
    let (mut cost, mut total, mut before, mut last) = (0.0, 0.0, 0, None);
    for i in 0..2 + option["depth"] {
        let at = |name: &str| option[&*format!("{i}.{name}")];
        let layer = match OPS[at("op")] {
            "conv" => conv(at("conv.kernel"), at("conv.width")),
            "sep" => sep(at("sep.expand"), at("sep.kernel")),
            _ => continue,
        };
        cost += layer.cost;
        total += gain(layer, before, last);
        (before, last) = (before + 1, Some(layer.kernel));
    }
    vec![cost, f64::exp(-total)]
}

/// The whole front, from a graph whose states are what cost and gain depend on: how many layers stand before, and the
/// last kernel. A depth without skipped layers reaches all that skipping reaches, but for fewer than two layers.
pub fn exact_front() -> Vec<Vec<f64>> {
    let kernels = [None, Some(3), Some(5), Some(7)];
    let node = |layer: usize, before: usize, last: usize| (layer * (DEEPEST + 1) + before) * kernels.len() + last;
    let sink = node(DEEPEST + 1, 0, 0);
    let columns = vec![Column::objective("cost", "1"), Column::objective("negative gain", "1")];
    let mut graph = CostGraph::new(columns, sink + 1, node(0, 0, 0), sink).expect("two columns, nodes in range");
    let layers: Vec<Layer> = (0..3)
        .flat_map(|a| (0..3).map(move |b| conv(a, b)))
        .chain((0..3).flat_map(|e| (0..2).map(move |k| sep(e, k))))
        .collect();
    let mut add =
        |from, to, costs: [f64; 2]| graph.add_edge(from, to, &costs).expect("nodes are in range, costs finite");
    for layer in 0..=DEEPEST {
        for before in 0..=layer {
            for (last, &kernel) in kernels.iter().enumerate() {
                let here = node(layer, before, last);
                if layer >= 2 {
                    add(here, sink, [0.0, 0.0]);
                }
                if layer == DEEPEST {
                    continue;
                }
                add(here, node(layer + 1, before, last), [0.0, 0.0]);
                for &next in &layers {
                    let at = kernels.iter().position(|&k| k == Some(next.kernel)).expect("all kernels are listed");
                    add(here, node(layer + 1, before + 1, at), [next.cost, -gain(next, before, kernel)]);
                }
            }
        }
    }
    let found = front(&graph, &Options::default()).expect("the graph is acyclic and has paths");
    assert!(found.complete);
    found.points().map(|point| vec![point.costs[0], point.costs[1].exp()]).collect()
}

/// Hypervolume of the exact front.
pub fn exact_hypervolume() -> f64 {
    pareto::hypervolume(&exact_front(), &REFERENCE)
}

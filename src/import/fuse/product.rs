//! Activations that are products: `x · sigmoid(x)`, `x · relu6(x + 3) / 6`, `x · (1 + erf(x / √2)) / 2`, with their factors
//! in any order.

use std::f64::consts::FRAC_1_SQRT_2;

use super::{Found, Graph, near, number};
use crate::import::model::Node;

/// The activation that ends at a product, if it is one.
pub(super) fn activation(graph: &Graph, root: &Node) -> Option<Found> {
    let (scale, factors) = factors(graph, root.output());
    let found = |op, x: &str, attributes| Some(Found { op, inputs: vec![x.to_owned()], attributes });
    match factors[..] {
        [gate] if near(scale, 1.0 / 6.0) => {
            let x = shifted_relu6(graph, gate)?;
            found("HardSigmoid", x, vec![number("alpha", 1.0 / 6.0), number("beta", 0.5)])
        }
        [a, b] => [(a, b), (b, a)].into_iter().find_map(|(x, gate)| {
            let is_gate_of = |y: Option<&str>| y == Some(x);
            if near(scale, 1.0) && is_gate_of(graph.made(gate, "Sigmoid").and_then(|node| node.input(0))) {
                return found("Swish", x, Vec::new());
            }
            let hard = near(scale, 1.0 / 6.0) && is_gate_of(shifted_relu6(graph, gate));
            if hard || near(scale, 1.0) && is_gate_of(hard_sigmoid(graph, gate)) {
                return found("HardSwish", x, Vec::new());
            }
            if near(scale, 0.5) && is_gate_of(one_plus_erf(graph, gate)) {
                return found("Gelu", x, Vec::new());
            }
            None
        }),
        _ => None,
    }
}

/// The numbers of a product as one, and the other factors. A factor that something else reads is not taken apart.
fn factors<'m>(graph: &Graph<'m>, root: &str) -> (f64, Vec<&'m str>) {
    let (mut scale, mut factors) = (1.0, Vec::new());
    let mut open: Vec<&str> = Vec::new();
    let mut at = graph.maker.get_key_value(root).map(|(name, _)| *name);
    while let Some(tensor) = at.or_else(|| open.pop()) {
        let inside = at.take().is_some() || graph.read_once(tensor);
        if let Some(number) = graph.number(tensor) {
            scale *= number;
        } else if let Some((x, number)) = graph.times(tensor).filter(|_| inside) {
            scale *= number;
            open.push(x);
        } else if let Some((a, b)) = graph.pair(tensor, "Mul").filter(|_| inside) {
            open.extend([a, b]);
        } else {
            factors.push(tensor);
        }
        // No activation has more factors, and a long chain of products is not to be walked from each of its links.
        if factors.len() + open.len() > 4 {
            break;
        }
    }
    (scale, factors)
}

/// `x` of `relu6(x + 3)`.
fn shifted_relu6<'m>(graph: &Graph<'m>, tensor: &str) -> Option<&'m str> {
    let (sum, low, high) = graph.clip(tensor)?;
    let (x, shift) = graph.plus(sum)?;
    (near(shift, 3.0) && low == 0.0 && near(high, 6.0)).then_some(x)
}

/// `x` of a hard sigmoid as MobileNetV3 has it, in one operator or several.
fn hard_sigmoid<'m>(graph: &Graph<'m>, tensor: &str) -> Option<&'m str> {
    if let Some(node) = graph.made(tensor, "HardSigmoid") {
        let (alpha, beta) = (node.float_or("alpha", 0.2), node.float_or("beta", 0.5));
        return node.input(0).filter(|_| near(alpha.into(), 1.0 / 6.0) && near(beta.into(), 0.5));
    }
    let (x, scale) = graph.times(tensor)?;
    shifted_relu6(graph, x).filter(|_| near(scale, 1.0 / 6.0))
}

/// `x` of `1 + erf(x / √2)`.
fn one_plus_erf<'m>(graph: &Graph<'m>, tensor: &str) -> Option<&'m str> {
    let (erf, one) = graph.plus(tensor)?;
    let (x, scale) = graph.times(graph.made(erf, "Erf")?.input(0)?)?;
    (near(one, 1.0) && near(scale, FRAC_1_SQRT_2)).then_some(x)
}

//! Rotary positions (Su et al., 2021, eq. 34): each half of the features is turned with the other by angles that the
//! position gives. `concat(a·cos − b·sin, b·cos + a·sin)`, where `a` and `b` are the halves.

use super::{FOUND, Found, Graph, whole};
use crate::import::constant::Constant;
use crate::import::model::Node;

/// The rotation that ends at a concatenation.
pub(super) fn rotary(graph: &Graph, root: &Node) -> Option<Found> {
    let [left, right] = &root.inputs[..] else { return None };
    let (a_cos, b_sin) = graph.pair(left, "Sub")?;
    let (b_cos, a_sin) = graph.pair(right, "Add")?;
    let table = |tensor: &str| -> Option<(&str, &Constant)> {
        let (x, values) = graph.pair(tensor, "Mul")?;
        Some((x, graph.constant(values)?))
    };
    let (a, cosines) = table(a_cos)?;
    let (b, sines) = table(b_sin)?;
    let (c, more_cosines) = table(b_cos)?;
    let (d, more_sines) = table(a_sin)?;
    if (a, b) != (d, c) || cosines != more_cosines || sines != more_sines {
        return None;
    }
    let split = &graph.nodes[*graph.maker.get(a)?];
    let halves = split.op == "Split" && split.outputs.len() == 2 && split.outputs[0] == a && split.outputs[1] == b;
    let last = |node: &Node| node.int("axis").is_some_and(|axis| axis == -1 || axis == 3);
    if !halves || !last(split) || !last(root) {
        return None;
    }
    let base = base(cosines, sines)?;
    Some(Found {
        op: "Rotate",
        domain: FOUND,
        inputs: vec![split.input(0)?.to_owned()],
        attributes: vec![whole("base", base)],
    })
}

/// The base of the tables `cos(position · base^(−i / half))` and the same of sines, `positions × half`, if they are such.
fn base(cosines: &Constant, sines: &Constant) -> Option<i64> {
    let [positions, half] = cosines.dims[cosines.dims.len().checked_sub(2)?..] else { return None };
    let (cosines, sines) = (cosines.as_floats()?, sines.as_floats()?);
    if cosines.len() != positions * half || sines.len() != cosines.len() {
        return None;
    }
    // The slowest pair of features tells the base best; one pair alone turns by the position, whatever the base.
    let base = if half > 1 && positions > 1 {
        let angle = f64::from(sines[2 * half - 1]).atan2(f64::from(cosines[2 * half - 1]));
        angle.powf(-(half as f64) / (half as f64 - 1.0)).round()
    } else {
        10_000.0
    };
    let is_base = (1.0..=1e9).contains(&base)
        && (0..cosines.len()).all(|at| {
            let angle = (at / half) as f64 * base.powf(-((at % half) as f64) / half as f64);
            (angle.cos() - f64::from(cosines[at])).abs() < 1e-4 && (angle.sin() - f64::from(sines[at])).abs() < 1e-4
        });
    is_base.then_some(base as i64)
}

//! Rotary positions (Su et al., 2021, eq. 34): each half of the features is turned with the other by angles that the
//! position gives. `concat(a·cos − b·sin, b·cos + a·sin)`, where `a` and `b` are the halves.

use super::{Found, Graph, whole};
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
    Some(Found { op: "Rotate", inputs: vec![split.input(0)?.to_owned()], attributes: vec![whole("base", base)] })
}

/// The same as one sum: `x·cos + concat(−b, a)·sin`, where `a` and `b` are the halves of `x`, as the models of Hugging Face
/// have it. Both halves of the tables are the same.
pub(super) fn rotated(graph: &Graph, root: &Node) -> Option<Found> {
    let (left, right) = graph.pair(root.output(), "Add")?;
    let table = |tensor: &str| {
        let (a, b) = graph.pair(tensor, "Mul")?;
        graph.constant(b).map(|values| (a, values)).or_else(|| graph.constant(a).map(|values| (b, values)))
    };
    let ((x, cosines), (turned, sines)) = (table(left)?, table(right)?);
    let joined = graph.made(turned, "Concat")?;
    let [negated, first] = &joined.inputs[..] else { return None };
    let second = graph.made(negated, "Neg")?.input(0)?;
    let width = *cosines.dims.last()?;
    let half = width / 2;
    let last = joined.int("axis").is_some_and(|axis| axis == -1 || axis == 3);
    if !last || width % 2 != 0 || !is_part(graph, first, x, 0, half) || !is_part(graph, second, x, half, width) {
        return None;
    }
    let base = base(&first_half(cosines)?, &first_half(sines)?)?;
    Some(Found { op: "Rotate", inputs: vec![x.to_owned()], attributes: vec![whole("base", base)] })
}

/// Whether a tensor is the part of another along its last axis from one place to another.
fn is_part(graph: &Graph, tensor: &str, of: &str, from: usize, to: usize) -> bool {
    let Some(node) = graph.maker.get(tensor).map(|&at| &graph.nodes[at]).filter(|node| node.input(0) == Some(of))
    else {
        return false;
    };
    let number = |at: usize| node.input(at).and_then(|name| graph.number(name));
    match node.op.as_str() {
        "Split" => node.outputs.len() == 2 && node.outputs[usize::from(from > 0)] == tensor,
        "Slice" => {
            let last = number(3).is_some_and(|axis| axis == -1.0 || axis == 3.0);
            last && number(1) == Some(from as f64)
                && number(2).is_some_and(|end| end == to as f64 || from > 0 && end > to as f64)
        }
        _ => false,
    }
}

/// The first half of each row of a table whose halves are the same.
fn first_half(table: &Constant) -> Option<Constant> {
    let [positions, width] = table.dims[table.dims.len().checked_sub(2)?..] else { return None };
    let values = table.as_floats().filter(|values| values.len() == positions * width && width >= 2)?;
    let same = values.chunks_exact(width).all(|row| row[..width / 2] == row[width / 2..]);
    let halves = values.chunks_exact(width).flat_map(|row| row[..width / 2].iter().copied());
    same.then(|| Constant::floats(vec![positions, width / 2], halves.collect()))
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

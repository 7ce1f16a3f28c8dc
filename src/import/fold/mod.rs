//! Computes what depends on no input: exporters leave chains of `Shape`, `Gather`, `Concat` and arithmetic behind that end
//! in the sizes of a `Reshape`, or in a weight that is turned once more.

mod arithmetic;
mod layout;

use super::constant::{Constant, axis, elements};
use super::model::{Model, Node};
use super::tensor;

/// The most elements that are computed besides those for what the file holds: room for masks and tables of positions, and
/// none for a file of a few bytes that asks for all memory.
const LARGEST: usize = 1 << 26;

/// What may still be computed.
#[derive(Debug)]
pub(super) struct Budget(usize);

impl Budget {
    /// For a file that holds so many elements: its weights may be turned on the way.
    pub(super) fn new(held: usize) -> Self {
        Self(LARGEST.saturating_add(held.saturating_mul(4)))
    }

    /// Sets aside what a tensor of these sizes takes.
    fn take(&mut self, dims: &[usize]) -> Result<usize, String> {
        let count = elements(dims).filter(|&count| count <= self.0);
        let Some(count) = count else {
            let left = self.0;
            return Err(format!("makes a constant of {dims:?}, more than the {left} elements that are still computed"));
        };
        self.0 -= count;
        Ok(count)
    }
}

/// Computes every node that reads constants alone, and takes it out of the model. What cannot be computed stays.
pub(super) fn constants(model: &mut Model, budget: &mut Budget) {
    let nodes = std::mem::take(&mut model.nodes);
    for node in nodes {
        let inputs: Option<Vec<Option<Constant>>> = node
            .inputs
            .iter()
            .map(|name| if name.is_empty() { Some(None) } else { model.constants.get(name).cloned().map(Some) })
            .collect();
        let computed = inputs.and_then(|inputs| compute(&node, &inputs, model.opset, budget).ok().flatten());
        match computed {
            Some(values) => model.constants.extend(node.outputs.into_iter().zip(values)),
            None => model.nodes.push(node),
        }
    }
}

/// What a node makes of constants; nothing where it has no such rule.
///
/// # Errors
/// Constants that do not fit the operator.
pub(super) fn compute(
    node: &Node,
    inputs: &[Option<Constant>],
    opset: i64,
    budget: &mut Budget,
) -> Result<Option<Vec<Constant>>, String> {
    if !node.domain.is_empty() {
        return Ok(None);
    }
    if node.op == "Constant" {
        return constant(node).map(|value| value.map(|value| vec![value]));
    }
    let Some(Some(first)) = inputs.first() else { return Ok(None) };
    let given = |at: usize| inputs.get(at).and_then(Option::as_ref);
    // Without inputs an axis or a size may stand in an attribute, as older versions have it.
    let listed = |at: usize, name: &str| -> Option<Vec<i64>> {
        given(at).map_or_else(|| node.ints(name).map(<[i64]>::to_vec), |value| value.as_ints().map(<[i64]>::to_vec))
    };
    let one = |value: Constant| Ok(Some(vec![value]));
    match node.op.as_str() {
        "Identity" => one(first.clone()),
        "Dropout" if given(2).is_none_or(|training| training.scalar() == Some(0.0)) => one(first.clone()),
        "Cast" => Ok(arithmetic::cast(first, node.int_or("to", 1)).map(|value| vec![value])),
        "DequantizeLinear" if node.int_or("block_size", 0) == 0 => match given(1) {
            Some(scale) => one(arithmetic::dequantized(first, scale, given(2), node.int_or("axis", 1), budget)?),
            None => Ok(None),
        },
        "Shape" => one(shape(node, &first.dims)),
        "Size" => one(Constant::ints(Vec::new(), vec![first.len() as i64])),
        "ConstantOfShape" => {
            let sizes = first.as_ints().ok_or("takes sizes, but gets floating point")?;
            let value = node.tensor("value").map(|value| tensor::read(value, None)).transpose().map_err(|(m, _)| m)?;
            let value = value.unwrap_or_else(|| Constant::floats(vec![1], vec![0.0]));
            let dims = layout::sizes(sizes)?;
            let count = budget.take(&dims)?;
            one(arithmetic::filled(dims, count, &value)?)
        }
        "Range" => match (given(1), given(2)) {
            (Some(limit), Some(step)) => one(arithmetic::range(first, limit, step, budget)?),
            _ => Ok(None),
        },
        "Reshape" | "Squeeze" | "Unsqueeze" | "Flatten" => {
            let new = layout::reshaped(node, &first.dims, given(1))?;
            one(Constant { dims: new, data: first.data.clone() })
        }
        "Transpose" => {
            let order = layout::order(node, first.dims.len())?;
            budget.take(&first.dims)?;
            one(layout::transpose(first, &order))
        }
        "Concat" => {
            let parts: Vec<&Constant> = inputs.iter().flatten().collect();
            one(layout::concat(&parts, node.int_or("axis", 0), budget)?)
        }
        "Gather" => match given(1) {
            Some(at) => one(layout::gather(first, at, node.int_or("axis", 0), budget)?),
            None => Ok(None),
        },
        "Slice" => {
            let (Some(starts), Some(ends)) = (listed(1, "starts"), listed(2, "ends")) else { return Ok(None) };
            let axes = listed(3, "axes").unwrap_or_else(|| (0..starts.len() as i64).collect());
            let steps = listed(4, "steps").unwrap_or_else(|| vec![1; starts.len()]);
            one(layout::slice(first, &starts, &ends, &axes, &steps, budget)?)
        }
        "Split" => {
            let at = axis(node.int_or("axis", 0), first.dims.len()).ok_or("splits an axis that is not there")?;
            let parts = layout::parts(node, first.dims[at], given(1))?;
            budget.take(&first.dims)?;
            layout::split(first, at, &parts, budget).map(Some)
        }
        "Expand" => match given(1).and_then(Constant::as_ints) {
            Some(sizes) => {
                let dims = arithmetic::broadcast(&first.dims, &layout::sizes(sizes)?)?;
                budget.take(&dims)?;
                one(arithmetic::expand(first, &dims))
            }
            None => Ok(None),
        },
        "Trilu" => {
            budget.take(&first.dims)?;
            let diagonal = given(1).and_then(Constant::scalar).unwrap_or(0.0);
            one(layout::triangle(first, diagonal as i64, node.int_or("upper", 1) != 0)?)
        }
        "Where" => match (given(1), given(2)) {
            (Some(a), Some(b)) => one(arithmetic::choose(first, a, b, budget)?),
            _ => Ok(None),
        },
        "Clip" => {
            let limit = |at: usize, name: &str, otherwise: f64| {
                let older = node.attribute(name).map(|_| f64::from(node.float_or(name, 0.0)));
                given(at).and_then(Constant::scalar).or(older).unwrap_or(otherwise)
            };
            budget.take(&first.dims)?;
            one(arithmetic::clamped(first, limit(1, "min", f64::NEG_INFINITY), limit(2, "max", f64::INFINITY)))
        }
        "ReduceProd" | "ReduceSum" | "ReduceMax" if listed(1, "axes").is_none() => {
            one(arithmetic::reduce(&node.op, first, node.int_or("keepdims", 1) != 0))
        }
        "MatMul" => match given(1) {
            Some(second) => arithmetic::product(first, second, budget).map(|value| value.map(|value| vec![value])),
            None => Ok(None),
        },
        "Mod" if node.int_or("fmod", 0) != 0 => {
            arithmetic::elementwise("Remainder", first, given(1), budget).map(|v| v.map(|value| vec![value]))
        }
        op if opset >= 7 => arithmetic::elementwise(op, first, given(1), budget).map(|v| v.map(|value| vec![value])),
        _ => Ok(None),
    }
}

/// The sizes of a tensor, or those from `start` to `end`.
pub(super) fn shape(node: &Node, dims: &[usize]) -> Constant {
    let rank = dims.len() as i64;
    let clamp = |at: i64| (if at < 0 { at.saturating_add(rank) } else { at }).clamp(0, rank) as usize;
    let (start, end) = (clamp(node.int_or("start", 0)), clamp(node.int_or("end", rank)));
    Constant::list(dims[start..end.max(start)].iter().map(|&size| size as i64).collect())
}

/// The value of a `Constant`, whichever attribute holds it.
fn constant(node: &Node) -> Result<Option<Constant>, String> {
    if let Some(value) = node.tensor("value") {
        return tensor::read(value, None).map(Some).map_err(|(message, _)| message);
    }
    if node.attribute("value_float").is_some() {
        return Ok(Some(Constant::floats(Vec::new(), vec![node.float_or("value_float", 0.0)])));
    }
    if let Some(value) = node.int("value_int") {
        return Ok(Some(Constant::ints(Vec::new(), vec![value])));
    }
    if let Some(values) = node.floats("value_floats") {
        return Ok(Some(Constant::floats(vec![values.len()], values.to_vec())));
    }
    Ok(node.ints("value_ints").map(|values| Constant::list(values.to_vec())))
}

/// The value of a node that is one.
pub(super) fn value(node: &Node) -> Option<Constant> {
    constant(node).ok().flatten()
}

pub(super) use layout::{order, parts, reshaped, steps};

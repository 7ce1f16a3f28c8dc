//! Layer norms and root-mean-square norms that stand in a file as means, differences and roots.

use super::{Found, Graph, number, whole};
use crate::import::model::Node;

/// A norm without its scale and its shift.
struct Core<'m> {
    x: &'m str,
    axis: i64,
    epsilon: f64,
    /// Whether the mean is taken off.
    centred: bool,
}

/// The norm that ends at an operator, with what scale and shift it has there.
pub(super) fn norm(graph: &Graph, root: &Node) -> Option<Found> {
    let mut at = root.output();
    let (mut scale, mut shift) = (None, None);
    if let Some((a, b)) = graph.pair(at, "Add") {
        let (rest, values) = if graph.constant(b).is_some() { (a, b) } else { (b, a) };
        if graph.constant(values)?.len() < 2 || !graph.read_once(rest) {
            return None;
        }
        (at, shift) = (rest, Some(values));
    }
    if let Some((a, b)) = graph.pair(at, "Mul") {
        let (rest, values) = if graph.constant(b).is_some() { (a, b) } else { (b, a) };
        if graph.constant(values).is_some() {
            if graph.constant(values)?.len() < 2 || !graph.read_once(rest) {
                return None;
            }
            (at, scale) = (rest, Some(values));
        }
    }
    let core = core(graph, at)?;
    let values = [scale, shift].map(|values| values.unwrap_or_default().to_owned());
    let attributes = vec![whole("axis", core.axis), number("epsilon", core.epsilon)];
    let op = if core.centred { "LayerNormalization" } else { "RMSNormalization" };
    if !core.centred && shift.is_some() {
        return None;
    }
    Some(Found { op, inputs: [vec![core.x.to_owned()], values.into()].concat(), attributes })
}

/// `d / √(mean(d²) + ε)`, where `d` is `x` or `x − mean(x)`.
fn core<'m>(graph: &Graph<'m>, tensor: &str) -> Option<Core<'m>> {
    let (d, raised) = if let Some((d, root)) = graph.pair(tensor, "Div") {
        (d, square_root(graph, root)?)
    } else {
        let (a, b) = graph.pair(tensor, "Mul")?;
        let inverse = |tensor: &str| match graph.made(tensor, "Reciprocal") {
            Some(node) => square_root(graph, node.input(0)?),
            None => power(graph, tensor, -0.5),
        };
        inverse(b).map(|raised| (a, raised)).or_else(|| inverse(a).map(|raised| (b, raised)))?
    };
    let (variance, epsilon) = graph.plus(raised)?;
    let (squares, axis) = mean(graph, variance)?;
    let squared =
        power(graph, squares, 2.0).or_else(|| graph.pair(squares, "Mul").filter(|(a, b)| a == b).map(|(a, _)| a))?;
    if !same(graph, squared, d) {
        return None;
    }
    if let Some((x, m)) = graph.pair(d, "Sub")
        && let Some((averaged, same_axis)) = mean(graph, m)
        && averaged == x
        && same_axis == axis
    {
        return Some(Core { x, axis, epsilon, centred: true });
    }
    Some(Core { x: d, axis, epsilon, centred: false })
}

/// Whether two tensors are one, or the same difference computed twice.
fn same(graph: &Graph, a: &str, b: &str) -> bool {
    a == b || graph.pair(a, "Sub").is_some_and(|pair| graph.pair(b, "Sub") == Some(pair))
}

fn square_root<'m>(graph: &Graph<'m>, tensor: &str) -> Option<&'m str> {
    graph.made(tensor, "Sqrt").and_then(|node| node.input(0)).or_else(|| power(graph, tensor, 0.5))
}

fn power<'m>(graph: &Graph<'m>, tensor: &str, exponent: f64) -> Option<&'m str> {
    let (x, by) = graph.pair(tensor, "Pow")?;
    (graph.number(by)? == exponent).then_some(x)
}

/// What is averaged along one axis that is kept, and the axis.
fn mean<'m>(graph: &Graph<'m>, tensor: &str) -> Option<(&'m str, i64)> {
    let node = graph.made(tensor, "ReduceMean")?;
    let axes = match node.input(1) {
        Some(axes) => graph.constant(axes)?.as_ints()?,
        None => node.ints("axes")?,
    };
    let [axis] = axes[..] else { return None };
    (node.int_or("keepdims", 1) != 0).then_some((node.input(0)?, axis))
}

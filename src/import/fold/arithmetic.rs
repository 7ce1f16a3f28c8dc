//! Arithmetic on constants, with the broadcasting of ONNX (that of NumPy).

use super::Budget;
use crate::import::constant::{Constant, Data, axis, elements};
use crate::onnx::schema::DataType;

/// Values of another type, if it is a known one. Whole numbers are cut off at the point, and wrap at their width, as in C.
pub(super) fn cast(value: &Constant, to: i64) -> Option<Constant> {
    let kind = i32::try_from(to).ok().and_then(|to| DataType::try_from(to).ok())?;
    let dims = value.dims.clone();
    let wrapped = |x: i64| match kind {
        DataType::Int32 => i64::from(x as i32),
        DataType::Int8 => i64::from(x as i8),
        DataType::Uint8 => i64::from(x as u8),
        _ => x,
    };
    Some(match (kind, &value.data) {
        (DataType::Undefined, _) => return None,
        (DataType::Float | DataType::Double | DataType::Float16 | DataType::Bfloat16, Data::Ints(values)) => {
            Constant::floats(dims, values.iter().map(|&x| x as f32).collect())
        }
        (DataType::Bool, _) => Constant::ints(dims, value.numbers().iter().map(|&x| i64::from(x != 0.0)).collect()),
        (DataType::Float | DataType::Double | DataType::Float16 | DataType::Bfloat16, Data::Floats(_)) => value.clone(),
        (_, Data::Floats(values)) => Constant::ints(dims, values.iter().map(|&x| wrapped(x as i64)).collect()),
        (_, Data::Ints(values)) => Constant::ints(dims, values.iter().map(|&x| wrapped(x)).collect()),
    })
}

/// Quantized values as the numbers that they stand for, `(x - zero) · scale`, with a scale for all or for each index of an
/// axis.
pub(super) fn dequantized(
    value: &Constant,
    scale: &Constant,
    zero: Option<&Constant>,
    along: i64,
    budget: &mut Budget,
) -> Result<Constant, String> {
    let (Some(steps), Some(scales)) = (value.as_ints(), scale.as_floats()) else {
        return Err("takes whole numbers and a scale of floating point".to_owned());
    };
    let zeros = match zero {
        Some(zero) => zero.as_ints().ok_or("has a zero of floating point")?.to_vec(),
        None => vec![0; scales.len()],
    };
    // Before version 13 no axis is named, and one scale is for all.
    let (inner, count) = match scales.len() {
        1 => (value.len().max(1), 1),
        _ => {
            let along = axis(along, value.dims.len()).ok_or("scales along an axis that is not there")?;
            (value.dims[along + 1..].iter().product::<usize>().max(1), value.dims[along])
        }
    };
    if scales.len() != count || zeros.len() != count {
        return Err(format!("has {} scales and {} zeros for {count} parts", scales.len(), zeros.len()));
    }
    budget.take(&value.dims)?;
    let number = |(at, &step): (usize, &i64)| {
        let part = at / inner % count;
        step.saturating_sub(zeros[part]) as f32 * scales[part]
    };
    Ok(Constant::floats(value.dims.clone(), steps.iter().enumerate().map(number).collect()))
}

/// The same value everywhere.
pub(super) fn filled(dims: Vec<usize>, count: usize, value: &Constant) -> Result<Constant, String> {
    match (&value.data, value.len()) {
        (Data::Floats(values), 1) => Ok(Constant::floats(dims, vec![values[0]; count])),
        (Data::Ints(values), 1) => Ok(Constant::ints(dims, vec![values[0]; count])),
        (_, many) => Err(format!("fills a tensor with {many} values, but takes one")),
    }
}

/// `start`, `start + step`, … below `limit`.
pub(super) fn range(
    start: &Constant,
    limit: &Constant,
    step: &Constant,
    budget: &mut Budget,
) -> Result<Constant, String> {
    let (Some(from), Some(to), Some(by)) = (start.scalar(), limit.scalar(), step.scalar()) else {
        return Err("takes three numbers".to_owned());
    };
    let count = ((to - from) / by).ceil();
    if !count.is_finite() || count >= 1e15 {
        return Err(format!("counts from {from} to {to} in steps of {by}"));
    }
    let count = budget.take(&[count.max(0.0) as usize])?;
    let values = (0..count).map(|at| from + at as f64 * by);
    Ok(if start.is_float() {
        Constant::floats(vec![count], values.map(|x| x as f32).collect())
    } else {
        Constant::list(values.map(|x| x as i64).collect())
    })
}

/// The sizes that two tensors are spread to.
pub(super) fn broadcast(a: &[usize], b: &[usize]) -> Result<Vec<usize>, String> {
    let rank = a.len().max(b.len());
    let size = |dims: &[usize], at: usize| (at + dims.len()).checked_sub(rank).map_or(1, |at| dims[at]);
    (0..rank)
        .map(|at| match (size(a, at), size(b, at)) {
            (x, y) if x == y || y == 1 => Ok(x),
            (1, y) => Ok(y),
            _ => Err(format!("joins tensors of {a:?} and {b:?}, which do not fit")),
        })
        .collect()
}

/// For each element of `to`, the element of a tensor of `dims` that is spread to it.
fn spread(dims: &[usize], to: &[usize]) -> Vec<usize> {
    let count = elements(to).unwrap_or(0);
    let mut strides = vec![0; to.len()];
    let mut stride = 1;
    for (at, &size) in dims.iter().enumerate().rev() {
        strides[at + to.len() - dims.len()] = if size == 1 { 0 } else { stride };
        stride *= size;
    }
    let mut index = vec![0; to.len()];
    let mut at = 0;
    let mut places = Vec::with_capacity(count);
    for _ in 0..count {
        places.push(at);
        for axis in (0..to.len()).rev() {
            index[axis] += 1;
            at += strides[axis];
            if index[axis] < to[axis] {
                break;
            }
            at -= strides[axis] * to[axis];
            index[axis] = 0;
        }
    }
    places
}

/// A tensor spread to larger sizes.
pub(super) fn expand(value: &Constant, dims: &[usize]) -> Constant {
    pick(value, dims.to_vec(), &spread(&value.dims, dims))
}

/// The elements at these places.
pub(super) fn pick(value: &Constant, dims: Vec<usize>, places: &[usize]) -> Constant {
    match &value.data {
        Data::Floats(values) => Constant::floats(dims, places.iter().map(|&at| values[at]).collect()),
        Data::Ints(values) => Constant::ints(dims, places.iter().map(|&at| values[at]).collect()),
    }
}

/// Elements of `a` where `condition` is true, of `b` elsewhere.
pub(super) fn choose(
    condition: &Constant,
    a: &Constant,
    b: &Constant,
    budget: &mut Budget,
) -> Result<Constant, String> {
    let dims = broadcast(&broadcast(&condition.dims, &a.dims)?, &b.dims)?;
    budget.take(&dims)?;
    let truth = expand(condition, &dims).numbers();
    match (expand(a, &dims).data, expand(b, &dims).data) {
        (Data::Floats(a), Data::Floats(b)) => {
            let chosen = truth.iter().enumerate().map(|(at, &t)| if t != 0.0 { a[at] } else { b[at] });
            Ok(Constant::floats(dims, chosen.collect()))
        }
        (Data::Ints(a), Data::Ints(b)) => {
            let chosen = truth.iter().enumerate().map(|(at, &t)| if t != 0.0 { a[at] } else { b[at] });
            Ok(Constant::ints(dims, chosen.collect()))
        }
        _ => Err("chooses between whole numbers and floating point".to_owned()),
    }
}

/// Elements kept within limits; the upper one wins where they cross, as in NumPy.
pub(super) fn clamped(value: &Constant, low: f64, high: f64) -> Constant {
    let dims = value.dims.clone();
    match &value.data {
        Data::Floats(values) => {
            Constant::floats(dims, values.iter().map(|&x| f64::from(x).max(low).min(high) as f32).collect())
        }
        // Limits of whole numbers are whole, and infinite ones saturate.
        Data::Ints(values) => {
            Constant::ints(dims, values.iter().map(|&x| x.max(low as i64).min(high as i64)).collect())
        }
    }
}

/// All elements as one.
pub(super) fn reduce(op: &str, value: &Constant, keep: bool) -> Constant {
    let dims = if keep { vec![1; value.dims.len()] } else { Vec::new() };
    match &value.data {
        Data::Ints(values) => {
            let all = values.iter().copied();
            let one = match op {
                "ReduceProd" => all.fold(1i64, i64::saturating_mul),
                "ReduceSum" => all.fold(0i64, i64::saturating_add),
                _ => all.fold(i64::MIN, i64::max),
            };
            Constant::ints(dims, vec![one])
        }
        Data::Floats(values) => {
            let all = values.iter().copied();
            let one = match op {
                "ReduceProd" => all.product(),
                "ReduceSum" => all.sum(),
                _ => all.fold(f32::NEG_INFINITY, f32::max),
            };
            Constant::floats(dims, vec![one])
        }
    }
}

/// Functions of one number, or of two.
pub(super) fn elementwise(
    op: &str,
    first: &Constant,
    second: Option<&Constant>,
    budget: &mut Budget,
) -> Result<Option<Constant>, String> {
    let Some(second) = second else { return unary(op, first, budget) };
    let truth = matches!(op, "Equal" | "Less" | "LessOrEqual" | "Greater" | "GreaterOrEqual" | "And" | "Or");
    if !truth && !matches!(op, "Add" | "Sub" | "Mul" | "Div" | "Pow" | "Min" | "Max" | "Mod" | "Remainder") {
        return Ok(None);
    }
    let dims = broadcast(&first.dims, &second.dims)?;
    budget.take(&dims)?;
    let (a, b) = (expand(first, &dims), expand(second, &dims));
    if let (Data::Ints(a), Data::Ints(b), false) = (&a.data, &b.data, truth) {
        let pairs = a.iter().zip(b.iter()).map(|(&a, &b)| whole(op, a, b));
        let values = pairs.collect::<Option<Vec<i64>>>();
        return values
            .map(|values| Some(Constant::ints(dims, values)))
            .ok_or_else(|| "computes a size that overflows, or divides by zero".to_owned());
    }
    let floats = a.is_float();
    if op == "Mod" {
        return Err("takes the remainder of floating point without fmod=1".to_owned());
    }
    let pairs = a.numbers().into_iter().zip(b.numbers());
    if truth {
        return Ok(Some(Constant::ints(dims, pairs.map(|(a, b)| i64::from(compare(op, a, b))).collect())));
    }
    let values = pairs.map(|(a, b)| match op {
        "Add" => a + b,
        "Sub" => a - b,
        "Mul" => a * b,
        "Div" => a / b,
        "Pow" => a.powf(b),
        "Min" => a.min(b),
        "Max" => a.max(b),
        _ => a % b,
    });
    Ok(Some(if floats {
        Constant::floats(dims, values.map(|x| x as f32).collect())
    } else {
        Constant::ints(dims, values.map(|x| x as i64).collect())
    }))
}

/// A product of stacks of matrices, as exporters leave one of positions and speeds behind; nothing where they are no such
/// stacks of floating point.
pub(super) fn product(a: &Constant, b: &Constant, budget: &mut Budget) -> Result<Option<Constant>, String> {
    let ([lead @ .., rows, inner], [others @ .., same, columns]) = (&a.dims[..], &b.dims[..]) else { return Ok(None) };
    let (Some(left), Some(right), true) = (a.as_floats(), b.as_floats(), inner == same) else { return Ok(None) };
    let batches: usize = lead.iter().product();
    let repeated = others.iter().all(|&size| size == 1);
    if lead != others && !repeated {
        return Ok(None);
    }
    let dims = [lead, &[*rows, *columns]].concat();
    // The work is bounded as the result is.
    budget.take(&[batches, *rows, *columns, *inner])?;
    let mut values = Vec::with_capacity(batches * rows * columns);
    for batch in 0..batches {
        let right = if repeated { right } else { &right[batch * inner * columns..] };
        for row in 0..*rows {
            let left = &left[(batch * rows + row) * inner..][..*inner];
            for column in 0..*columns {
                let sum: f64 =
                    (0..*inner).map(|at| f64::from(left[at]) * f64::from(right[at * columns + column])).sum();
                values.push(sum as f32);
            }
        }
    }
    Ok(Some(Constant::floats(dims, values)))
}

fn compare(op: &str, a: f64, b: f64) -> bool {
    match op {
        "Equal" => a == b,
        "Less" => a < b,
        "LessOrEqual" => a <= b,
        "Greater" => a > b,
        "GreaterOrEqual" => a >= b,
        "And" => a != 0.0 && b != 0.0,
        _ => a != 0.0 || b != 0.0,
    }
}

fn whole(op: &str, a: i64, b: i64) -> Option<i64> {
    match op {
        "Add" => a.checked_add(b),
        "Sub" => a.checked_sub(b),
        "Mul" => a.checked_mul(b),
        "Div" => a.checked_div(b),
        "Pow" => u32::try_from(b).ok().and_then(|b| a.checked_pow(b)),
        "Min" => Some(a.min(b)),
        "Max" => Some(a.max(b)),
        "Remainder" => a.checked_rem(b),
        // The sign is that of the divisor, as in Python.
        _ => a.checked_rem(b).map(|rest| if rest != 0 && (rest < 0) != (b < 0) { rest + b } else { rest }),
    }
}

fn unary(op: &str, value: &Constant, budget: &mut Budget) -> Result<Option<Constant>, String> {
    let function: fn(f64) -> f64 = match op {
        "Sqrt" => f64::sqrt,
        "Neg" => |x| -x,
        "Reciprocal" => f64::recip,
        "Floor" => f64::floor,
        "Ceil" => f64::ceil,
        "Abs" => f64::abs,
        "Exp" => f64::exp,
        "Log" => f64::ln,
        "Sin" => f64::sin,
        "Cos" => f64::cos,
        "Not" => |x| if x == 0.0 { 1.0 } else { 0.0 },
        _ => return Ok(None),
    };
    budget.take(&value.dims)?;
    Ok(Some(match &value.data {
        Data::Floats(values) => {
            Constant::floats(value.dims.clone(), values.iter().map(|&x| function(f64::from(x)) as f32).collect())
        }
        Data::Ints(values) => {
            Constant::ints(value.dims.clone(), values.iter().map(|&x| function(x as f64) as i64).collect())
        }
    }))
}

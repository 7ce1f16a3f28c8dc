//! Constants in other sizes and orders, and the rules by which operators find new sizes, which hold for tensors that are
//! not constant too.

use super::Budget;
use super::arithmetic::pick;
use crate::import::constant::{Constant, axis, elements};
use crate::import::model::Node;

/// Sizes as a file has them.
pub(super) fn sizes(values: &[i64]) -> Result<Vec<usize>, String> {
    let whole = values.iter().map(|&size| usize::try_from(size).ok());
    whole.collect::<Option<Vec<usize>>>().ok_or_else(|| format!("has the sizes {values:?}, which are not all counts"))
}

/// The sizes after a `Reshape`, `Squeeze`, `Unsqueeze` or `Flatten` of a tensor of `dims`.
pub(in crate::import) fn reshaped(
    node: &Node,
    dims: &[usize],
    second: Option<&Constant>,
) -> Result<Vec<usize>, String> {
    let listed = |name: &str| -> Result<Option<Vec<i64>>, String> {
        match second {
            Some(value) => {
                value.as_ints().map(|v| Some(v.to_vec())).ok_or_else(|| format!("has floating point as its {name}"))
            }
            None => Ok(node.ints(name).map(<[i64]>::to_vec)),
        }
    };
    let rank = dims.len();
    match node.op.as_str() {
        "Flatten" => {
            let at = node.int_or("axis", 1);
            let at = if at == rank as i64 { Some(rank) } else { axis(at, rank) };
            let at = at.ok_or_else(|| format!("flattens from an axis that {dims:?} does not have"))?;
            Ok(vec![dims[..at].iter().product(), dims[at..].iter().product()])
        }
        "Squeeze" => match listed("axes")? {
            None => Ok(dims.iter().copied().filter(|&size| size != 1).collect()),
            Some(axes) => {
                let axes = axes.iter().map(|&at| axis(at, rank)).collect::<Option<Vec<_>>>();
                let axes = axes.filter(|axes| axes.iter().all(|&at| dims[at] == 1));
                let axes =
                    axes.ok_or_else(|| format!("squeezes axes of {dims:?} that are not there or not of size 1"))?;
                Ok((0..rank).filter(|at| !axes.contains(at)).map(|at| dims[at]).collect())
            }
        },
        "Unsqueeze" => {
            let axes = listed("axes")?.ok_or("names no axes")?;
            let rank = rank + axes.len();
            let mut axes =
                axes.iter().map(|&at| axis(at, rank)).collect::<Option<Vec<_>>>().ok_or("names axes out of range")?;
            axes.sort_unstable();
            axes.dedup();
            if axes.len() + dims.len() != rank {
                return Err("names an axis twice".to_owned());
            }
            let mut rest = dims.iter().copied();
            Ok((0..rank).map(|at| if axes.contains(&at) { 1 } else { rest.next().unwrap_or(1) }).collect())
        }
        _ => {
            let wanted = listed("shape")?.ok_or("names no sizes")?;
            let all = elements(dims).ok_or("has sizes that overflow")?;
            let copied = node.int_or("allowzero", 0) == 0;
            let mut open = None;
            let mut new = Vec::with_capacity(wanted.len());
            for (at, &size) in wanted.iter().enumerate() {
                new.push(match size {
                    -1 if open.is_none() => {
                        open = Some(at);
                        1
                    }
                    0 if copied => {
                        *dims.get(at).ok_or_else(|| format!("keeps size {at} of {dims:?}, which has none"))?
                    }
                    size => usize::try_from(size).map_err(|_| format!("has the sizes {wanted:?}"))?,
                });
            }
            let given = elements(&new).ok_or_else(|| format!("has the sizes {wanted:?}, which overflow"))?;
            if let Some(at) = open {
                if given == 0 || !all.is_multiple_of(given) {
                    return Err(format!("gives the {all} elements of {dims:?} the sizes {wanted:?}"));
                }
                new[at] = all / given;
            } else if given != all {
                return Err(format!("gives the {all} elements of {dims:?} the sizes {wanted:?}"));
            }
            Ok(new)
        }
    }
}

/// The order of the axes after a `Transpose`; reversed where none is given.
pub(in crate::import) fn order(node: &Node, rank: usize) -> Result<Vec<usize>, String> {
    let Some(order) = node.ints("perm") else { return Ok((0..rank).rev().collect()) };
    let wrong = || format!("orders {rank} axes by {order:?}");
    let order = order.iter().map(|&at| axis(at, rank)).collect::<Option<Vec<_>>>().ok_or_else(wrong)?;
    let mut seen = vec![false; rank];
    order.iter().for_each(|&at| seen[at] = true);
    if order.len() != rank || seen.contains(&false) { Err(wrong()) } else { Ok(order) }
}

pub(super) fn transpose(value: &Constant, order: &[usize]) -> Constant {
    let dims: Vec<usize> = order.iter().map(|&at| value.dims[at]).collect();
    let mut strides = vec![1; value.dims.len()];
    for at in (1..value.dims.len()).rev() {
        strides[at - 1] = strides[at] * value.dims[at];
    }
    let places: Vec<usize> = (0..value.len())
        .map(|mut index| {
            let mut place = 0;
            for (&size, &from) in dims.iter().zip(order).rev() {
                place += index % size * strides[from];
                index /= size;
            }
            place
        })
        .collect();
    pick(value, dims, &places)
}

pub(super) fn concat(parts: &[&Constant], at: i64, budget: &mut Budget) -> Result<Constant, String> {
    let first = parts[0];
    let at = axis(at, first.dims.len()).ok_or("joins along an axis that is not there")?;
    let mut dims = first.dims.clone();
    dims[at] = 0;
    for part in parts {
        let agrees = part.dims.len() == dims.len() && (0..dims.len()).all(|i| i == at || part.dims[i] == first.dims[i]);
        if !agrees || part.is_float() != first.is_float() {
            return Err(format!("joins tensors of {:?} and {:?}", first.dims, part.dims));
        }
        dims[at] = dims[at].checked_add(part.dims[at]).ok_or("joins tensors whose sizes overflow")?;
    }
    budget.take(&dims)?;
    let outer: usize = dims[..at].iter().product();
    let inner = |part: &Constant| part.dims[at..].iter().product::<usize>();
    if first.is_float() {
        let mut values = Vec::new();
        for row in 0..outer {
            parts
                .iter()
                .for_each(|part| values.extend(&part.as_floats().unwrap_or(&[])[row * inner(part)..][..inner(part)]));
        }
        Ok(Constant::floats(dims, values))
    } else {
        let mut values = Vec::new();
        for row in 0..outer {
            parts
                .iter()
                .for_each(|part| values.extend(&part.as_ints().unwrap_or(&[])[row * inner(part)..][..inner(part)]));
        }
        Ok(Constant::ints(dims, values))
    }
}

pub(super) fn gather(value: &Constant, at: &Constant, along: i64, budget: &mut Budget) -> Result<Constant, String> {
    let along = axis(along, value.dims.len()).ok_or("gathers along an axis that is not there")?;
    let size = value.dims[along];
    let indices = at.as_ints().ok_or("gathers at floating point")?;
    let indices: Vec<usize> = indices
        .iter()
        .map(|&index| axis(index, size).ok_or_else(|| format!("gathers index {index} of {size}")))
        .collect::<Result<_, _>>()?;
    let dims: Vec<usize> = [&value.dims[..along], &at.dims, &value.dims[along + 1..]].concat();
    let count = budget.take(&dims)?;
    let inner: usize = value.dims[along + 1..].iter().product();
    let outer: usize = value.dims[..along].iter().product();
    let mut places = Vec::with_capacity(count);
    for row in 0..outer {
        for &index in &indices {
            let start = (row * size + index) * inner;
            places.extend(start..start + inner);
        }
    }
    Ok(pick(value, dims, &places))
}

/// The first index, the step and the number of steps of a slice along an axis of `size`.
pub(in crate::import) fn steps(size: usize, start: i64, end: i64, step: i64) -> Option<(usize, i64, usize)> {
    let size = i64::try_from(size).ok()?;
    let from_end = |at: i64| if at < 0 { at.saturating_add(size) } else { at };
    let (start, end) = if step > 0 {
        (from_end(start).clamp(0, size), from_end(end).clamp(0, size))
    } else {
        (from_end(start).clamp(-1, size - 1), from_end(end).clamp(-1, size - 1))
    };
    let span = if step > 0 { end.checked_sub(start)? } else { start.checked_sub(end)? };
    let count = if span <= 0 { 0 } else { (span - 1) / step.checked_abs()? + 1 };
    Some((usize::try_from(start).unwrap_or(0), step, usize::try_from(count).ok()?))
}

pub(super) fn slice(
    value: &Constant,
    starts: &[i64],
    ends: &[i64],
    axes: &[i64],
    strides: &[i64],
    budget: &mut Budget,
) -> Result<Constant, String> {
    let mut current = value.clone();
    for (at, &along) in axes.iter().enumerate() {
        let wrong = || format!("slices {:?} at {starts:?} to {ends:?} along {axes:?}", value.dims);
        let along = axis(along, current.dims.len()).ok_or_else(wrong)?;
        let (Some(&start), Some(&end), Some(&step)) = (starts.get(at), ends.get(at), strides.get(at)) else {
            return Err(wrong());
        };
        let (first, step, count) =
            (step != 0).then(|| steps(current.dims[along], start, end, step)).flatten().ok_or_else(wrong)?;
        budget.take(&[count])?;
        let indices: Vec<i64> = (0..count as i64).map(|index| first as i64 + index * step).collect();
        current = gather(&current, &Constant::list(indices), along as i64, budget)?;
    }
    Ok(current)
}

/// The sizes of the parts of a `Split` of an axis of `size`.
pub(in crate::import) fn parts(node: &Node, size: usize, second: Option<&Constant>) -> Result<Vec<usize>, String> {
    let listed = second.and_then(Constant::as_ints).or_else(|| node.ints("split"));
    let parts = match listed {
        Some(parts) => sizes(parts)?,
        None => {
            let count = node.int("num_outputs").and_then(|n| usize::try_from(n).ok()).unwrap_or(node.outputs.len());
            if count == 0 || count > size {
                return Err(format!("splits {size} into {count} parts"));
            }
            // The last part is the smaller one.
            let each = size.div_ceil(count);
            (0..count).map(|at| each.min(size.saturating_sub(at * each))).collect()
        }
    };
    let sum = parts.iter().try_fold(0usize, |sum, &part| sum.checked_add(part));
    if sum != Some(size) || parts.len() < node.outputs.len() {
        return Err(format!("splits {size} into parts of {parts:?}"));
    }
    Ok(parts)
}

pub(super) fn split(
    value: &Constant,
    at: usize,
    parts: &[usize],
    budget: &mut Budget,
) -> Result<Vec<Constant>, String> {
    let mut start = 0i64;
    let mut values = Vec::with_capacity(parts.len());
    for &part in parts {
        let indices = (start..start + part as i64).collect();
        values.push(gather(value, &Constant::list(indices), at as i64, budget)?);
        start += part as i64;
    }
    Ok(values)
}

/// The elements above or below a diagonal of the last two axes, zeros elsewhere.
pub(super) fn triangle(value: &Constant, diagonal: i64, upper: bool) -> Result<Constant, String> {
    let [.., rows, columns] = value.dims[..] else { return Err("needs a matrix".to_owned()) };
    let kept = |at: usize| {
        let (row, column) = ((at / columns % rows.max(1)) as i64, (at % columns) as i64);
        let beyond = column.saturating_sub(row);
        if upper { beyond >= diagonal } else { beyond <= diagonal }
    };
    Ok(match (value.as_floats(), value.as_ints()) {
        (Some(values), _) => {
            let kept = values.iter().enumerate().map(|(at, &x)| if kept(at) { x } else { 0.0 });
            Constant::floats(value.dims.clone(), kept.collect())
        }
        (_, values) => {
            let kept = values.unwrap_or(&[]).iter().enumerate().map(|(at, &x)| if kept(at) { x } else { 0 });
            Constant::ints(value.dims.clone(), kept.collect())
        }
    })
}

//! Scaled dot-product attention in standard operators (Vaswani et al., 2017, eq. 1), with grouped heads (Ainslie et al.,
//! 2023) and rotary positions (Su et al., 2021, eq. 34).

use super::OnnxError;
use super::writer::{Scope, Value, int};
use crate::graph::Attention;

/// Writes an attention of queries, keys and values. Queries that share a head of keys are laid one below the other, so
/// that no key is ever repeated.
pub(super) fn attention(a: &Attention, inputs: &[Value], mut scope: Scope) -> Result<(), OnnxError> {
    let [queries, keys, values] = inputs else { unreachable!("an attention takes three inputs") };
    let (tokens, others) = (queries.sizes[0], keys.sizes[0]);
    let (width, value_width) = (queries.sizes[1] / a.heads, values.sizes[1] / a.kv_heads);
    let (groups, rows) = (a.kv_heads, a.heads / a.kv_heads * tokens);

    let mut query = split("query", queries, a.heads, &mut scope)?;
    let mut key = split("key", keys, a.kv_heads, &mut scope)?;
    let value = split("value", values, a.kv_heads, &mut scope)?;
    if let Some(base) = a.rotary {
        query = rotate("query", &query, base, &mut scope)?;
        key = rotate("key", &key, base, &mut scope)?;
    }
    let grouped = a.heads != a.kv_heads;
    if grouped {
        query = scope.reshape("query.grouped", &query, &[groups, rows, width])?;
    }
    let turned = scope.transpose("key.turned", &key, &[0, 1, 3, 2]);
    let products = scope.step("products", "MatMul", &[&query.name, &turned.name], Vec::new(), &[groups, rows, others]);
    let scale = scope.number(&format!("one_over_root_{width}"), (1.0 / (width as f64).sqrt()) as f32)?;
    let mut scores = scope.step("scores", "Mul", &[&products.name, &scale], Vec::new(), &products.sizes);
    if a.causal {
        if grouped {
            scores = scope.reshape("scores.by_head", &scores, &[a.heads, tokens, others])?;
        }
        let mask = scope.table(&format!("causal_{tokens}"), &[tokens, others], || causal(tokens))?;
        scores = scope.step("scores.masked", "Add", &[&scores.name, &mask], Vec::new(), &scores.sizes);
        if grouped {
            scores = scope.reshape("scores.grouped", &scores, &[groups, rows, others])?;
        }
    }
    let shares = scope.step("shares", "Softmax", &[&scores.name], vec![int("axis", -1)], &scores.sizes);
    let mut mixed =
        scope.step("mixed", "MatMul", &[&shares.name, &value.name], Vec::new(), &[groups, rows, value_width]);
    if grouped {
        mixed = scope.reshape("mixed.by_head", &mixed, &[a.heads, tokens, value_width])?;
    }
    let joined = scope.transpose("mixed.turned", &mixed, &[0, 2, 1, 3]);
    let sizes = scope.sizes();
    let to = scope.keeping_batch(&sizes)?;
    scope.last("Reshape", &[&joined.name, &to], Vec::new());
    Ok(())
}

/// Tokens of features become heads of tokens of fewer features.
fn split(label: &str, value: &Value, heads: usize, scope: &mut Scope) -> Result<Value, OnnxError> {
    let sizes = [value.sizes[0], heads, value.sizes[1] / heads];
    let parted = scope.reshape(&format!("{label}.parted"), value, &sizes)?;
    Ok(scope.transpose(&format!("{label}.heads"), &parted, &[0, 2, 1, 3]))
}

/// Turns feature `i` with feature `i + half` by the angle of the token's position.
fn rotate(label: &str, value: &Value, base: usize, scope: &mut Scope) -> Result<Value, OnnxError> {
    let (tokens, half) = (value.sizes[1], value.sizes[2] / 2);
    let table = |function: fn(f64) -> f64| move || angles(tokens, half, base).map(|a| function(a) as f32).collect();
    let cosines = scope.table(&format!("cosines_{tokens}_{half}_{base}"), &[tokens, half], table(f64::cos))?;
    let sines = scope.table(&format!("sines_{tokens}_{half}_{base}"), &[tokens, half], table(f64::sin))?;
    let [first, second] = scope.halves(label, value);
    let mut times = |name: &str, half: &Value, table: &str| {
        scope.step(&format!("{label}.{name}"), "Mul", &[&half.name, table], Vec::new(), &half.sizes)
    };
    let (first_cos, second_sin) = (times("first.cos", &first, &cosines), times("second.sin", &second, &sines));
    let (second_cos, first_sin) = (times("second.cos", &second, &cosines), times("first.sin", &first, &sines));
    let left = [first_cos.name.as_str(), &second_sin.name];
    let left = scope.step(&format!("{label}.first.turned"), "Sub", &left, Vec::new(), &first.sizes);
    let right = [second_cos.name.as_str(), &first_sin.name];
    let right = scope.step(&format!("{label}.second.turned"), "Add", &right, Vec::new(), &second.sizes);
    let both = [left.name.as_str(), &right.name];
    Ok(scope.step(&format!("{label}.rotated"), "Concat", &both, vec![int("axis", -1)], &value.sizes))
}

/// The angle of each token and pair of features: `position · base^(−i / half)`.
fn angles(tokens: usize, half: usize, base: usize) -> impl Iterator<Item = f64> {
    let speed = move |i: usize| (base as f64).powf(-(i as f64) / half as f64);
    (0..tokens).flat_map(move |position| (0..half).map(move |i| position as f64 * speed(i)))
}

/// 0 where a token may look, minus infinity after it.
fn causal(tokens: usize) -> Vec<f32> {
    let seen = |row: usize, column: usize| if column <= row { 0.0 } else { f32::NEG_INFINITY };
    (0..tokens).flat_map(|row| (0..tokens).map(move |column| seen(row, column))).collect()
}

//! Scaled dot-product attention (Vaswani et al., 2017, eq. 1) with shared key and value heads, a causal mask and
//! rotary embedding (Su et al., 2021, eq. 34), in the tensor algebra of dfdx.

use ::dfdx::prelude::*;

use super::{Number, Plain, Samples, Tape, Taped};
use crate::graph::{Attention, Shape};

/// `[batch, heads, tokens, width of a head]`.
type Heads = (usize, usize, usize, usize);

/// What is added to the score of a token that must not be seen. Infinity would make the gradient of its weight, which
/// is zero, not a number.
const HIDDEN: f64 = -1e30;

/// Attention of queries, keys and values of those shapes.
pub(super) fn attention<E: Number>(
    attention: &Attention,
    shapes: [Shape; 3],
    [queries, keys, values]: [Taped<Samples, E>; 3],
) -> Taped<Samples, E> {
    let mut queries = split(queries, shapes[0], attention.heads);
    let mut keys = split(keys, shapes[1], attention.kv_heads);
    let values = split(values, shapes[2], attention.kv_heads);
    if let Some(base) = attention.rotary {
        queries = rotate(queries, base);
        keys = rotate(keys, base);
    }
    let (batch, heads, tokens, width) = *queries.shape();
    let keys = share(keys, heads).permute::<Heads, Axes4<0, 1, 3, 2>>();
    let values = share(values, heads);
    let mut scores = queries.matmul(keys) * E::of(1.0 / (width as f64).sqrt());
    if attention.causal {
        let hidden = (0..tokens * tokens).map(|at| E::of(if at % tokens > at / tokens { HIDDEN } else { 0.0 }));
        let mask: Plain<Samples, E> = scores.device().tensor_from_vec(hidden.collect(), (tokens, tokens));
        let shape = *scores.shape();
        scores = scores + mask.broadcast_like::<_, Axes2<0, 1>>(&shape);
    }
    let mixed = scores.softmax::<Axis<3>>().matmul(values);
    let (.., width) = *mixed.shape();
    mixed.permute::<Heads, Axes4<0, 2, 1, 3>>().reshape_like(&(batch, tokens * heads * width))
}

/// Splits the features of each token among the heads.
fn split<E: Number>(x: Taped<Samples, E>, shape: Shape, heads: usize) -> Taped<Heads, E> {
    let (batch, _) = *x.shape();
    let (tokens, _) = shape.size();
    x.reshape_like(&(batch, tokens, heads, shape.channels() / heads)).permute::<Heads, Axes4<0, 2, 1, 3>>()
}

/// Repeats each head of keys or values for all the heads of queries it serves, which stand together.
fn share<E: Number>(x: Taped<Heads, E>, heads: usize) -> Taped<Heads, E> {
    let (batch, groups, tokens, width) = *x.shape();
    x.broadcast_like::<_, Axis<2>>(&(batch, groups, heads / groups, tokens, width))
        .reshape_like(&(batch, heads, tokens, width))
}

/// Turns features `i` and `i + half` of the token at position `p` by the angle `p · base^(−i / half)`.
fn rotate<E: Number>(x: Taped<Heads, E>, base: usize) -> Taped<Heads, E> {
    let shape = *x.shape();
    let (batch, heads, tokens, width) = shape;
    let half = width / 2;
    let angles = |of: fn(f64) -> f64| -> Plain<Samples, E> {
        let angle = |at: usize| {
            let (position, feature) = (at / width, at % width % half);
            position as f64 * (base as f64).powf(-(feature as f64) / half as f64)
        };
        let values = (0..tokens * width).map(|at| E::of(of(angle(at)))).collect();
        x.device().tensor_from_vec(values, (tokens, width))
    };
    let cosines = angles(f64::cos).broadcast_like::<_, Axes2<0, 1>>(&shape);
    let sines = angles(f64::sin).broadcast_like::<_, Axes2<0, 1>>(&shape);
    // The quarter turn (a, b) → (−b, a) of all pairs, as a matrix.
    let mut turn = vec![E::of(0.0); width * width];
    for feature in 0..half {
        turn[(feature + half) * width + feature] = E::of(-1.0);
        turn[feature * width + feature + half] = E::of(1.0);
    }
    let turn: Plain<Samples, E> = x.device().tensor_from_vec(turn, (width, width));
    let turned =
        x.retaped::<Tape<E>>().reshape_like(&(batch * heads * tokens, width)).matmul(turn).reshape_like(&shape);
    x * cosines + turned * sines
}

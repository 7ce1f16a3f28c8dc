//! A tape operator of ours: the Gaussian error linear unit `x · Φ(x)` (Hendrycks and Gimpel, 2016).
//!
//! The values are dfdx's `accurate_gelu`. Its derivative in dfdx 0.13 takes `2/√π` where the density of the normal
//! distribution has `√(2/π)`, so the derivative is written here.

use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI};

use ::dfdx::prelude::*;

use super::{Number, Samples, Taped};

/// `x · Φ(x)`, whose derivative is `Φ(x) + x · φ(x)`.
pub(super) fn gelu<E: Number>(x: Taped<Samples, E>) -> Taped<Samples, E> {
    let (x, mut tape) = x.contiguous().split_tape();
    let y = x.clone().accurate_gelu();
    let (source, target) = (x.ghost(), y.ghost());
    let (inputs, outputs) = (x.as_vec(), y.as_vec());
    tape.add_backward_op(move |gradients| {
        let above = gradients.get_or_alloc_mut(&target)?.clone();
        let below = gradients.get_or_alloc_mut(&source)?;
        for (at, slot) in below.iter_mut().enumerate() {
            let (x, y) = (inputs[at].to_f64(), outputs[at].to_f64());
            let distribution = if x == 0.0 { 0.5 } else { y / x };
            let density = 0.5 * FRAC_2_SQRT_PI * FRAC_1_SQRT_2 * (-0.5 * x * x).exp();
            *slot += above[at] * E::of(distribution + x * density);
        }
        Ok(())
    });
    y.put_tape(tape)
}

//! Vectors against plain numbers, on every instruction set of this machine.

use super::*;
use crate::engine::native::isa::{Isa, Kernel, Numeric};

/// `values[i] · 2^powers[i]`, and where one is greater than the other, in place.
struct Edges<'a, T> {
    values: &'a mut [T],
    powers: &'a mut [T],
}

impl<T: Numeric> Kernel<T> for Edges<'_, T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector<Element = T>>(self) {
        for (x, n) in self.values.chunks_exact_mut(V::LANES).zip(self.powers.chunks_exact_mut(V::LANES)) {
            // Both hold a whole register.
            unsafe {
                let (values, powers) = (V::load(x.as_ptr()), V::load(n.as_ptr()));
                values.ldexp(powers).store(x.as_mut_ptr());
                let (one, zero) = (V::splat(T::ONE), V::splat(T::ZERO));
                values.select_greater(powers, one, zero).store(n.as_mut_ptr());
            }
        }
    }
}

fn check<T: Numeric>(lowest: i32, highest: i32) {
    let numbers = [0.0, -0.0, 1.0, -1.5, 1.999_999, f64::INFINITY, f64::NEG_INFINITY, f64::NAN];
    let exponents = [lowest, lowest + 1, -1, 0, 1, 2, highest - 1, highest];
    let pairs: Vec<(f64, i32)> = numbers.into_iter().flat_map(|x| exponents.map(|n| (x, n))).collect();
    for isa in Isa::available() {
        let mut values: Vec<T> = pairs.iter().map(|&(x, _)| T::of(x)).collect();
        let mut powers: Vec<T> = pairs.iter().map(|&(_, n)| T::of(f64::from(n))).collect();
        isa.run(Edges { values: &mut values, powers: &mut powers });
        for ((&(x, n), got), greater) in pairs.iter().zip(values).zip(powers) {
            let wanted = T::of(T::of(x).to_f64() * 2f64.powi(n)).to_f64();
            let same = got.to_f64().to_bits() == wanted.to_bits() || got.to_f64().is_nan() && wanted.is_nan();
            assert!(same, "{isa}: {x} · 2^{n} is {wanted:e}, not {:e}", got.to_f64());
            assert_eq!(greater.to_f64(), f64::from(u8::from(x > f64::from(n))), "{isa}: {x} > {n}");
        }
    }
}

#[test]
fn powers_of_two_scale_exactly_up_to_the_ends_of_the_range() {
    // Normal numbers only, as `ldexp` promises.
    check::<f32>(-126, 127);
    check::<f64>(-1022, 1023);
}

/// A power of two that is no number leaves NaN as it is, whatever its bits turn into.
#[test]
fn nan_stays_nan_under_every_power() {
    fn check<T: Numeric>() {
        for isa in Isa::available() {
            let (mut values, mut powers) = (vec![T::of(f64::NAN); BLOCK], vec![T::of(f64::NAN); BLOCK]);
            isa.run(Edges { values: &mut values, powers: &mut powers });
            assert!(values.iter().all(|x| x.to_f64().is_nan()), "{isa}");
        }
    }
    check::<f32>();
    check::<f64>();
}

//! Against the definitions in double precision, whose exponential is the standard library's.

use super::*;
use crate::engine::native::Isa;
use crate::engine::native::isa::{Kernel, Numeric};
use crate::engine::native::testing::definition;
use crate::engine::native::view::BLOCK;

/// One function over a whole slice.
struct Over<'a, T>(Activation, bool, &'a [T]);

impl<T: Numeric> Kernel<T> for Over<'_, T> {
    type Output = Vec<T>;

    #[inline(always)]
    unsafe fn run<V: Vector<Element = T>>(self) -> Vec<T> {
        let Self(a, derivative, x) = self;
        assert_eq!(x.len() % BLOCK, 0);
        let mut out = vec![T::ZERO; x.len()];
        for at in (0..x.len()).step_by(V::LANES) {
            unsafe {
                let u = V::load(x.as_ptr().add(at));
                let y = if derivative { slope(a, u) } else { value(a, u) };
                y.store(out.as_mut_ptr().add(at));
            }
        }
        out
    }
}

fn points<T: Element>() -> Vec<T> {
    let kinks = [0.0, 3.0, -3.0, 6.0, -6.0, 50.0, -50.0, 1e-30, -1e-30, 300.0, -300.0, 1e4, -1e4, 0.5, -0.5, 1.0];
    let grid = (0..2048).map(|i| (i - 1024) as f64 / 64.0 + 1e-3);
    kinks.into_iter().chain(grid).map(T::of).collect()
}

fn check<T: Numeric>(tolerance: f64) {
    let x = points::<T>();
    for isa in Isa::available() {
        for a in Activation::ALL {
            for derivative in [false, true] {
                let y = isa.run(Over(a, derivative, &x));
                for (u, y) in x.iter().zip(y) {
                    let (value, slope) = definition(a, u.to_f64());
                    let wanted = if derivative { slope } else { value };
                    let error = (y.to_f64() - wanted).abs();
                    assert!(
                        error <= tolerance * wanted.abs().max(1.0),
                        "{isa} {} derivative {derivative} at {u:?}: {y:?}, not {wanted}",
                        a.name()
                    );
                }
            }
        }
    }
}

#[test]
fn functions_and_derivatives_are_the_definitions() {
    check::<f32>(1e-6);
    check::<f64>(4e-15);
}

#[test]
fn nan_is_not_hidden() {
    for isa in Isa::available() {
        for a in Activation::ALL {
            assert!(isa.run(Over(a, false, &[f32::NAN; BLOCK])).iter().all(|y| y.is_nan()), "{isa} {}", a.name());
            assert!(isa.run(Over(a, false, &[f64::NAN; BLOCK])).iter().all(|y| y.is_nan()), "{isa} {}", a.name());
        }
    }
}

/// `exp` over a whole slice.
struct Exp<'a, T>(&'a [T]);

impl<T: Numeric> Kernel<T> for Exp<'_, T> {
    type Output = Vec<T>;

    #[inline(always)]
    unsafe fn run<V: Vector<Element = T>>(self) -> Vec<T> {
        let mut out = vec![T::ZERO; self.0.len()];
        for at in (0..self.0.len()).step_by(V::LANES) {
            unsafe { exp(V::load(self.0.as_ptr().add(at))).store(out.as_mut_ptr().add(at)) }
        }
        out
    }
}

#[test]
fn exponentials_are_good_to_a_few_units_of_the_last_place() {
    fn check<T: Numeric>(range: [f64; 2], unit: f64) {
        let n = 4096;
        let x: Vec<T> = (0..n).map(|i| T::of(range[0] + (range[1] - range[0]) * i as f64 / (n - 1) as f64)).collect();
        for isa in Isa::available() {
            for (x, y) in x.iter().zip(isa.run(Exp(&x))) {
                let wanted = x.to_f64().exp();
                assert!((y.to_f64() / wanted - 1.0).abs() <= 3.0 * unit, "{isa} exp({x:?}) = {y:?}, not {wanted}");
            }
        }
    }
    check::<f32>([-87.0, 88.0], f32::EPSILON.into());
    check::<f64>([-708.0, 709.0], f64::EPSILON);
}

//! Stand-in for the activations.
use crate::engine::native::vector::Vector;
use crate::engine::Element;
use crate::graph::Activation;

#[inline(always)]
pub(super) unsafe fn value<V: Vector>(a: Activation, u: V) -> V {
    unsafe {
        let zero = V::splat(V::Element::ZERO);
        match a {
            Activation::Relu => zero.max(u),
            Activation::Relu6 => V::splat(V::Element::of(6.0)).min(zero.max(u)),
            _ => u,
        }
    }
}

#[inline(always)]
pub(super) unsafe fn slope<V: Vector>(a: Activation, u: V) -> V {
    unsafe {
        let zero = V::splat(V::Element::ZERO);
        let one = V::splat(V::Element::ONE);
        match a {
            Activation::Relu => u.select_greater(zero, one, zero),
            Activation::Relu6 => {
                u.select_greater(zero, V::splat(V::Element::of(6.0)).select_greater(u, one, zero), zero)
            }
            _ => one,
        }
    }
}

//! Against sums and products written plainly.

use super::*;
use crate::engine::native::testing::{
    Case, Held, LAYOUTS, SAMPLES, check_sums, close, conform, elements, logical, naive_sums, numbers, padded,
};
use crate::engine::native::view::{Layout, Through};
use crate::graph::Activation;

/// One term of a sum.
struct Term;

impl Case for Term {
    fn output(&self, input: Layout) -> Layout {
        input
    }
    fn definition(&self, read: &[f64], _: Layout) -> Vec<f64> {
        read.to_vec()
    }
    fn forward<T: Numeric>(&self, isa: Isa, source: Source<'_, T>, out: &mut [T]) {
        sum(isa, &[source], out, None);
    }
    fn backward<T: Numeric>(&self, isa: Isa, source: Source<'_, T>, d: &[T], sink: Sink<'_, T>) {
        spread(isa, source, Slope { data: d, through: None }, sink);
    }
}

#[test]
fn one_term_is_what_the_source_reads() {
    conform(&Term, &LAYOUTS);
}

#[test]
fn sums_of_terms_and_their_squares() {
    fn check<T: Numeric>() {
        for layout in LAYOUTS {
            let terms = Held::<f64>::all(layout);
            let wanted = terms.iter().map(Held::read).reduce(|a, b| a.iter().zip(b).map(|(a, b)| a + b).collect());
            let wanted = wanted.unwrap_or_default();
            let terms: Vec<Held<T>> = terms.iter().map(Held::cast).collect();
            let sources: Vec<_> = terms.iter().map(Held::source).collect();
            for isa in Isa::available() {
                let mut out = vec![T::of(-9.0); SAMPLES * layout.sample()];
                let mut sums = Sums::new(layout.stride());
                sum(isa, &sources, &mut out, Some(&mut sums));
                close::<T>(&logical(&out, layout), &wanted, "sum");
                let (first, second) = naive_sums(&wanted, &wanted, layout);
                close::<T>(&sums.first[..layout.channels], &first, "Σ");
                close::<T>(&sums.second[..layout.channels], &second, "Σ of squares");

                let before = numbers(9, SAMPLES * elements(layout));
                let mut out = padded::<T>(&before, layout);
                add_to(isa, sources[3], &mut out);
                let read = terms[3].cast::<f64>().read();
                let after: Vec<f64> = before.iter().zip(read).map(|(a, b)| a + b).collect();
                close::<T>(&logical(&out, layout), &after, "add_to");
            }
        }
    }
    check::<f32>();
    check::<f64>();
}

#[test]
fn a_slope_comes_through_a_norm() {
    fn check<T: Numeric>() {
        for layout in LAYOUTS {
            let held = Held::<f64>::through(layout, Activation::Swish, 3);
            let count = SAMPLES * elements(layout);
            let (d, y) = (numbers(1, count), numbers(2, count));
            let [a, b, c] = [11, 12, 13].map(|seed| {
                let mut vector = numbers(seed, layout.channels);
                vector.resize(layout.stride(), 0.0);
                vector
            });
            let channel = |index: usize| index / layout.positions() % layout.channels;
            let g: Vec<f64> = (0..count).map(|i| a[channel(i)] * d[i] + b[channel(i)] * y[i] + c[channel(i)]).collect();
            let wanted = held.back(&g);
            let cast = |x: &[f64]| x.iter().map(|&x| T::of(x)).collect::<Vec<T>>();
            let (a, b, c) = (cast(&a), cast(&b), cast(&c));
            let (d, y) = (padded::<T>(&d, layout), padded::<T>(&y, layout));
            let through = Some(Through { y: &y, a: &a, b: &b, c: &c });
            for isa in Isa::available() {
                let mut data = vec![T::of(-9.0); d.len()];
                let mut sums = Sums::new(layout.stride());
                let sink = Sink { data: &mut data, accumulate: false, sums: Some(&mut sums) };
                spread(isa, held.cast::<T>().source(), Slope { data: &d, through }, sink);
                close::<T>(&logical(&data, layout), &wanted, "spread");
                check_sums::<T>(&sums, &held, &wanted, "spread");
            }
        }
    }
    check::<f32>();
    check::<f64>();
}

/// A factor of a product of three, at its place; the last one of the others is spread.
struct Factor {
    place: usize,
    spread: bool,
    whole: Layout,
}

impl Factor {
    fn others(&self) -> [Held<f64>; 2] {
        let small = Layout { height: 1, width: 1, ..self.whole };
        let last = if self.spread { self.whole } else { small };
        [Held::through(self.whole, Activation::Hswish, 31), Held::through(last, Activation::Sigmoid, 32)]
    }

    fn with<T: Numeric, R>(&self, source: Source<'_, T>, run: impl FnOnce(&[Source<'_, T>]) -> R) -> R {
        let others = self.others().map(|other| other.cast::<T>());
        let mut factors: Vec<_> = others.iter().map(Held::source).collect();
        factors.insert(self.place, source);
        run(&factors)
    }
}

impl Case for Factor {
    fn output(&self, _: Layout) -> Layout {
        self.whole
    }
    fn definition(&self, read: &[f64], input: Layout) -> Vec<f64> {
        let positions = self.whole.positions();
        let spread = |read: &[f64], layout: Layout| -> Vec<f64> {
            let times = positions / layout.positions();
            read.iter().flat_map(|&x| std::iter::repeat_n(x, times)).collect()
        };
        let mut product = spread(read, input);
        for other in self.others() {
            product.iter_mut().zip(spread(&other.read(), other.layout)).for_each(|(a, b)| *a *= b);
        }
        product
    }
    fn forward<T: Numeric>(&self, isa: Isa, source: Source<'_, T>, out: &mut [T]) {
        self.with(source, |factors| product(isa, factors, out));
    }
    fn backward<T: Numeric>(&self, isa: Isa, source: Source<'_, T>, d: &[T], sink: Sink<'_, T>) {
        self.with(source, |factors| product_backward(isa, factors, self.place, d, sink));
    }
}

#[test]
fn products_spread_single_positions() {
    for whole in LAYOUTS {
        for place in 0..3 {
            conform(&Factor { place, spread: false, whole }, &[whole]);
            conform(&Factor { place, spread: true, whole }, &[Layout { height: 1, width: 1, ..whole }]);
        }
    }
}

//! What the tests of kernels share: maps with junk in their padding, sources of every kind, and one conformance test for
//! all operators of one input.

#![allow(clippy::unwrap_used)]

use super::isa::Numeric;
use super::view::{Affine, Layout, Sink, Source, Sums};
use super::{Isa, erf};
use crate::engine::Element;
use crate::graph::Activation;

/// The layouts that are tested: few and many channels, maps and single positions.
pub const LAYOUTS: [Layout; 6] = [
    Layout { channels: 1, height: 7, width: 5 },
    Layout { channels: 3, height: 7, width: 5 },
    Layout { channels: 10, height: 5, width: 7 },
    Layout { channels: 24, height: 9, width: 8 },
    Layout { channels: 3, height: 1, width: 1 },
    Layout { channels: 24, height: 1, width: 1 },
];

/// Samples in every test.
pub const SAMPLES: usize = 2;

/// Numbers between -2 and 2 that both kinds of elements hold exactly.
pub fn numbers(seed: u64, count: usize) -> Vec<f64> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut next = || {
        // SplitMix64 (Steele et al., 2014).
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 44) as f64 / f64::from(1 << 18) - 2.0
    };
    (0..count).map(|_| next()).collect()
}

/// Elements of a sample that count.
pub fn elements(layout: Layout) -> usize {
    layout.channels * layout.positions()
}

/// Where a logical element (sample, channel, row, column) lies.
fn place(layout: Layout, index: usize) -> usize {
    let (row, position) = (index / layout.positions(), index % layout.positions());
    let (sample, channel) = (row / layout.channels, row % layout.channels);
    (sample * layout.positions() + position) * layout.stride() + channel
}

/// A map of logical elements, with junk in the padding.
pub fn padded<T: Element>(logical: &[f64], layout: Layout) -> Vec<T> {
    let mut map = vec![T::of(-77.5); logical.len() / elements(layout) * layout.sample()];
    for (index, &x) in logical.iter().enumerate() {
        map[place(layout, index)] = T::of(x);
    }
    map
}

/// The logical elements of a map.
pub fn logical<T: Element>(map: &[T], layout: Layout) -> Vec<f64> {
    let count = map.len() / layout.sample() * elements(layout);
    (0..count).map(|index| map[place(layout, index)].to_f64()).collect()
}

/// Asserts that numbers agree as well as the kind of element allows.
#[track_caller]
pub fn close<T: Element>(got: &[f64], wanted: &[f64], what: &str) {
    let tolerance = if size_of::<T>() == size_of::<f32>() { 1e-5 } else { 1e-12 };
    within(got, wanted, tolerance, what);
}

/// Asserts that numbers agree to a tolerance, relative to the largest of them or 1.
#[track_caller]
pub fn within(got: &[f64], wanted: &[f64], tolerance: f64, what: &str) {
    assert_eq!(got.len(), wanted.len(), "{what}");
    let scale = wanted.iter().fold(1.0f64, |a, b| a.max(b.abs()));
    for (index, (got, wanted)) in got.iter().zip(wanted).enumerate() {
        assert!((got - wanted).abs() <= tolerance * scale, "{what}, element {index}: {got}, not {wanted}");
    }
}

/// An activation and its derivative, as the definitions say.
pub fn definition(a: Activation, u: f64) -> (f64, f64) {
    let s = 1.0 / (1.0 + (-u).exp());
    let normal = erf::erfc(-u * std::f64::consts::FRAC_1_SQRT_2) / 2.0;
    let density = (-u * u / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt();
    let gate = (u + 3.0).clamp(0.0, 6.0) / 6.0;
    let within = |low: f64, high: f64| f64::from(low < u && u < high);
    match a {
        Activation::Relu => (u.max(0.0), f64::from(u > 0.0)),
        Activation::Relu6 => (u.clamp(0.0, 6.0), within(0.0, 6.0)),
        Activation::Hswish => (u * gate, if u >= 3.0 { 1.0 } else { within(-3.0, 3.0) * (u / 3.0 + 0.5) }),
        Activation::Swish => (u * s, s * (1.0 + u * (1.0 - s))),
        Activation::Gelu => (u * normal, normal + u * density),
        Activation::Sigmoid => (s, s * (1.0 - s)),
        Activation::Hsigmoid => (gate, within(-3.0, 3.0) / 6.0),
    }
}

/// A source with all that it borrows.
#[derive(Clone)]
pub struct Held<T> {
    pub data: Vec<T>,
    pub layout: Layout,
    pub affine: Option<(Vec<T>, Vec<T>)>,
    pub activation: Option<Activation>,
}

impl<T: Element> Held<T> {
    /// A random map that is read as it is.
    pub fn plain(layout: Layout, seed: u64) -> Self {
        let data = padded(&numbers(seed, SAMPLES * elements(layout)), layout);
        Self { data, layout, affine: None, activation: None }
    }

    /// A random map that is read through a norm and an activation.
    pub fn through(layout: Layout, activation: Activation, seed: u64) -> Self {
        let vector = |seed| {
            let mut vector = vec![T::ZERO; layout.stride()];
            vector.iter_mut().zip(numbers(seed, layout.channels)).for_each(|(to, x)| *to = T::of(1.5 * x));
            vector
        };
        let affine = Some((vector(seed + 100), vector(seed + 200)));
        Self { affine, activation: Some(activation), ..Self::plain(layout, seed) }
    }

    /// Sources of every kind.
    pub fn all(layout: Layout) -> Vec<Self> {
        let mut all = vec![Self::plain(layout, 1)];
        all.push(Self { activation: Some(Activation::Relu), ..Self::plain(layout, 2) });
        all.push(Self { activation: None, ..Self::through(layout, Activation::Relu, 3) });
        all.extend(Activation::ALL.into_iter().zip(4..).map(|(a, seed)| Self::through(layout, a, seed)));
        all
    }

    /// The same in another kind of element.
    pub fn cast<U: Element>(&self) -> Held<U> {
        let cast = |x: &Vec<T>| x.iter().map(|x| U::of(x.to_f64())).collect::<Vec<_>>();
        Held {
            data: cast(&self.data),
            layout: self.layout,
            affine: self.affine.as_ref().map(|(a, b)| (cast(a), cast(b))),
            activation: self.activation,
        }
    }

    pub fn source(&self) -> Source<'_, T> {
        let affine = self.affine.as_ref().map(|(scale, shift)| Affine { scale, shift });
        Source { data: &self.data, layout: self.layout, affine, activation: self.activation }
    }

    /// The factor of the norm for a logical element.
    fn scale(&self, index: usize) -> f64 {
        let channel = index / self.layout.positions() % self.layout.channels;
        self.affine.as_ref().map_or(1.0, |(scale, _)| scale[channel].to_f64())
    }

    /// What is read, and how it moves with u, by the definition.
    fn definition(&self) -> (Vec<f64>, Vec<f64>) {
        let read = logical(&self.data, self.layout).into_iter().enumerate().map(|(index, x)| {
            let channel = index / self.layout.positions() % self.layout.channels;
            let shift = self.affine.as_ref().map_or(0.0, |(_, shift)| shift[channel].to_f64());
            let u = x * self.scale(index) + shift;
            self.activation.map_or((u, 1.0), |activation| definition(activation, u))
        });
        read.unzip()
    }

    /// What is read, by the definition.
    pub fn read(&self) -> Vec<f64> {
        self.definition().0
    }

    /// The gradient of u, by the definition, for the gradient of what is read.
    pub fn back(&self, g: &[f64]) -> Vec<f64> {
        self.definition().1.iter().zip(g).map(|(slope, g)| slope * g).collect()
    }
}

/// An operator of one input, for [`conform`].
pub trait Case {
    /// Whether it takes plain maps only, and no sums.
    const PLAIN: bool = false;

    /// The layout of its output.
    fn output(&self, input: Layout) -> Layout;
    /// The operator by its definition, on logical elements.
    fn definition(&self, read: &[f64], input: Layout) -> Vec<f64>;
    /// The kernel.
    fn forward<T: Numeric>(&self, isa: Isa, source: Source<'_, T>, out: &mut [T]);
    /// The kernel backward; `d` is the gradient of its output.
    fn backward<T: Numeric>(&self, isa: Isa, source: Source<'_, T>, d: &[T], sink: Sink<'_, T>);
}

/// Holds an operator against its definition, and its gradient against finite differences, with sources of every kind.
pub fn conform(case: &impl Case, layouts: &[Layout]) {
    for &layout in layouts {
        let sources = Held::<f64>::all(layout);
        let count = if plain(case) { 1 } else { sources.len() };
        for held in &sources[..count] {
            for isa in Isa::available() {
                conform_one(case, isa, held);
            }
        }
    }
}

fn plain<C: Case>(_: &C) -> bool {
    C::PLAIN
}

fn forward<T: Numeric>(case: &impl Case, isa: Isa, held: &Held<T>) -> Vec<f64> {
    let output = case.output(held.layout);
    let mut out = vec![T::of(-33.25); SAMPLES * output.sample()];
    case.forward(isa, held.source(), &mut out);
    logical(&out, output)
}

/// The gradient of u, and its sums.
fn backward<T: Numeric>(
    case: &impl Case,
    isa: Isa,
    held: &Held<T>,
    d: &[f64],
    before: Option<&[f64]>,
) -> (Vec<f64>, Sums) {
    let d: Vec<T> = padded(d, case.output(held.layout));
    let mut data = match before {
        Some(before) => padded(before, held.layout),
        None => vec![T::of(-33.25); held.data.len()],
    };
    let mut sums = Sums::new(held.layout.stride());
    let wanted = (!plain(case)).then_some(&mut sums);
    case.backward(isa, held.source(), &d, Sink { data: &mut data, accumulate: before.is_some(), sums: wanted });
    (logical(&data, held.layout), sums)
}

fn conform_one(case: &impl Case, isa: Isa, held: &Held<f64>) {
    let layout = held.layout;
    let what = format!("{isa}, {layout:?}, {:?}", held.activation);
    let single = held.cast::<f32>();
    let wanted = case.definition(&held.read(), layout);
    close::<f64>(&forward(case, isa, held), &wanted, &format!("forward, f64, {what}"));
    close::<f32>(&forward(case, isa, &single), &wanted, &format!("forward, f32, {what}"));

    let d = numbers(50, wanted.len());
    let (gradient, sums) = backward(case, isa, held, &d, None);
    check_differences(case, isa, held, &d, &gradient, &what);
    let (gradient_single, _) = backward(case, isa, &single, &d, None);
    close::<f32>(&gradient_single, &gradient, &format!("backward, f32, {what}"));
    let before = numbers(51, gradient.len());
    let after: Vec<f64> = gradient.iter().zip(&before).map(|(g, before)| g + before).collect();
    let (got, sums_after) = backward(case, isa, held, &d, Some(&before));
    close::<f64>(&got, &after, &format!("accumulated, f64, {what}"));
    let (got, sums_single) = backward(case, isa, &single, &d, Some(&before));
    close::<f32>(&got, &after, &format!("accumulated, f32, {what}"));
    if !plain(case) {
        check_sums::<f64>(&sums, held, &gradient, &what);
        check_sums::<f64>(&sums_after, held, &after, &what);
        check_sums::<f32>(&sums_single, held, &after, &what);
    }
}

/// Asserts that sums are those of a gradient and of its product with the stored map.
#[track_caller]
pub fn check_sums<T: Element>(sums: &Sums, held: &Held<f64>, gradient: &[f64], what: &str) {
    let x = logical(&held.data, held.layout);
    let wanted = naive_sums(gradient, &x, held.layout);
    close::<T>(&sums.first[..held.layout.channels], &wanted.0, &format!("sums, {what}"));
    close::<T>(&sums.second[..held.layout.channels], &wanted.1, &format!("sums of products, {what}"));
}

/// Σx and Σx·y per channel of logical elements.
pub fn naive_sums(x: &[f64], y: &[f64], layout: Layout) -> (Vec<f64>, Vec<f64>) {
    let (mut first, mut second) = (vec![0.0; layout.channels], vec![0.0; layout.channels]);
    for (index, (x, y)) in x.iter().zip(y).enumerate() {
        let channel = index / layout.positions() % layout.channels;
        first[channel] += x;
        second[channel] += x * y;
    }
    (first, second)
}

/// Asserts that Σ d · output moves, in a few random directions of the stored map, as the gradient says (central differences).
#[track_caller]
fn check_differences(case: &impl Case, isa: Isa, held: &Held<f64>, d: &[f64], gradient: &[f64], what: &str) {
    // Below half the distance of two random numbers: no two elements change their order.
    let step = 2.5e-7;
    for seed in 60..65 {
        let direction = numbers(seed, gradient.len());
        let moved = |by: f64| {
            let mut moved = held.clone();
            for (index, along) in direction.iter().enumerate() {
                moved.data[place(held.layout, index)] += by * along;
            }
            forward(case, isa, &moved)
        };
        let sides = moved(step).into_iter().zip(moved(-step));
        let slope: f64 = sides.zip(d).map(|((right, left), d)| d * (right - left) / (2.0 * step)).sum();
        let along = |(index, (g, v)): (usize, (&f64, &f64))| g * held.scale(index) * v;
        let along: f64 = gradient.iter().zip(&direction).enumerate().map(along).sum();
        within(&[along], &[slope], 1e-7, &format!("gradient, {what}"));
    }
}

//! Against the formulas of the paper, and the gradient against finite differences.

use super::*;
use crate::engine::native::testing::{LAYOUTS, SAMPLES, close, elements, logical, naive_sums, numbers, padded, within};

fn sums_of<T: Numeric>(isa: Isa, x: &[f64], layout: Layout) -> Sums {
    let mut sums = Sums::new(layout.stride());
    statistics::<T>(isa, &padded(x, layout), layout, &mut sums);
    sums
}

#[test]
fn statistics_and_products_are_plain_sums() {
    fn check<T: Numeric>() {
        for layout in LAYOUTS {
            let count = SAMPLES * elements(layout);
            let (d, x, y) = (numbers(1, count), numbers(2, count), numbers(3, count));
            for isa in Isa::available() {
                let sums = sums_of::<T>(isa, &x, layout);
                let (first, second) = naive_sums(&x, &x, layout);
                close::<T>(&sums.first[..layout.channels], &first, "Σx");
                close::<T>(&sums.second[..layout.channels], &second, "Σx²");

                let (x_map, y_map) = (padded::<T>(&x, layout), padded::<T>(&y, layout));
                let mut sums = [Sums::new(layout.stride()), Sums::new(layout.stride())];
                sums[1].first.fill(1.0);
                reduce::<T>(isa, &padded(&d, layout), layout, &[&x_map, &y_map], &mut sums);
                let [with_x, mut with_y] = sums;
                with_y.first.iter_mut().for_each(|sum| *sum -= 1.0);
                for (map, sums) in [(&x, with_x), (&y, with_y)] {
                    let (first, second) = naive_sums(&d, map, layout);
                    close::<T>(&sums.first[..layout.channels], &first, "Σd");
                    close::<T>(&sums.second[..layout.channels], &second, "Σd·y");
                }
            }
        }
    }
    check::<f32>();
    check::<f64>();
}

/// The norm of a whole batch by its definition.
fn naive(x: &[f64], layout: Layout, weight: &[f64], bias: &[f64], running: Option<(&[f64], &[f64])>) -> Vec<f64> {
    let n = (x.len() / layout.channels) as f64;
    let mean_of = |x: &[f64]| naive_sums(x, x, layout).0.into_iter().map(|sum| sum / n).collect::<Vec<_>>();
    let channel = |index: usize| index / layout.positions() % layout.channels;
    let batch_mean = mean_of(x);
    let squares: Vec<f64> = x.iter().enumerate().map(|(i, x)| (x - batch_mean[channel(i)]).powi(2)).collect();
    let batch_variance = mean_of(&squares);
    let (mean, variance) = running.unwrap_or((&batch_mean, &batch_variance));
    let normal = |(i, x): (usize, &f64)| {
        let c = channel(i);
        weight[c] * (x - mean[c]) / (variance[c] + EPSILON).sqrt() + bias[c]
    };
    x.iter().enumerate().map(normal).collect()
}

struct Setting {
    layout: Layout,
    x: Vec<f64>,
    d: Vec<f64>,
    weight: Vec<f64>,
    bias: Vec<f64>,
    running: (Vec<f64>, Vec<f64>),
}

fn setting(layout: Layout) -> Setting {
    let count = SAMPLES * elements(layout);
    let channels = layout.channels;
    // A mean of its own for every channel.
    let x =
        numbers(1, count).into_iter().enumerate().map(|(i, x)| x + (i / layout.positions() % channels) as f64 / 8.0);
    let variance = numbers(6, channels).into_iter().map(|x| x * x + 0.25).collect();
    Setting {
        layout,
        x: x.collect(),
        d: numbers(2, count),
        weight: numbers(3, channels),
        bias: numbers(4, channels),
        running: (numbers(5, channels), variance),
    }
}

/// The norm with `T`: the output, the gradient of the map, of the weight and of the bias.
fn run<T: Numeric>(isa: Isa, s: &Setting, mode: Mode) -> [Vec<f64>; 4] {
    let layout = s.layout;
    let cast = |x: &[f64]| x.iter().map(|&x| T::of(x)).collect::<Vec<T>>();
    let (weight, bias) = (cast(&s.weight), cast(&s.bias));
    let count = SAMPLES * layout.positions();
    let mut norm = BatchNorm::<T>::new(layout);
    match mode {
        Mode::Train => norm.train(&sums_of::<T>(isa, &s.x, layout), count, &weight, &bias),
        Mode::Eval => norm.eval(&weight, &bias, &cast(&s.running.0), &cast(&s.running.1)),
    }
    let (y, d) = (padded::<T>(&s.x, layout), padded::<T>(&s.d, layout));
    let mut sums = Sums::new(layout.stride());
    reduce(isa, &d, layout, &[&y], std::slice::from_mut(&mut sums));
    norm.turn(&sums, count, &weight, mode);
    let affine = norm.affine();
    let through = norm.through(&y);
    let by_channel =
        |of: &dyn Fn(usize, usize) -> T| (0..y.len()).map(|at| of(at, at % layout.stride())).collect::<Vec<_>>();
    let z = by_channel(&|at, c| affine.scale[c] * y[at] + affine.shift[c]);
    let dy = by_channel(&|at, c| through.a[c] * d[at] + through.b[c] * through.y[at] + through.c[c]);
    for vector in [&norm.scale, &norm.shift, &norm.a, &norm.b, &norm.c] {
        assert_eq!(vector.len(), layout.stride());
        assert!(vector[layout.channels..].iter().all(|x| *x == T::ZERO), "the padding of a norm is 0");
    }
    let wide = |x: &[T]| x.iter().map(|x| x.to_f64()).collect();
    [logical(&z, layout), logical(&dy, layout), wide(&norm.d_scale), wide(&norm.d_shift)]
}

#[test]
fn a_norm_and_its_gradients_are_those_of_the_definition() {
    for layout in &LAYOUTS[..4] {
        let s = setting(*layout);
        for (mode, running) in [(Mode::Train, None), (Mode::Eval, Some((&s.running.0[..], &s.running.1[..])))] {
            let z = naive(&s.x, s.layout, &s.weight, &s.bias, running);
            let loss = |x: &[f64], weight: &[f64], bias: &[f64]| {
                naive(x, s.layout, weight, bias, running).iter().zip(&s.d).map(|(z, d)| z * d).sum::<f64>()
            };
            let step = 1e-5;
            let differ = |x: &[f64], loss: &dyn Fn(&[f64]) -> f64| {
                let moved = |i: usize, by: f64| {
                    let mut x = x.to_vec();
                    x[i] += by;
                    loss(&x)
                };
                (0..x.len()).map(|i| (moved(i, step) - moved(i, -step)) / (2.0 * step)).collect::<Vec<_>>()
            };
            for isa in Isa::available() {
                let double = run::<f64>(isa, &s, mode);
                let single = run::<f32>(isa, &s, mode);
                close::<f64>(&double[0], &z, "z");
                for (single, double) in single.iter().zip(&double) {
                    close::<f32>(single, double, &format!("{isa} {mode:?} {layout:?}"));
                }
                within(&double[2], &differ(&s.weight, &|w| loss(&s.x, w, &s.bias)), 1e-8, "d weight");
                within(&double[3], &differ(&s.bias, &|b| loss(&s.x, &s.weight, b)), 1e-8, "d bias");
                if layout.channels <= 3 {
                    within(&double[1], &differ(&s.x, &|x| loss(x, &s.weight, &s.bias)), 1e-8, "d y");
                }
            }
        }
    }
}

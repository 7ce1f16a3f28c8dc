//! Against the formula, token by token, and the gradients against finite differences.

use super::*;
use crate::engine::native::testing::{SAMPLES, close, elements, logical, numbers, padded, within};

#[derive(Clone, Copy, Debug)]
struct Setting {
    attention: Attention,
    queries: usize,
    keys: usize,
    width: usize,
    value_width: usize,
}

impl Setting {
    fn layouts(&self) -> [Layout; 3] {
        let tokens = |tokens, features| Layout { channels: features, height: tokens, width: 1 };
        [
            tokens(self.queries, self.attention.heads * self.width),
            tokens(self.keys, self.attention.kv_heads * self.width),
            tokens(self.keys, self.attention.kv_heads * self.value_width),
        ]
    }

    fn output(&self) -> Layout {
        Layout { channels: self.attention.heads * self.value_width, height: self.queries, width: 1 }
    }

    /// Rotated features of one head of a token, as complex numbers.
    fn rotated(&self, x: Vec<f64>, token: usize) -> Vec<f64> {
        let Some(base) = self.attention.rotary else { return x };
        let half = self.width / 2;
        let angle = |i: usize| token as f64 * (base as f64).powf(-2.0 * i as f64 / self.width as f64);
        let turned = |i: usize| {
            let (sin, cos) = angle(i % half).sin_cos();
            if i < half { x[i] * cos - x[i + half] * sin } else { x[i] * cos + x[i - half] * sin }
        };
        (0..self.width).map(turned).collect()
    }

    /// The definition, on logical elements (sample, feature, token).
    fn definition(&self, inputs: &[Vec<f64>; 3]) -> Vec<f64> {
        let layouts = self.layouts();
        let head = |which: usize, sample: usize, token: usize, head: usize, width: usize| -> Vec<f64> {
            let layout = layouts[which];
            let at = |i: usize| sample * elements(layout) + (head * width + i) * layout.height + token;
            (0..width).map(|i| inputs[which][at(i)]).collect()
        };
        let output = self.output();
        let mut out = vec![0.0; SAMPLES * elements(output)];
        for sample in 0..SAMPLES {
            for h in 0..self.attention.heads {
                let serving = h * self.attention.kv_heads / self.attention.heads;
                for query in 0..self.queries {
                    let q = self.rotated(head(0, sample, query, h, self.width), query);
                    let seen = if self.attention.causal { query + 1 } else { self.keys };
                    let score = |key: usize| {
                        let k = self.rotated(head(1, sample, key, serving, self.width), key);
                        (q.iter().zip(k).map(|(q, k)| q * k).sum::<f64>() / (self.width as f64).sqrt()).exp()
                    };
                    let scores: Vec<f64> = (0..seen).map(score).collect();
                    let sum: f64 = scores.iter().sum();
                    for (key, score) in scores.into_iter().enumerate() {
                        for (i, v) in head(2, sample, key, serving, self.value_width).into_iter().enumerate() {
                            let at = (h * self.value_width + i) * output.height + query;
                            out[sample * elements(output) + at] += score / sum * v;
                        }
                    }
                }
            }
        }
        out
    }

    fn inputs(&self) -> [Vec<f64>; 3] {
        let layouts = self.layouts();
        [0, 1, 2].map(|i| numbers(i as u64 + 1, SAMPLES * elements(layouts[i])))
    }

    /// The output, then the gradients of queries, keys and values, added to `before` if that is given.
    fn run<T: Numeric>(&self, isa: Isa, d: &[f64], before: Option<f64>) -> [Vec<f64>; 4] {
        let layouts = self.layouts();
        let inputs = self.inputs();
        let [q, k, v] = [0, 1, 2].map(|i| padded::<T>(&inputs[i], layouts[i]));
        let kernel = AttentionKernel::new(&self.attention, layouts);
        let mut scratch = vec![T::of(3.0); SAMPLES * kernel.scratch_elements()];
        let mut out = vec![T::of(-9.0); SAMPLES * self.output().sample()];
        kernel.forward(isa, &q, &k, &v, &mut scratch, &mut out);
        let [mut dq, mut dk, mut dv] = layouts.map(|l| vec![T::of(before.unwrap_or(-9.0)); SAMPLES * l.sample()]);
        let add = before.is_some();
        let d = padded::<T>(d, self.output());
        kernel.backward(isa, &v, &d, &mut scratch, [Some((&mut dq, add)), Some((&mut dk, add)), Some((&mut dv, add))]);
        let gradients = [dq, dk, dv];
        let [a, b, c] = [0, 1, 2].map(|i| logical(&gradients[i], layouts[i]));
        [logical(&out, self.output()), a, b, c]
    }
}

fn settings() -> Vec<Setting> {
    let attention = |heads, kv_heads, causal, rotary| Attention { heads, kv_heads, causal, rotary };
    let setting =
        |attention, queries, keys, width, value_width| Setting { attention, queries, keys, width, value_width };
    vec![
        setting(attention(1, 1, false, None), 1, 1, 1, 1),
        setting(attention(2, 2, false, None), 5, 5, 4, 4),
        setting(attention(2, 1, true, None), 5, 5, 3, 3),
        setting(attention(4, 2, true, Some(10000)), 6, 6, 6, 5),
        setting(attention(3, 3, false, Some(100)), 4, 7, 2, 3),
        setting(attention(2, 2, false, None), 3, 19, 8, 2),
    ]
}

#[test]
fn attention_and_its_gradients_are_those_of_the_definition() {
    for setting in settings() {
        let inputs = setting.inputs();
        let wanted = setting.definition(&inputs);
        let d = numbers(9, wanted.len());
        let loss = |inputs: &[Vec<f64>; 3]| setting.definition(inputs).iter().zip(&d).map(|(y, d)| y * d).sum::<f64>();
        let gradients = [0, 1, 2].map(|which| {
            let moved = |i: usize, by: f64| {
                let mut inputs = inputs.clone();
                inputs[which][i] += by;
                loss(&inputs)
            };
            (0..inputs[which].len()).map(|i| (moved(i, 1e-5) - moved(i, -1e-5)) / 2e-5).collect::<Vec<_>>()
        });
        for isa in Isa::available() {
            let double = setting.run::<f64>(isa, &d, None);
            let single = setting.run::<f32>(isa, &d, None);
            let added = setting.run::<f64>(isa, &d, Some(0.75));
            close::<f64>(&double[0], &wanted, &format!("{isa} {setting:?}"));
            for (i, name) in ["output", "queries", "keys", "values"].into_iter().enumerate() {
                let what = format!("{isa} {setting:?} {name}");
                close::<f32>(&single[i], &double[i], &what);
                if i > 0 {
                    within(&double[i], &gradients[i - 1], 1e-8, &what);
                    let after: Vec<f64> = double[i].iter().map(|g| g + 0.75).collect();
                    close::<f64>(&added[i], &after, &what);
                }
            }
        }
    }
}

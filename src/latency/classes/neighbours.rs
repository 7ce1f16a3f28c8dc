//! Interpolation between measured operators: what a neighbour of like size took
//! compared with what the model says of it carries over to the operator asked for.

use std::collections::HashMap;

use super::{Class, ClassModel};
use crate::latency::{Kernel, MeasuredRow};

/// How many neighbours are asked.
const NEIGHBOURS: usize = 4;
/// The nearest has to lie within a factor of this, all sizes taken together.
const REACH: f64 = std::f64::consts::LN_2;
/// Two operators closer than this are as good as one: measured times differ by about as much.
const NEAR: f64 = 0.1;
/// The model itself counts like a neighbour at this distance.
const MODEL: f64 = 0.5;

/// Operators are compared with those of the same class, window, stride and dilation only.
type Shape = (Class, [u32; 2], u32, u32);
/// Logarithms of input size, input channels, output channels and number of inputs.
type Place = [f64; 4];

/// The measured operators of a table, by shape.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::latency) struct Neighbours(HashMap<Shape, Vec<(Place, f64)>>);

fn shape(kernel: &Kernel) -> Shape {
    (Class::of(kernel), kernel.window, kernel.stride, kernel.dilation)
}

fn place(kernel: &Kernel) -> Place {
    let area = f64::from(kernel.input[0]) * f64::from(kernel.input[1]);
    let log = |value: u32| f64::from(value.max(1)).ln();
    [0.5 * area.max(1.0).ln(), log(kernel.input_channels), log(kernel.output_channels), log(kernel.inputs)]
}

impl Neighbours {
    /// What measured rows say of a model.
    pub(in crate::latency) fn new(measured: &HashMap<Kernel, MeasuredRow>, model: &ClassModel) -> Self {
        let mut by_shape: HashMap<Shape, Vec<(Place, f64)>> = HashMap::new();
        let mut rows: Vec<_> = measured.iter().collect();
        // A map has no order of its own, and sums depend on theirs.
        rows.sort_by_key(|(kernel, _)| **kernel);
        for (kernel, row) in rows {
            if let Some(alone) = model.alone(kernel).filter(|&alone| alone > 0.0 && row.ms.0 > 0.0) {
                by_shape.entry(shape(kernel)).or_default().push((place(kernel), (row.ms.0 / alone).ln()));
            }
        }
        Self(by_shape)
    }

    /// What to multiply the model's time of an operator by; `None` where no measured operator is near.
    pub(in crate::latency) fn ratio(&self, kernel: &Kernel) -> Option<f64> {
        let alike = self.0.get(&shape(kernel))?;
        let here = place(kernel);
        let mut nearest: [(f64, f64); NEIGHBOURS] = [(f64::INFINITY, 0.0); NEIGHBOURS];
        for (there, ratio) in alike {
            let distance: f64 = here.iter().zip(there).map(|(a, b)| (a - b).powi(2)).sum();
            let mut candidate = (distance, *ratio);
            for kept in &mut nearest {
                if candidate.0 < kept.0 {
                    std::mem::swap(kept, &mut candidate);
                }
            }
        }
        if nearest[0].0.sqrt() > REACH {
            return None;
        }
        let (mut sum, mut weights) = (0.0, MODEL.powi(-2));
        for (distance, ratio) in nearest.iter().filter(|(distance, _)| distance.is_finite()) {
            let weight = 1.0 / (distance + NEAR.powi(2));
            sum += weight * ratio;
            weights += weight;
        }
        Some((sum / weights).exp())
    }
}

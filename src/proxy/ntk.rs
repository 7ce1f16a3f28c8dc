//! Condition number of the neural tangent kernel (Chen, Gong and Wang, "TE-NAS", ICLR 2021, eq. 3): how evenly samples
//! can be learned, `−ln(λ_max / λ_min)` of `Θ_nm = Σ_ω J_nω J_mω`, where J_n is the gradient of the sum of the outputs
//! for sample n. As in the authors' code, ω runs over kernels, matrices and the scales of norms, and batch norms take the
//! statistics of the batch; ports of it take the running ones (`statistics: running`).
//!
//! One forward pass serves the batch, and each sample is sent back alone. The program works in single precision, so that
//! a `λ_min` below `λ_max` times 1e-7 is rounding; it is held there.

use serde_json::{Map, Value as Json};

use super::ScoreError;
use super::kinds::{Fields, Kind};
use super::lab::{Lab, Setup};
use super::measured::{Measure, Reading};
use super::samples::Statistics;
use super::spectrum::eigenvalues;
use crate::engine::Tensor;
use crate::graph::Role;

/// The least `λ_min / λ_max` that single precision can tell from 0.
const FLOOR: f64 = 1e-7;

/// The condition number of the tangent kernel.
#[derive(Clone, Debug)]
struct Ntk {
    statistics: Statistics,
}

pub(super) static NTK: Kind = Kind {
    word: "ntk",
    fields: &["statistics"],
    setup: || Setup { batch_size: 16, ..Setup::default() },
    read: |fields: &Fields<'_>| Ok(Box::new(Ntk { statistics: Statistics::read(fields, Statistics::Batch) })),
};

impl Measure for Ntk {
    fn measure(&self, lab: &Lab<'_>) -> Result<Reading, ScoreError> {
        let samples = lab.setup.batch_size;
        if samples < 2 {
            return Err(lab.unfit("compares samples; give `batch_size` at least 2"));
        }
        let network = lab.network;
        let live = network.live();
        let counted = |role: Role| matches!(role, Role::Weight | Role::Scale | Role::Table);
        let of = |id| {
            let parameters = network.parameters(id).into_iter().enumerate();
            parameters.filter(|(_, parameter)| counted(parameter.role)).map(move |(at, _)| (id, at)).collect::<Vec<_>>()
        };
        let parameters: Vec<_> = network.ids().filter(|&id| live.contains(id)).flat_map(of).collect();
        let batches = lab.batches()?;
        let mut total = 0.0;
        for batch in batches.iter() {
            let mut jacobians: Vec<Vec<f32>> = Vec::with_capacity(samples);
            let ones = |output: &Tensor, _: &_| Ok(Tensor::filled(output.shape.clone(), 1.0));
            self.statistics.each_sample(lab, batch, ones, |program| {
                let mut jacobian = Vec::with_capacity(jacobians.last().map_or(0, Vec::len));
                for &(id, parameter) in &parameters {
                    program.visit_gradient(id, parameter, &mut |piece| jacobian.extend_from_slice(piece));
                }
                jacobians.push(jacobian);
            })?;
            total += condition(lab, &jacobians)?;
        }
        Ok((total / batches.len() as f64).into())
    }

    fn fields(&self) -> Map<String, Json> {
        Map::from_iter([("statistics".to_owned(), self.statistics.name().into())])
    }
}

/// `−ln(λ_max / λ_min)` of the Gram matrix of the rows.
fn condition(lab: &Lab<'_>, rows: &[Vec<f32>]) -> Result<f64, ScoreError> {
    let n = rows.len();
    let mut kernel = vec![0.0; n * n];
    for i in 0..n {
        for j in 0..=i {
            let products = rows[i].iter().zip(&rows[j]).map(|(&a, &b)| f64::from(a) * f64::from(b));
            let product: f64 = products.sum();
            (kernel[i * n + j], kernel[j * n + i]) = (product, product);
        }
    }
    let spectrum = eigenvalues(&mut kernel, n);
    match (spectrum.first(), spectrum.last()) {
        (Some(&least), Some(&most)) if most > 0.0 => Ok((least / most).max(FLOOR).ln()),
        (_, Some(&most)) if most.is_nan() => Err(lab.unfit("met a gradient that is not finite")),
        _ => Err(lab.unfit("finds no gradient at all: the output does not depend on the weights")),
    }
}

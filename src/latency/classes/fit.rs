//! Fits class models: to single operators where those were measured, then
//! calibrated to whole networks; to totals of networks or blocks where they were not.

use std::collections::{BTreeMap, HashMap};

use super::{Calibration, Class, ClassCost, ClassModel, ClassPrices, Work};
use crate::latency::fit::six_digits;
use crate::latency::robust::relative_nnls;
use crate::latency::{Kernel, LatencyError, MeasuredRow, Sample};
use crate::units::Millis;

/// Relative errors of operators beyond this count in proportion, not squared.
const OPERATOR_KNEE: f64 = 0.1;
/// The same of whole networks, which vary less.
const NETWORK_KNEE: f64 = 0.05;
/// Settles collinear amounts of work within a class.
const OPERATOR_RIDGE: f64 = 1e-3;
/// The same between classes in totals.
const TOTAL_RIDGE: f64 = 1e-6;

/// What a cell of NAS-Bench-201 is made of: one cost each, since every architecture repeats one cell at every width.
///
/// Which work a kind of operator is priced by does not change what a cell costs, only how that is shared out between the
/// stages and with stem and reductions. By multiply-adds those would claim more than all networks have in common.
pub const CELL: [(Class, Work); 5] = [
    (Class::Conv1x1, Work::Gathered),
    (Class::Conv3x3, Work::Gathered),
    (Class::Pool, Work::Gathered),
    (Class::Addition, Work::Written),
    (Class::Skip, Work::Written),
];

/// What the blocks of MobileNetV3 are made of.
pub const MOBILE_BLOCKS: [(Class, Work); 16] = [
    (Class::Conv1x1, Work::Macs),
    (Class::Conv1x1, Work::Read),
    (Class::Conv1x1, Work::Written),
    (Class::Conv1x1, Work::Weights),
    (Class::ConvWindow, Work::Macs),
    (Class::Vector, Work::Weights),
    (Class::Vector, Work::Calls),
    (Class::Depthwise, Work::Macs),
    (Class::Depthwise, Work::Read),
    (Class::Depthwise, Work::Written),
    (Class::Depthwise, Work::Calls),
    (Class::Pool, Work::Read),
    (Class::Mean, Work::Read),
    (Class::Gate, Work::Written),
    (Class::Addition, Work::Written),
    (Class::Activation, Work::Written),
];

/// A network of which the operators were measured one by one as well.
#[derive(Clone, Debug, PartialEq)]
pub struct TimedNetwork {
    /// Name, operators and latency of the whole.
    pub sample: Sample,
    /// Time of each operator in ms; `None` where it was not measured.
    pub times: Vec<Option<f64>>,
}

/// A class model fitted to operators, with the operators that prices may use themselves.
#[derive(Clone, Debug, PartialEq)]
pub struct OperatorFit {
    /// The model.
    pub model: ClassModel,
    /// The measured operators; empty where prices rest on the model alone.
    pub rows: HashMap<Kernel, MeasuredRow>,
}

impl OperatorFit {
    /// What each list of operators costs as a network.
    pub fn totals(&self, networks: &[&[Kernel]]) -> Vec<Millis> {
        let prices = ClassPrices::new(self.model.clone(), &self.rows);
        let price = |kernel: &Kernel| prices.price(kernel, self.rows.get(kernel)).0;
        networks.iter().map(|kernels| self.model.overhead() + kernels.iter().map(price).sum()).collect()
    }
}

/// Fits each class to its measured operators, each distinct one counted once, and calibrates sums to whole networks.
///
/// With `keep_rows` prices are those of the measured operators, and of interpolation between them, before those of the
/// model; without, those of the model alone. The calibration is that of the prices that will be given.
///
/// # Errors
/// Fewer than four networks, or none of their operators measured.
pub fn fit_operators(networks: &[&TimedNetwork], keep_rows: bool) -> Result<OperatorFit, LatencyError> {
    if networks.len() < 4 {
        let problem = format!("{} measured networks; sums are calibrated to at least 4", networks.len());
        return Err(LatencyError::Fit(problem));
    }
    let measured = measured_rows(networks);
    let costs = class_costs(&measured);
    if costs.is_empty() {
        return Err(LatencyError::Fit("no operator of these networks was measured".to_owned()));
    }
    let rows = if keep_rows { measured } else { HashMap::new() };
    let prices = ClassPrices::new(ClassModel::new(costs.clone(), Calibration::NONE), &rows);
    let features: Vec<Vec<f64>> = networks
        .iter()
        .map(|network| {
            let kernels = network.sample.kernels.iter();
            let alone: Vec<f64> =
                kernels.filter_map(|kernel| prices.alone(kernel, rows.get(kernel))).map(|(ms, _)| ms).collect();
            vec![alone.iter().sum(), alone.len() as f64, 1.0]
        })
        .collect();
    let ms: Vec<f64> = networks.iter().map(|network| network.sample.ms).collect();
    let fitted: Vec<f64> = relative_nnls(&features, &ms, 0.0, NETWORK_KNEE).into_iter().map(six_digits).collect();
    let calibration = Calibration { scale: fitted[0], operator: fitted[1], network: fitted[2] };
    Ok(OperatorFit { model: ClassModel::new(costs, calibration), rows })
}

/// The times of each distinct operator: mean, deviation and number.
fn measured_rows(networks: &[&TimedNetwork]) -> HashMap<Kernel, MeasuredRow> {
    let mut times: HashMap<Kernel, Vec<f64>> = HashMap::new();
    for network in networks {
        for (kernel, time) in network.sample.kernels.iter().zip(&network.times) {
            times.entry(*kernel).or_default().extend(time);
        }
    }
    let row = |times: Vec<f64>| {
        let count = times.len() as f64;
        let mean = times.iter().sum::<f64>() / count;
        let variance = times.iter().map(|time| (time - mean).powi(2)).sum::<f64>() / count;
        MeasuredRow {
            ms: Millis(six_digits(mean)),
            std: Millis(six_digits(variance.sqrt())),
            count: times.len() as u64,
        }
    };
    times.into_iter().filter(|(_, times)| !times.is_empty()).map(|(kernel, times)| (kernel, row(times))).collect()
}

/// The costs of every class that has measured operators.
fn class_costs(measured: &HashMap<Kernel, MeasuredRow>) -> Vec<ClassCost> {
    let mut by_class: BTreeMap<Class, Vec<(&Kernel, f64)>> = BTreeMap::new();
    for (kernel, row) in measured {
        by_class.entry(Class::of(kernel)).or_default().push((kernel, row.ms.0));
    }
    let mut costs = Vec::new();
    for (class, mut operators) in by_class {
        // A map has no order of its own, and sums depend on theirs.
        operators.sort_by_key(|(kernel, _)| **kernel);
        let counts = |kernel: &Kernel| Work::ALL.iter().map(|work| work.count(kernel)).collect();
        let features: Vec<Vec<f64>> = operators.iter().map(|(kernel, _)| counts(kernel)).collect();
        let times: Vec<f64> = operators.iter().map(|(_, ms)| *ms).collect();
        let fitted = Work::ALL.into_iter().zip(relative_nnls(&features, &times, OPERATOR_RIDGE, OPERATOR_KNEE));
        let fitted = fitted.filter(|(_, cost)| *cost > 0.0);
        costs.extend(fitted.map(|(work, cost)| ClassCost { class, work, cost: six_digits(cost) }));
    }
    costs
}

/// Fits costs to the latencies of whole networks, or of blocks where `overhead` is false and nothing is left over.
///
/// Only the pairs of class and work in `work` get a cost.
///
/// # Errors
/// Fewer than two samples, and samples that none of the work explains.
pub fn fit_totals(samples: &[&Sample], work: &[(Class, Work)], overhead: bool) -> Result<ClassModel, LatencyError> {
    if samples.len() < 2 {
        let problem = format!("{} measured network; a fit needs at least 2, and a good one 40 or more", samples.len());
        return Err(LatencyError::Fit(problem));
    }
    // Prices go by the same rule: a class without costs borrows those of its stand-in.
    let has_costs = |class: &Class| work.iter().any(|(with, _)| with == class);
    let features: Vec<Vec<f64>> = samples
        .iter()
        .map(|sample| {
            let mut counts = vec![0.0; work.len() + usize::from(overhead)];
            for kernel in &sample.kernels {
                let Some(class) = Class::of(kernel).or_stand_in(has_costs) else { continue };
                for (count, (_, work)) in counts.iter_mut().zip(work).filter(|(_, (of, _))| *of == class) {
                    *count += work.count(kernel);
                }
            }
            if let (true, Some(last)) = (overhead, counts.last_mut()) {
                *last = 1.0;
            }
            counts
        })
        .collect();
    let ms: Vec<f64> = samples.iter().map(|sample| sample.ms).collect();
    let fitted: Vec<f64> =
        relative_nnls(&features, &ms, TOTAL_RIDGE, NETWORK_KNEE).into_iter().map(six_digits).collect();
    // Zeros stay: without any cost a class would borrow those of its stand-in.
    let costs: Vec<ClassCost> =
        work.iter().zip(&fitted).map(|(&(class, work), &cost)| ClassCost { class, work, cost }).collect();
    if costs.iter().all(|cost| cost.cost == 0.0) {
        return Err(LatencyError::Fit("no work of these networks explains any of their latencies".to_owned()));
    }
    let network = if overhead { fitted[work.len()] } else { 0.0 };
    Ok(ClassModel::new(costs, Calibration { scale: 1.0, operator: 0.0, network }))
}

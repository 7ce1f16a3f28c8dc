//! From measurements to a table: rows for what was measured, the operator model for what was not, both brought to the
//! scale of whole networks.
//!
//! An operator alone is not what it is in a network: its inputs lie elsewhere and in another layout, and something runs
//! before it. Whole networks say by how much: `Σ a_k × sum_k + b × operators + c` over classes `k` of operators, all of
//! them not negative, relative errors. The factors `a_k` are pulled towards a common one, as strongly as predicts networks
//! that are left out best (what moves a table to another phone does the same with its terms). They scale every row, and
//! what the operator model is fitted to; `b` is added for every operator and `c` once, so that the table adds up along a
//! path as every table does.

use std::collections::HashMap;

use super::journal::measured_by;
use super::{Benchmark, Event, Plan, ProfileError, RUNS, Results, Statistics, Subject};
use crate::latency::fit::{fit, six_digits};
use crate::latency::normal::pulled;
use crate::latency::robust::relative_nnls;
use crate::latency::table::{MeasuredRow, Provenance, SourceFile};
use crate::latency::{
    BoundRatios, CONFIDENCE, Calibration, Class, Coverage, FitError, Kernel, LatencyError, LatencyTable, OperatorModel,
    Predicted, Sample, Stated, TableInfo, Term, baseline, score, terms,
};
use crate::units::{Millis, counted};

/// What the user states about a table that cannot be measured.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Statement {
    /// What is said of the device and of who measured; the runtime is the journal's.
    pub stated: Stated,
    /// When it was measured.
    pub date: Option<String>,
    /// The command, in a form that holds on other machines.
    pub command: String,
    /// The journal, named by its content.
    pub journal: Option<SourceFile>,
}

/// A table and what went into it.
#[derive(Clone, Debug)]
pub struct Profiled {
    /// The table.
    pub table: LatencyTable,
    /// Operators with rows of their own.
    pub rows: usize,
    /// Operators whose time is too short to tell from that of an empty network.
    pub too_short: usize,
    /// Blocks in the fit.
    pub blocks: usize,
    /// Whole networks in the calibration.
    pub networks: usize,
    /// Benchmarks of the plan without enough measurements that count.
    pub missing: usize,
    /// How its benchmarks ran.
    pub runs: RunsOf,
    /// `a`, `b` and `c`.
    pub calibration: InNetworks,
}

/// How the benchmarks of a table ran.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RunsOf {
    /// Runs of the benchmark that ran least often.
    pub fewest: u64,
    /// Difference of the quartiles of a benchmark's runs, relative to their median: the median over benchmarks. Nothing
    /// where a program tells no runs.
    pub iqr: Option<f64>,
    /// The same for the median distance from the median.
    pub mad: Option<f64>,
    /// Whether a program told a mean in place of a median.
    pub means: bool,
}

impl RunsOf {
    fn of(plan: &Plan, events: &[Event], results: &Results, windows: usize) -> Self {
        let counted = plan.planned.iter().filter(|planned| results.count(&planned.benchmark.key) >= windows);
        let all: Vec<Statistics> = counted.filter_map(|planned| results.statistics(&planned.benchmark.key)).collect();
        // What goes differ by is no spread of runs.
        let known = || all.iter().filter(|statistics| statistics.iqr.is_some());
        let middle = |of: fn(&Statistics) -> Option<f64>| {
            let relative: Vec<f64> = known().filter_map(|each| Some(of(each)? / each.median)).collect();
            Statistics::of(&relative).map(|statistics| statistics.median)
        };
        let mean = |event: &Event| matches!(event, Event::Window { measured, .. } if measured.summary.is_some_and(|told| told.median.is_none()));
        Self {
            fewest: all.iter().map(|statistics| statistics.count).min().unwrap_or(0),
            iqr: middle(|statistics| statistics.iqr),
            mad: middle(|statistics| statistics.mad),
            means: events.iter().any(mean),
        }
    }

    /// In the words of a table's note.
    fn note(&self) -> String {
        let Self { fewest, iqr, mad, .. } = self;
        let mut note = format!("Each benchmark ran {fewest} times or more");
        if *fewest < u64::from(RUNS) {
            note += &format!(", where the protocol asks for {RUNS}");
        }
        note += &match (iqr, mad) {
            (Some(iqr), Some(mad)) => format!(
                "; its quartiles lie {:.1} % of the median apart, and half of its runs within {:.1} % of it (medians over \
                 benchmarks). ",
                100.0 * iqr,
                100.0 * mad
            ),
            _ => "; what ran them does not tell the quartiles. ".to_owned(),
        };
        note
    }
}

/// How sums of operators become latencies of networks.
#[derive(Clone, Debug, PartialEq)]
pub struct InNetworks {
    /// What is common to all operators.
    pub common: Calibration,
    /// The factor of each class of operators in place of the common one, in the order of [`Class::ALL`].
    pub by_class: [f64; Class::ALL.len()],
}

impl InNetworks {
    /// One factor for all.
    fn common(common: Calibration) -> Self {
        Self { by_class: [common.scale; Class::ALL.len()], common }
    }

    /// Of what operators take alone, and of their number, to measured latencies; terms that few networks cannot tell apart
    /// are left out.
    fn of(networks: &[&Whole]) -> Self {
        let columns = match networks.len() {
            0 => return Self::common(Calibration::NONE),
            1 | 2 => 1,
            3..=5 => 2,
            _ => 3,
        };
        let common = |left_out: Option<usize>| {
            let kept = networks.iter().enumerate().filter(|(at, _)| Some(*at) != left_out).map(|(_, whole)| whole);
            let row = |whole: &&&Whole| [whole.sums.iter().sum(), 1.0, whole.operators][..columns].to_vec();
            let (features, ms): (Vec<_>, Vec<_>) = kept.map(|whole| (row(&whole), whole.ms)).unzip();
            let found = relative_nnls(&features, &ms, 1e-9, f64::INFINITY);
            let at = |index: usize| found.get(index).copied().map_or(0.0, six_digits);
            Calibration { scale: at(0), network: at(1), operator: at(2) }
        };
        let mut found = Self::common(common(None));
        // Too few networks tell no classes apart.
        if columns < 3 {
            return found;
        }
        let rows: Vec<(Vec<f64>, f64)> = networks.iter().map(|whole| (whole.row(), whole.ms)).collect();
        let (costs, _) = pulled(&rows, |left_out| {
            let Calibration { scale, operator, network } = common(left_out);
            [&[scale; Class::ALL.len()][..], &[operator, network]].concat()
        });
        if let Some((&[operator, network], by_class)) =
            costs.split_last_chunk().map(|(by_class, last)| (last, by_class))
        {
            found.common.operator = six_digits(operator);
            found.common.network = six_digits(network);
            found.by_class.iter_mut().zip(by_class).for_each(|(factor, &cost)| *factor = six_digits(cost));
        }
        found
    }

    fn apply(&self, whole: &Whole) -> f64 {
        let scaled: f64 = whole.sums.iter().zip(self.by_class).map(|(sum, factor)| sum * factor).sum();
        scaled + self.common.operator * whole.operators + self.common.network
    }

    /// The factor on what an operator takes alone.
    fn factor(&self, kernel: &Kernel) -> f64 {
        self.by_class[Class::of(kernel) as usize]
    }
}

/// A whole network: what was measured, and what its operators sum to.
struct Whole {
    name: String,
    kernels: Vec<Kernel>,
    ms: f64,
    /// What its operators take alone, by class.
    sums: [f64; Class::ALL.len()],
    operators: f64,
}

impl Whole {
    /// What the calibration multiplies: the sums, the number of operators, and one network.
    fn row(&self) -> Vec<f64> {
        [&self.sums[..], &[self.operators, 1.0]].concat()
    }
}

/// What the journal says of a plan.
struct Collected {
    rows: HashMap<Kernel, (f64, Statistics)>,
    samples: Vec<Sample>,
    networks: Vec<(String, Vec<Kernel>, f64)>,
    too_short: usize,
    missing: usize,
    blocks: usize,
}

/// Makes a table of what counts among the measurements.
///
/// # Errors
/// Too few measurements for a fit, or a precision that no operator model has terms for.
pub fn table(
    plan: &Plan,
    events: &[Event],
    windows: u32,
    tolerance: f64,
    statement: &Statement,
) -> Result<Profiled, ProfileError> {
    let results = Results::of(events, tolerance);
    let collected = collect(plan, &results, windows as usize);
    let runs = RunsOf::of(plan, events, &results, windows as usize);
    let (device, _) =
        measured_by(events).ok_or_else(|| LatencyError::Fit("nothing has been measured yet".to_owned()))?;
    let all = terms::for_precision(&device.precision)
        .ok_or_else(|| LatencyError::Fit(format!("no operator model for precision `{}`", device.precision)))?;
    // What a network costs besides its operators comes from the calibration.
    let terms: Vec<Term> = all.iter().copied().filter(|term| *term != Term::Network).collect();
    if collected.samples.is_empty() {
        return Err(LatencyError::Fit(collected.nothing()).into());
    }
    let model = fit(&collected.samples.iter().collect::<Vec<_>>(), &terms)?;
    let alone = |kernel: &Kernel| collected.rows.get(kernel).map_or_else(|| model.price(kernel).0, |(ms, _)| *ms);
    let wholes: Vec<Whole> = (collected.networks.iter())
        .map(|(name, kernels, ms)| {
            let mut sums = [0.0; Class::ALL.len()];
            kernels.iter().for_each(|kernel| sums[Class::of(kernel) as usize] += alone(kernel));
            let operators = kernels.iter().filter(|kernel| !kernel.kind.is_hidden()).count() as f64;
            Whole { name: name.clone(), kernels: kernels.clone(), ms: *ms, sums, operators }
        })
        .collect();
    let calibration = InNetworks::of(&wholes.iter().collect::<Vec<_>>());
    let left_out = left_out(&wholes);
    let in_networks: Vec<Sample> = (collected.samples.iter())
        .map(|sample| {
            let sum = |factor: &dyn Fn(&Kernel) -> f64| -> f64 {
                sample.kernels.iter().map(|kernel| factor(kernel) * alone(kernel)).sum()
            };
            Sample { ms: sample.ms * sum(&|kernel| calibration.factor(kernel)) / sum(&|_| 1.0), ..sample.clone() }
        })
        .filter(|sample| sample.ms > 0.0)
        .collect();
    let calibrated = calibrated(&fit(&in_networks.iter().collect::<Vec<_>>(), &terms)?, &calibration);
    let stated = &statement.stated;
    let info = TableInfo {
        table: stated
            .table
            .clone()
            .unwrap_or_else(|| slug(&format!("{} {} {}", device.device, device.cores, device.precision))),
        device: stated.device.clone().unwrap_or_else(|| device.device.clone()),
        soc: stated.soc.clone().unwrap_or_else(|| device.soc.clone()),
        runtime: device.runtime.clone(),
        precision: device.precision.clone(),
        cores: device.cores.clone(),
        provenance: Provenance {
            source: stated
                .source
                .clone()
                .unwrap_or_else(|| format!("measured with `pocketnas latency profile` {}", env!("CARGO_PKG_VERSION"))),
            licence: stated.licence.clone().unwrap_or_else(|| "licence not stated".to_owned()),
            note: format!(
                "{}{}{}{}",
                origin(&device.system, statement.date.as_deref()),
                rows_note(&calibration, wholes.len(), runs.means),
                runs.note(),
                conditions(events, &results, tolerance)
            ),
            command: statement.command.clone(),
            files: statement.journal.iter().cloned().collect(),
            networks: (!wholes.is_empty()).then_some(wholes.len() as u64),
            error: left_out.as_ref().map(|(error, _)| error.clone()),
        },
    };
    let seen = collected.samples.iter().flat_map(|sample| &sample.kernels);
    let mut table = LatencyTable::fitted(info, calibrated, Coverage::of(seen));
    table.ratios = left_out.map(|(_, ratios)| ratios);
    for (kernel, (ms, statistics)) in &collected.rows {
        let added = if kernel.kind.is_hidden() { 0.0 } else { calibration.common.operator };
        let factor = calibration.factor(kernel);
        let row = MeasuredRow {
            ms: Millis(six_digits(factor * ms + added)),
            std: Millis(six_digits(factor * statistics.std.unwrap_or(0.0))),
            count: statistics.count,
        };
        table.measured.insert(*kernel, row);
    }
    Ok(Profiled {
        table,
        rows: collected.rows.len(),
        too_short: collected.too_short,
        blocks: collected.blocks,
        networks: wholes.len(),
        missing: collected.missing,
        runs,
        calibration,
    })
}

fn collect(plan: &Plan, results: &Results, windows: usize) -> Collected {
    let mut collected = Collected {
        rows: HashMap::new(),
        samples: Vec::new(),
        networks: Vec::new(),
        too_short: 0,
        missing: 0,
        blocks: 0,
    };
    let mut attentions = Vec::new();
    let measured = |key: &str| if results.count(key) >= windows { results.statistics(key) } else { None };
    // What a run costs besides its operators: the runtime's own profile does not count it, other times do.
    let alone = |benchmark: &Benchmark, statistics: &Statistics| {
        results.profiled(&benchmark.key).or_else(|| {
            let empty = plan.overhead(benchmark).ok()?;
            Some(statistics.median - measured(&empty.key)?.median)
        })
    };
    for planned in &plan.planned {
        let benchmark = &planned.benchmark;
        let Some(statistics) = measured(&benchmark.key) else {
            collected.missing += 1;
            continue;
        };
        match &benchmark.subject {
            Subject::Empty => {}
            Subject::Network(name) => {
                collected.networks.push((name.clone(), benchmark.kernels.clone(), statistics.median));
            }
            Subject::Operator(_) | Subject::Attention | Subject::Block(_) => match alone(benchmark, &statistics) {
                None => collected.missing += 1,
                // Less than the runs themselves vary by.
                Some(ms) if ms <= 0.0 || statistics.mad.is_some_and(|mad| ms < mad) => collected.too_short += 1,
                Some(ms) => {
                    match benchmark.subject {
                        Subject::Operator(kernel) => {
                            collected.rows.insert(kernel, (ms, statistics));
                        }
                        Subject::Attention => attentions.push((&benchmark.kernels, ms, statistics)),
                        _ => collected.blocks += 1,
                    }
                    let (network, kernels) = (benchmark.name(), benchmark.kernels.clone());
                    collected.samples.push(Sample { network, kernels, ms });
                }
            },
        }
    }
    for (kernels, ms, statistics) in attentions {
        collected.products(kernels, ms, statistics);
    }
    collected
}

impl Collected {
    /// Why there is nothing to fit to.
    fn nothing(&self) -> String {
        match (self.missing, self.too_short) {
            (0, 0) => "no operator and no block is in the plan; raise --operators or --blocks".to_owned(),
            (0, short) => format!(
                "no operator takes longer than an empty network by more than its runs vary ({short} are too short to tell); \
                 measuring on does not help: look at whether the times follow the model that is given"
            ),
            _ => "no operator has enough measurements that count; the same command goes on measuring".to_owned(),
        }
    }

    /// The rows of an attention's products: what it takes less its softmax, shared out by multiply-adds.
    fn products(&mut self, kernels: &[Kernel], ms: f64, statistics: Statistics) {
        let &[scores, weights, values] = kernels else { return };
        let Some((softmax, _)) = self.rows.get(&weights) else {
            self.missing += 1;
            return;
        };
        let both = ms - softmax;
        if both <= 0.0 || statistics.mad.is_some_and(|mad| both < mad) {
            self.too_short += 1;
            return;
        }
        let macs = (scores.macs() + values.macs()) as f64;
        for product in [scores, values] {
            let share = product.macs() as f64 / macs;
            let std = statistics.std.map(|std| share * std);
            self.rows.insert(product, (share * both, Statistics { std, ..statistics }));
        }
    }
}

/// The model with what operators and networks cost besides.
fn calibrated(model: &OperatorModel, calibration: &InNetworks) -> OperatorModel {
    let mut costs: Vec<(Term, f64)> = model.coefficients().to_vec();
    let Calibration { operator, network, .. } = calibration.common;
    for (term, more) in [(Term::Operators, operator), (Term::Network, network)] {
        match costs.iter_mut().find(|(known, _)| *known == term) {
            Some((_, cost)) => *cost += more,
            None if more > 0.0 => costs.push((term, more)),
            None => {}
        }
    }
    costs.sort_by_key(|(term, _)| Term::ALL.iter().position(|known| known == term));
    OperatorModel::new(costs.into_iter().map(|(term, cost)| (term, six_digits(cost))).collect())
}

/// The error on networks that the calibration has not seen, each left out in turn, and what bounds are made from. How
/// often bounds hold is judged on each network by those made of the others.
fn left_out(wholes: &[Whole]) -> Option<(FitError, BoundRatios)> {
    if wholes.len() < 4 {
        return None;
    }
    let mut ours = Vec::new();
    let mut theirs = Vec::new();
    let samples: Vec<Sample> = (wholes.iter())
        .map(|whole| Sample { network: whole.name.clone(), kernels: whole.kernels.clone(), ms: whole.ms })
        .collect();
    for (index, whole) in wholes.iter().enumerate() {
        let others: Vec<&Whole> =
            wholes.iter().enumerate().filter(|(other, _)| *other != index).map(|(_, w)| w).collect();
        let training: Vec<&Sample> =
            samples.iter().enumerate().filter(|(other, _)| *other != index).map(|(_, s)| s).collect();
        let predicted = |predicted_ms| Predicted { network: whole.name.clone(), measured_ms: whole.ms, predicted_ms };
        ours.push(predicted(InNetworks::of(&others).apply(whole)));
        theirs.push(predicted(baseline::fit(&training).ok()?(&whole.kernels)));
    }
    let ratios = |but: Option<usize>| {
        let kept = ours.iter().enumerate().filter(|(at, _)| Some(*at) != but);
        BoundRatios::new("folds", kept.map(|(_, p)| p.measured_ms / p.predicted_ms).filter(|r| r.is_finite()).collect())
    };
    let bounded: Option<Vec<_>> = (ours.iter().enumerate())
        .map(|(at, p)| {
            let factor = ratios(Some(at)).factor(CONFIDENCE).ok()?;
            Some((p.measured_ms, p.predicted_ms, factor * p.predicted_ms))
        })
        .collect();
    let scores = score(&ours).with_bounds(&bounded.unwrap_or_default());
    let error = FitError {
        left_out: "folds".to_owned(),
        mape: scores.mape,
        within_10: scores.within_10,
        spearman: scores.spearman.unwrap_or(0.0),
        baseline_mape: score(&theirs).mape,
        coverage: scores.coverage,
        bound_over_mean: scores.bound_over_mean,
    };
    Some((error, ratios(None)))
}

/// The factors by class: the common one, and those that differ from it.
fn factors(calibration: &InNetworks) -> String {
    let common = calibration.common.scale;
    let mut text = common.to_string();
    for (class, factor) in Class::ALL.into_iter().zip(calibration.by_class) {
        if (factor / common - 1.0).abs() > 0.005 {
            text += &format!(", {} {factor:.3}", class.name());
        }
    }
    text
}

/// Where and when it was measured.
fn origin(system: &str, date: Option<&str>) -> String {
    let date = date.map_or_else(String::new, |date| format!("Measured {date}. "));
    format!("{system}. {date}")
}

/// What the time of a row is.
fn rows_note(calibration: &InNetworks, networks: usize, means: bool) -> String {
    let middle = if means { "mean of its runs, as no median is told" } else { "median of its runs" };
    let mut note = format!("A measured row's mean is the {middle}, less what an empty network takes");
    note += &match networks {
        0 => ", as measured alone: no whole network was. ".to_owned(),
        _ => format!(
            ", times the factor of its class ({}) plus {} ms: the calibration to {}, each of which costs {} ms more. ",
            factors(calibration),
            calibration.common.operator,
            counted(networks, "whole network"),
            calibration.common.network
        ),
    };
    note
}

/// How steady the device was, its clocks and its temperatures.
fn conditions(events: &[Event], results: &Results, tolerance: f64) -> String {
    let mut note = format!(
        "Measurements count where the reference operator lay within {:.0} % of its median before and after; its furthest was \
         {:.1} %, and {} of {} windows were rejected.",
        100.0 * tolerance,
        100.0 * results.furthest,
        results.rejected,
        events.iter().filter(|event| matches!(event, Event::Window { .. })).count()
    );
    let mut clocks = (f64::INFINITY, f64::NEG_INFINITY);
    let mut celsius = clocks;
    let wider = |range: (f64, f64), value: f64| (range.0.min(value), range.1.max(value));
    for event in events {
        if let Event::Conditions { conditions } = event {
            clocks = conditions.clocks_mhz.values().fold(clocks, |range, &value| wider(range, value));
            celsius = conditions.celsius.values().fold(celsius, |range, &value| wider(range, value));
        }
    }
    note += &match clocks {
        (low, high) if low <= high => format!(" Clocks of its cores: {low:.0} to {high:.0} MHz."),
        _ => " It does not tell its clocks.".to_owned(),
    };
    note += &match celsius {
        (low, high) if low <= high => format!(" Temperatures of its sensors: {low:.0} to {high:.0} °C."),
        _ => " It does not tell its temperature.".to_owned(),
    };
    note
}

fn slug(text: &str) -> String {
    let dashed: String =
        text.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).collect();
    dashed.split('-').filter(|part| !part.is_empty()).collect::<Vec<_>>().join("-")
}

#[cfg(test)]
mod tests;

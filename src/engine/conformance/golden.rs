//! Values and gradients against those of PyTorch in double precision.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{compile, distance, run, tolerance, trained, weights};
use crate::engine::{Backend, Element, Mode, Plan, Tensor};
use crate::graph::{Network, NodeId, Op, RawNetwork};

const OPERATORS: &str = include_str!("../../../tests/fixtures/engine/operators.json");
const NETWORKS: &str = include_str!("../../../tests/fixtures/engine/networks.json");
const DEEP: &str = include_str!("../../../tests/fixtures/engine/deep.json");

/// A network and what PyTorch makes of it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// For messages.
    pub name: String,
    /// Samples.
    pub batch: usize,
    mode: String,
    network: RawNetwork,
    /// Outputs by name.
    values: BTreeMap<String, Vec<f64>>,
    /// Gradients of inputs and parameters by name.
    gradients: BTreeMap<String, Vec<f64>>,
    /// Norms of the gradients of parameters by name, in place of the gradients where those jump.
    #[serde(default)]
    norms: BTreeMap<String, f64>,
}

impl Case {
    /// The network.
    pub fn network(&self) -> Network {
        self.network.build().unwrap_or_else(|error| panic!("{}: {error}", self.name))
    }

    /// Forward and backward, gradients of inputs too.
    pub fn plan(&self) -> Plan {
        let mode = if self.mode == "eval" { Mode::Eval } else { Mode::Train };
        Plan { mode, input_gradients: true, ..Plan::train(self.batch) }
    }
}

/// The networks, for other tests of the suite.
pub fn whole_networks() -> Vec<Case> {
    serde_json::from_str(NETWORKS).unwrap()
}

/// Values, and gradients of every input and parameter, of every operator.
pub fn operators<T: Element>(backend: &dyn Backend<T>) {
    let cases: Vec<Case> = serde_json::from_str(OPERATORS).unwrap();
    every_operator_has_a_case(&cases);
    check(backend, &cases);
}

/// The same of whole networks.
pub fn networks<T: Element>(backend: &dyn Backend<T>) {
    check(backend, &whole_networks());
}

/// The norm of each layer's gradient in a network of NAS-Bench-201, three cells deep. A ReLU that flips in single
/// precision moves gradients by some 2e-3, so the bar is 1 % there; PyTorch, which flips none here, is 5e-7 away.
pub fn deep_network<T: Element>(backend: &dyn Backend<T>) {
    let bar = if size_of::<T>() == 4 { 1e-2 } else { 1e-9 };
    for case in serde_json::from_str::<Vec<Case>>(DEEP).unwrap() {
        let network = case.network();
        let plan = case.plan();
        let mut program = compile(backend, &network, &plan, &weights(&network));
        run(program.as_mut(), &network, &plan);
        for (id, at, name) in trained(&network) {
            let Some(wanted) = case.norms.get(&name) else { continue };
            let gradient = program.gradient(id, at).unwrap_or_else(|| panic!("no gradient of `{name}`"));
            let norm = gradient.data.iter().map(|x| x.to_f64().powi(2)).sum::<f64>().sqrt();
            let apart = (norm / wanted - 1.0).abs();
            assert!(apart <= bar, "{}: the gradient of `{name}` has a norm {apart:.1e} apart", case.name);
        }
    }
}

/// An operator without a row would be one that no test sees.
fn every_operator_has_a_case(cases: &[Case]) {
    let mut seen: Vec<String> = Vec::new();
    for network in cases.iter().map(Case::network) {
        seen.extend(network.ids().map(|id| network.node(id).op.name().to_owned()));
    }
    let all = "input conv2d linear batch_norm relu relu6 hswish swish gelu sigmoid hsigmoid max_pool avg_pool \
               global_avg_pool add multiply concat squeeze_excite upsample flatten reshape to_tokens to_map \
               pixel_shuffle layer_norm rms_norm softmax embedding attention position_embedding prepend_tokens slice \
               channel_shuffle identity zero";
    let missing: Vec<&str> = all.split_whitespace().filter(|name| !seen.iter().any(|seen| seen == name)).collect();
    assert!(missing.is_empty(), "no golden values for {missing:?}");
}

/// Runs every case and reports all that fail.
fn check<T: Element>(backend: &dyn Backend<T>, cases: &[Case]) {
    let mut failures = Vec::new();
    for case in cases {
        let network = case.network();
        let plan = case.plan();
        if let Err(error) = backend.compile(&network, &plan) {
            failures.push(format!("{}: {error}", case.name));
            continue;
        }
        let mut program = compile(backend, &network, &plan, &weights(&network));
        run(program.as_mut(), &network, &plan);
        let mut compare = |what: String, given: Option<Tensor<T>>, wanted: &[f64]| {
            let apart = given.map_or(f64::INFINITY, |given| distance(&given.data, wanted));
            if apart.is_nan() || apart > tolerance::<T>() {
                failures.push(format!("{}: {what} is {apart:.1e} apart", case.name));
            }
        };
        let find = |name: &str| -> NodeId { network.find(name).unwrap() };
        for (name, wanted) in &case.values {
            compare(format!("value of `{name}`"), program.value(find(name)), wanted);
        }
        let mut compared = 0;
        for (id, at, name) in trained(&network) {
            compare(format!("gradient of `{name}`"), program.gradient(id, at), &case.gradients[&name]);
            compared += 1;
        }
        for id in network.ids().filter(|&id| matches!(network.node(id).op, Op::Input { .. })) {
            // Ids have no gradient.
            let name = &network.node(id).name;
            if let Some(wanted) = case.gradients.get(name) {
                compare(format!("gradient of `{name}`"), program.value_gradient(id), wanted);
                compared += 1;
            }
        }
        assert_eq!(compared, case.gradients.len(), "{}: every gradient is compared", case.name);
    }
    assert!(
        failures.is_empty(),
        "{} comparisons failed on {}:\n{}",
        failures.len(),
        backend.name(),
        failures.join("\n")
    );
}

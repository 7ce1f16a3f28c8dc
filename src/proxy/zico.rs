//! ZiCo (Li, Yang, Bhardwaj and Marculescu, ICLR 2023, eq. 15) and ZiCo-BC (Bhardwaj, Cheng, Priyadarshi and Li, ICCV
//! Workshops 2023, eq. 1): the inverse coefficient of variation of gradients over batches, with and without the
//! correction against thin and deep networks.
//!
//! For every layer `ln Σ_ω E|g_ω| / sqrt(Var g_ω)` over its weights ω and the batches, summed over layers; ZiCo-BC takes
//! off `β · Σ ln(H·W / √C)` over the convolutions. The paper has the variance of `|g|` (`denominator: absolute`), the
//! authors' code that of `g` (`denominator: signed`); variances are of the population. The papers leave open which map
//! H, W and C belong to: here it is the output, `penalty: input` takes the input.

use serde_json::{Map, Value as Json, json};

use super::kinds::{Fields, Kind, Problem};
use super::lab::{Lab, Setup};
use super::measured::{Measure, Reading};
use super::structural::{Term, only_gates};
use super::{ScoreError, Structural, sum};
use crate::engine::native::Native;
use crate::engine::{Backend, Element, Program, Weights};
use crate::graph::{Network, NodeId, Op, Role};

/// ZiCo, and ZiCo-BC where there is a penalty.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Zico {
    denominator: Denominator,
    /// Whether biases and the parameters of norms are layers too.
    tensors: Tensors,
    classifier: bool,
    zero_variance: ZeroVariance,
    penalty: Option<Penalty>,
}

/// What varies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Denominator {
    Signed,
    Absolute,
}

/// Which tensors are layers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tensors {
    /// Kernels of convolutions and matrices of linear layers.
    Weights,
    /// All that is trained.
    All,
}

/// What becomes of a weight whose gradient does not vary.
#[derive(Clone, Copy, Debug, PartialEq)]
enum ZeroVariance {
    /// It is left out, and counted.
    Skip,
    /// This is added to every deviation.
    Epsilon(f64),
}

/// The bias correction.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Penalty {
    /// Nothing where a search decides it.
    beta: Option<f64>,
    /// Whether H, W and C are those of the input.
    of_input: bool,
}

pub(super) static ZICO: Kind = Kind {
    word: "zico",
    fields: &["denominator", "tensors", "classifier", "zero_variance"],
    setup: || Setup { batches: 2, ..Setup::default() },
    read: |fields| Zico::boxed(fields, false),
};

pub(super) static ZICO_BC: Kind = Kind {
    word: "zico_bc",
    fields: &["denominator", "tensors", "classifier", "zero_variance", "beta", "penalty"],
    setup: || Setup { batches: 2, ..Setup::default() },
    read: |fields| Zico::boxed(fields, true),
};

impl Zico {
    fn boxed(fields: &Fields<'_>, corrected: bool) -> Result<Box<dyn Measure>, Problem> {
        Ok(Box::new(Self::read(fields, corrected)?))
    }

    pub(super) fn read(fields: &Fields<'_>, corrected: bool) -> Result<Self, Problem> {
        if fields.count("batches") == Some(1) {
            return Err(Problem {
                field: "batches",
                message: "nothing varies over one batch".to_owned(),
                help: "give at least 2".to_owned(),
            });
        }
        Ok(Self {
            denominator: match fields.word("denominator") {
                Some("absolute") => Denominator::Absolute,
                _ => Denominator::Signed,
            },
            tensors: match fields.word("tensors") {
                Some("all") => Tensors::All,
                _ => Tensors::Weights,
            },
            classifier: fields.truth("classifier").unwrap_or(true),
            zero_variance: fields.number("zero_variance").map_or(ZeroVariance::Skip, ZeroVariance::Epsilon),
            penalty: corrected.then(|| Penalty {
                beta: match fields.word("beta") {
                    Some("auto") => None,
                    _ => Some(fields.number("beta").unwrap_or(1.0)),
                },
                of_input: fields.word("penalty") == Some("input"),
            }),
        })
    }

    /// The parameters of a node that are layers.
    fn layers(&self, network: &Network, id: NodeId) -> Vec<usize> {
        let counts = |role: Role| match self.tensors {
            Tensors::Weights => role == Role::Weight,
            Tensors::All => role.trained(),
        };
        let parameters = network.parameters(id);
        (0..parameters.len()).filter(|&i| counts(parameters[i].role)).collect()
    }
}

impl Measure for Zico {
    fn measure(&self, lab: &Lab<'_>) -> Result<Reading, ScoreError> {
        let beta = match self.penalty {
            Some(Penalty { beta: None, .. }) => {
                let reason =
                    "has `beta: auto`, which only a search decides; give a number to score a network by itself";
                return Err(lab.unfit(reason));
            }
            Some(Penalty { beta: Some(beta), .. }) => beta,
            None => 0.0,
        };
        let (mut terms, mut left_out, mut penalties) = (Vec::new(), 0, Vec::new());
        for Layer { id, parameter, total, zeros } in self.layers_of(lab, &lab.weights())? {
            left_out += zeros;
            // What is not a number shows in the score rather than dropping out.
            if total != 0.0 {
                terms.push(total.ln());
                // A bias that counts as a layer has no map of its own.
                penalties.extend(self.penalty_of(lab.network, id).filter(|_| parameter == 0));
            }
        }
        let (zico, penalty) = (sum(terms.clone()), sum(penalties));
        let value = zico - beta * penalty;
        let mut details = vec![("layers", terms.len() as f64), ("zero_variance", left_out as f64)];
        if self.penalty.is_some() {
            details.extend([("zico", zico), ("penalty", penalty)]);
        }
        Ok(Reading { value, details })
    }

    fn dead(&self) -> f64 {
        0.0
    }

    fn with_beta(&self, beta: f64) -> Option<std::sync::Arc<dyn Measure>> {
        let penalty = Penalty { beta: Some(beta), ..self.penalty.filter(|penalty| penalty.beta.is_none())? };
        Some(std::sync::Arc::new(Self { penalty: Some(penalty), ..self.clone() }))
    }

    fn compares_backbones(&self) -> bool {
        false
    }

    /// With two batches a layer of n weights has ln n and noise: `s0`, and `s0_bc` with the same beta.
    fn stand_in(&self) -> Option<Structural> {
        let (name, term) = match self.penalty {
            None => ("s0".to_owned(), Term::S0),
            // Whoever finds beta asks again then.
            Some(Penalty { beta, .. }) => {
                let beta = beta?;
                (format!("s0_bc (beta {beta})"), Term::S0Bc { beta })
            }
        };
        Some(Structural::new(name, term, Vec::new()))
    }

    fn fields(&self) -> Map<String, Json> {
        let mut fields = Map::new();
        let mut set = |key: &str, value: Json| fields.insert(key.to_owned(), value);
        set("denominator", if self.denominator == Denominator::Signed { "signed" } else { "absolute" }.into());
        set("tensors", if self.tensors == Tensors::Weights { "weights" } else { "all" }.into());
        set("classifier", self.classifier.into());
        set(
            "zero_variance",
            match self.zero_variance {
                ZeroVariance::Skip => "skip".into(),
                ZeroVariance::Epsilon(epsilon) => json!(epsilon),
            },
        );
        if let Some(penalty) = self.penalty {
            set("beta", penalty.beta.map_or("auto".into(), |beta| json!(beta)));
            set("penalty", if penalty.of_input { "input" } else { "output" }.into());
        }
        fields
    }
}

/// What the gradients of a layer come to.
#[derive(Clone, Debug)]
pub(super) struct Layer {
    pub id: NodeId,
    /// Which parameter of the node it is.
    pub parameter: usize,
    /// The sum over its weights, whose logarithm is the layer's term.
    pub total: f64,
    /// Weights that were left out.
    pub zeros: usize,
}

impl Zico {
    /// Runs the batches, and sums up every layer, in the precision of the weights.
    pub(super) fn layers_of<T: Element>(&self, lab: &Lab<'_>, weights: &Weights<T>) -> Result<Vec<Layer>, ScoreError>
    where
        Native: Backend<T>,
    {
        let network = lab.network;
        // The program first: a batch that is too large for memory is refused before it is drawn.
        let mut program = lab.program_of(network, &lab.training(lab.setup.batch_size), weights)?;
        let batches = lab.batches()?;
        let mut layers: Vec<(NodeId, usize, Variation<T>)> = Vec::new();
        for id in network.ids().filter(|&id| program.runs(id)) {
            if !self.classifier && lab.is_classifier(id) {
                continue;
            }
            layers.extend(self.layers(network, id).into_iter().map(|i| (id, i, Variation::default())));
        }
        for (seen, batch) in batches.iter().enumerate() {
            lab.step(program.as_mut(), batch)?;
            for (id, parameter, variation) in &mut layers {
                variation.add(program.as_ref(), *id, *parameter, seen, self.denominator);
            }
        }
        let sum = |(id, parameter, variation): (NodeId, usize, Variation<T>)| {
            let (total, zeros) = variation.total(batches.len(), self.zero_variance);
            Layer { id, parameter, total, zeros }
        };
        Ok(layers.into_iter().map(sum).collect())
    }

    /// `ln(H·W / √C)` of a convolution; nothing for other layers, and for those that only gate.
    fn penalty_of(&self, network: &Network, id: NodeId) -> Option<f64> {
        let penalty = self.penalty?;
        if !matches!(network.node(id).op, Op::Conv2d(_)) || only_gates(network, &network.live(), id) {
            return None;
        }
        let shape = if penalty.of_input { network.input_shape(id) } else { network.node(id).shape };
        let (height, width) = shape.size();
        Some((height as f64 * width as f64 / (shape.channels() as f64).sqrt()).ln())
    }
}

/// Mean of |g| and variance of g, or of |g|, for every weight of a layer, as the batches come (Welford, 1962).
#[derive(Debug, Default)]
struct Variation<T> {
    /// Σ|g|.
    magnitude: Vec<T>,
    /// Running mean of what varies.
    mean: Vec<T>,
    /// Running sum of squared deviations from it.
    spread: Vec<T>,
}

impl<T: Element> Variation<T> {
    fn add(&mut self, program: &dyn Program<T>, id: NodeId, parameter: usize, seen: usize, denominator: Denominator) {
        let share = T::of(1.0 / (seen as f64 + 1.0));
        let magnitude_of = |g: T| if g < T::ZERO { -g } else { g };
        let varying = |g: T| if denominator == Denominator::Signed { g } else { magnitude_of(g) };
        let mut at = 0;
        program.visit_gradient(id, parameter, &mut |piece| {
            if seen == 0 {
                self.magnitude.extend(piece.iter().map(|&g| magnitude_of(g)));
                self.mean.extend(piece.iter().map(|&g| varying(g)));
                self.spread.resize(self.mean.len(), T::ZERO);
                return;
            }
            let range = at..at + piece.len();
            at = range.end;
            let rows = self.magnitude[range.clone()].iter_mut().zip(&mut self.mean[range.clone()]);
            for (((magnitude, mean), spread), &g) in rows.zip(&mut self.spread[range]).zip(piece) {
                let x = varying(g);
                let before = x - *mean;
                *magnitude += magnitude_of(g);
                *mean += before * share;
                *spread += before * (x - *mean);
            }
        });
    }

    /// Σ mean / deviation, and how many weights were left out since nothing varied.
    fn total(&self, batches: usize, zero_variance: ZeroVariance) -> (f64, usize) {
        let (mut total, mut zeros) = (0.0, 0);
        let share = 1.0 / batches as f64;
        for (magnitude, spread) in self.magnitude.iter().zip(&self.spread) {
            let (mean, deviation) = (magnitude.to_f64() * share, (spread.to_f64() * share).max(0.0).sqrt());
            match zero_variance {
                ZeroVariance::Skip if deviation == 0.0 => zeros += 1,
                ZeroVariance::Skip => total += mean / deviation,
                ZeroVariance::Epsilon(epsilon) => total += mean / (deviation + epsilon),
            }
        }
        (total, zeros)
    }
}

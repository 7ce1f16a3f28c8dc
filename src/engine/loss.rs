//! Losses: what the outputs of a batch are worth against their target, and the gradient that a backward pass starts
//! from. All arithmetic is in double precision; the values are those of PyTorch's `reduction="mean"`.

use super::{Element, Tensor};

/// The label of what is not to count: the positions of a map that no one labelled (255 in many masks).
pub const IGNORED: u32 = u32::MAX;

/// A loss over the outputs of a batch.
///
/// # Shapes
/// Cross entropy and focal loss take `[batch, classes]`, `[batch, tokens, classes]` or `[batch, classes, height, width]`
/// and a label for each sample, token or position, sample by sample and row by row. The others take any shape and values
/// of the same shape.
#[derive(Clone, Debug, PartialEq)]
pub enum Loss {
    /// `−Σ q ln p` of the softmax `p`, where `q` is 1 at the label.
    CrossEntropy {
        /// Label smoothing `ε`: `q` is `1 − ε` at the label, and `ε / classes` is added everywhere (Szegedy et al.,
        /// CVPR 2016, section 7). From 0 to below 1.
        smoothing: f64,
    },
    /// `−α (1 − p)^γ ln p` of the label's softmax `p` (Lin et al., ICCV 2017, eq. 5; eq. 4 where `α` is 1).
    Focal {
        /// The exponent, at least 0; the paper's is 2.
        gamma: f64,
        /// `α` of each class; empty where it is 1 for all. The mean is over positions, not over weights.
        alpha: Vec<f64>,
    },
    /// The mean of squared differences.
    MeanSquared,
    /// The mean of absolute differences; its gradient is 0 where there is none to see.
    MeanAbsolute,
}

/// What the outputs of a batch ought to be.
#[derive(Clone, Debug, PartialEq)]
pub enum Target {
    /// A class for each sample, token or position; [`IGNORED`] does not count.
    Labels(Vec<u32>),
    /// Values of the shape of the output.
    Values(Tensor<f32>),
}

/// Why a loss has no value.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum LossError {
    /// A setting out of its range.
    #[error("the {setting} of a loss must be {range}, not {value}")]
    Setting {
        /// Which one.
        setting: &'static str,
        /// What it may be.
        range: &'static str,
        /// What it is.
        value: f64,
    },
    /// Labels where values are needed, or the reverse.
    #[error("{loss} is a loss over {wanted}, but the data gives {given}; choose another loss or other data")]
    Kind {
        /// The loss.
        loss: &'static str,
        /// What it needs.
        wanted: &'static str,
        /// What there is.
        given: &'static str,
    },
    /// An output that is no vector, sequence or map of classes.
    #[error(
        "{loss} takes outputs of [batch, classes], [batch, tokens, classes] or [batch, classes, height, width], \
         but the output is {shape:?}"
    )]
    Shape {
        /// The loss.
        loss: &'static str,
        /// The shape of the output.
        shape: Vec<usize>,
    },
    /// An output without elements.
    #[error("the output is {shape:?}, which holds nothing; give the loss at least one sample")]
    Empty {
        /// The shape of the output.
        shape: Vec<usize>,
    },
    /// One class.
    #[error(
        "the output {shape:?} has one class, so {loss} is 0 with a gradient of 0 whatever the network does; \
         give the network at least 2 classes, or take `mse`"
    )]
    OneClass {
        /// The loss.
        loss: &'static str,
        /// The shape of the output.
        shape: Vec<usize>,
    },
    /// Another number of labels than outputs.
    #[error("the output {shape:?} takes {wanted} labels, but there are {given}")]
    Labels {
        /// The shape of the output.
        shape: Vec<usize>,
        /// Labels it takes.
        wanted: usize,
        /// Labels there are.
        given: usize,
    },
    /// Another number of class weights than classes.
    #[error("the output {shape:?} has {classes} classes, but `alpha` has {given} values")]
    Alpha {
        /// The shape of the output.
        shape: Vec<usize>,
        /// Classes.
        classes: usize,
        /// Values of `alpha`.
        given: usize,
    },
    /// A label that is no class.
    #[error(
        "label {label} of sample {sample}, position {position}, is beyond the {classes} classes of the output, \
         0 to {}; give the network as many classes as the data has", classes - 1
    )]
    Label {
        /// The label.
        label: u32,
        /// The sample, from 0.
        sample: usize,
        /// The token, or the position row by row, from 0.
        position: usize,
        /// Classes of the output.
        classes: usize,
    },
    /// Nothing counts.
    #[error("every one of the {count} labels is to be ignored, so there is nothing to take a mean of")]
    AllIgnored {
        /// How many.
        count: usize,
    },
    /// Values of another shape.
    #[error("the output is {wanted:?}, but the values to reach are {given:?}")]
    Values {
        /// The shape of the output.
        wanted: Vec<usize>,
        /// The shape of the values.
        given: Vec<usize>,
    },
    /// A value that is no number.
    #[error("element {index} of the {which}, of {shape:?}, is {value}, so the loss has no value")]
    NotFinite {
        /// `output` or `target`.
        which: &'static str,
        /// Its position in the tensor.
        index: usize,
        /// NaN or an infinity.
        value: f64,
        /// The shape of the tensor.
        shape: Vec<usize>,
    },
    /// The loss or its gradient is too large for a number.
    #[error("the loss is {value:e} and it or its gradient overflows; the outputs are too large")]
    Overflow {
        /// The loss.
        value: f64,
    },
}

impl Default for Loss {
    /// Cross entropy without label smoothing.
    fn default() -> Self {
        Self::CrossEntropy { smoothing: 0.0 }
    }
}

impl Loss {
    /// The names in files, in the order messages list them.
    pub const NAMES: [&'static str; 4] = ["cross_entropy", "focal", "mse", "l1"];

    /// The name used in files; settings are no part of it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::CrossEntropy { .. } => "cross_entropy",
            Self::Focal { .. } => "focal",
            Self::MeanSquared => "mse",
            Self::MeanAbsolute => "l1",
        }
    }

    /// Whether it compares values of the shape of the output, rather than classes.
    pub fn is_over_values(&self) -> bool {
        matches!(self, Self::MeanSquared | Self::MeanAbsolute)
    }

    /// The loss of that name: without label smoothing, and with `γ = 2` and `α = 1` for the focal loss.
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "cross_entropy" => Self::CrossEntropy { smoothing: 0.0 },
            "focal" => Self::Focal { gamma: 2.0, alpha: Vec::new() },
            "mse" => Self::MeanSquared,
            "l1" => Self::MeanAbsolute,
            _ => return None,
        })
    }

    /// The mean loss over all samples, tokens or positions that count (over all elements for `mse` and `l1`), and its
    /// gradient in the shape of the output.
    ///
    /// # Errors
    /// Outputs and targets that do not fit each other, and values that are not finite; see [`LossError`].
    pub fn value_and_gradient<T: Element>(
        &self,
        output: &Tensor<T>,
        target: &Target,
    ) -> Result<(f64, Tensor<T>), LossError> {
        let counts = self.counts(output, target)?;
        let total: usize = counts.iter().sum();
        let (values, gradient) = self.evaluate(output, target, &vec![(total as f64).recip(); counts.len()])?;
        Ok((values.iter().sum(), gradient))
    }

    /// The mean loss of each sample by itself, and the gradient of each with respect to its own output: the gradients of
    /// samples taken one by one. Both are 0 for a sample whose labels are all ignored.
    ///
    /// # Errors
    /// As [`value_and_gradient`](Self::value_and_gradient).
    pub fn values_and_gradients<T: Element>(
        &self,
        output: &Tensor<T>,
        target: &Target,
    ) -> Result<(Vec<f64>, Tensor<T>), LossError> {
        let counts = self.counts(output, target)?;
        let scales: Vec<f64> = counts.into_iter().map(|count| (count.max(1) as f64).recip()).collect();
        self.evaluate(output, target, &scales)
    }

    /// Checks everything, and says how many terms count in each sample.
    fn counts<T: Element>(&self, output: &Tensor<T>, target: &Target) -> Result<Vec<usize>, LossError> {
        self.check_settings()?;
        let shape = || output.shape.clone();
        if output.data.is_empty() {
            return Err(LossError::Empty { shape: shape() });
        }
        finite("output", &output.shape, output.data.iter().map(|x| x.to_f64()))?;
        let batch = output.shape.first().copied().unwrap_or(1);
        let kind = |wanted, given| LossError::Kind { loss: self.name(), wanted, given };
        match (self, target) {
            (Self::CrossEntropy { .. } | Self::Focal { .. }, Target::Labels(labels)) => {
                let layout =
                    Layout::new(&output.shape).ok_or_else(|| LossError::Shape { loss: self.name(), shape: shape() })?;
                self.check_classes(layout.classes, &output.shape)?;
                layout.check_labels(labels, &output.shape)?;
                let counted = |labels: &[u32]| labels.iter().filter(|&&label| label != IGNORED).count();
                let counts: Vec<usize> = labels.chunks(layout.positions).map(counted).collect();
                if counts.iter().all(|&count| count == 0) {
                    return Err(LossError::AllIgnored { count: labels.len() });
                }
                Ok(counts)
            }
            (Self::MeanSquared | Self::MeanAbsolute, Target::Values(values)) => {
                if values.shape != output.shape {
                    return Err(LossError::Values { wanted: shape(), given: values.shape.clone() });
                }
                finite("target", &values.shape, values.data.iter().map(|&x| x.into()))?;
                Ok(vec![output.data.len() / batch; batch])
            }
            (_, Target::Values(_)) => Err(kind("labels", "values")),
            (_, Target::Labels(_)) => Err(kind("values", "labels")),
        }
    }

    fn check_settings(&self) -> Result<(), LossError> {
        let error = |setting, range, value| Err(LossError::Setting { setting, range, value });
        match self {
            Self::CrossEntropy { smoothing } if !(0.0..1.0).contains(smoothing) => {
                error("label smoothing", "from 0 to below 1", *smoothing)
            }
            Self::Focal { gamma, .. } if !(gamma.is_finite() && *gamma >= 0.0) => {
                error("`gamma`", "at least 0", *gamma)
            }
            Self::Focal { alpha, .. } => match alpha.iter().find(|a| !(a.is_finite() && **a >= 0.0)) {
                Some(&value) => error("`alpha`", "at least 0 for each class", value),
                None => Ok(()),
            },
            _ => Ok(()),
        }
    }

    fn check_classes(&self, classes: usize, shape: &[usize]) -> Result<(), LossError> {
        let shape = shape.to_vec();
        match self {
            _ if classes == 1 => Err(LossError::OneClass { loss: self.name(), shape }),
            Self::Focal { alpha, .. } if !alpha.is_empty() && alpha.len() != classes => {
                Err(LossError::Alpha { shape, classes, given: alpha.len() })
            }
            _ => Ok(()),
        }
    }

    /// The sum of the terms of each sample times the sample's scale, and the gradients of these sums. Everything fits:
    /// [`counts`](Self::counts) has looked.
    fn evaluate<T: Element>(
        &self,
        output: &Tensor<T>,
        target: &Target,
        scales: &[f64],
    ) -> Result<(Vec<f64>, Tensor<T>), LossError> {
        let mut gradient = Tensor::zeros(output.shape.clone());
        let mut values = vec![0.0; scales.len()];
        match (target, Layout::new(&output.shape)) {
            (Target::Values(goal), _) => {
                let each = output.data.len() / scales.len();
                for (index, (x, y)) in output.data.iter().zip(&goal.data).enumerate() {
                    let (sample, difference) = (index / each, x.to_f64() - f64::from(*y));
                    let (value, slope) = match self {
                        Self::MeanSquared => (difference * difference, 2.0 * difference),
                        _ => (difference.abs(), if difference == 0.0 { 0.0 } else { difference.signum() }),
                    };
                    values[sample] += scales[sample] * value;
                    gradient.data[index] = T::of(scales[sample] * slope);
                }
            }
            (Target::Labels(labels), Some(layout)) => {
                let mut logits = vec![0.0; layout.classes];
                for (place, &label) in labels.iter().enumerate().filter(|(_, label)| **label != IGNORED) {
                    let sample = place / layout.positions;
                    let elements = layout.elements(sample, place % layout.positions);
                    logits.iter_mut().zip(elements.clone()).for_each(|(z, at)| *z = output.data[at].to_f64());
                    values[sample] += scales[sample] * self.term(&mut logits, label as usize);
                    logits.iter().zip(elements).for_each(|(g, at)| gradient.data[at] = T::of(scales[sample] * g));
                }
            }
            (Target::Labels(_), None) => {}
        }
        let value: f64 = values.iter().sum();
        if !value.is_finite() || gradient.data.iter().any(|g| !g.to_f64().is_finite()) {
            return Err(LossError::Overflow { value });
        }
        Ok((values, gradient))
    }

    /// The loss of one label; its gradient takes the place of the logits.
    fn term(&self, logits: &mut [f64], label: usize) -> f64 {
        let classes = logits.len() as f64;
        let (top, largest) =
            logits.iter().copied().enumerate().fold((0, f64::NEG_INFINITY), |a, b| if b.1 > a.1 { b } else { a });
        let below = |logits: &[f64], but: usize| -> f64 {
            logits.iter().enumerate().filter(|(class, _)| *class != but).map(|(_, z)| (z - largest).exp()).sum()
        };
        // The largest exponential is 1 and stays out of the sum, so that a confident network keeps its last digits.
        let log_sum = below(logits, top).ln_1p();
        let loss_of = |z: f64| log_sum + (largest - z);
        let surprise = loss_of(logits[label]);
        // `1 − p`, summed rather than subtracted for the same reason.
        let rest = below(logits, label) * (-log_sum).exp();
        let p = (-surprise).exp();
        let (value, slope, smoothing) = match self {
            Self::Focal { gamma, alpha } => {
                let alpha = alpha.get(label).copied().unwrap_or(1.0);
                let modulation = rest.powf(*gamma);
                // The derivative by the label's logit is this times `1 − p`, by any other this times minus its softmax.
                let steep = if rest == 0.0 { 0.0 } else { gamma * p * rest.powf(gamma - 1.0) * surprise };
                (alpha * modulation * surprise, alpha * (modulation + steep), 0.0)
            }
            Self::CrossEntropy { smoothing } => {
                let mean = logits.iter().map(|&z| loss_of(z)).sum::<f64>() / classes;
                let value = if *smoothing == 0.0 { surprise } else { (1.0 - smoothing) * surprise + smoothing * mean };
                (value, 1.0, *smoothing)
            }
            Self::MeanSquared | Self::MeanAbsolute => (0.0, 0.0, 0.0),
        };
        for (class, z) in logits.iter_mut().enumerate() {
            let softmax = (-loss_of(*z)).exp();
            // Softmax less `q`, which is `1 − ε + ε / classes` at the label and `ε / classes` elsewhere.
            let error = if class == label { smoothing - rest } else { softmax };
            *z = slope * (error - smoothing / classes);
        }
        value
    }
}

/// Where the classes of a position lie in an output.
#[derive(Clone, Copy, Debug)]
struct Layout {
    classes: usize,
    /// Labels of a sample.
    positions: usize,
    /// Whether the classes of a position lie side by side; else the positions of a class do.
    together: bool,
}

impl Layout {
    fn new(shape: &[usize]) -> Option<Self> {
        match *shape {
            [_, classes] => Some(Self { classes, positions: 1, together: true }),
            [_, tokens, classes] => Some(Self { classes, positions: tokens, together: true }),
            [_, classes, height, width] => Some(Self { classes, positions: height * width, together: false }),
            _ => None,
        }
    }

    fn elements(self, sample: usize, position: usize) -> impl Iterator<Item = usize> + Clone {
        let start = sample * self.classes * self.positions;
        let (first, step) = if self.together { (position * self.classes, 1) } else { (position, self.positions) };
        (0..self.classes).map(move |class| start + first + class * step)
    }

    fn check_labels(self, labels: &[u32], shape: &[usize]) -> Result<(), LossError> {
        let wanted = shape[0] * self.positions;
        if labels.len() != wanted {
            return Err(LossError::Labels { shape: shape.to_vec(), wanted, given: labels.len() });
        }
        let beyond = |&label: &u32| label != IGNORED && label as usize >= self.classes;
        match labels.iter().position(beyond) {
            Some(at) => Err(LossError::Label {
                label: labels[at],
                sample: at / self.positions,
                position: at % self.positions,
                classes: self.classes,
            }),
            None => Ok(()),
        }
    }
}

fn finite(
    which: &'static str,
    shape: &[usize],
    mut values: impl Iterator<Item = f64> + Clone,
) -> Result<(), LossError> {
    match values.clone().position(|value| !value.is_finite()) {
        Some(index) => {
            let value = values.nth(index).unwrap_or(f64::NAN);
            Err(LossError::NotFinite { which, index, value, shape: shape.to_vec() })
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;

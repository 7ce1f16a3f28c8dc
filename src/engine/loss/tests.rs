#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use serde::Deserialize;

use super::*;

#[derive(Deserialize)]
struct Golden {
    name: String,
    loss: Settings,
    shape: Vec<usize>,
    output: Vec<f64>,
    target: Vec<f64>,
    value: f64,
    gradient: Vec<f64>,
}

#[derive(Deserialize)]
struct Settings {
    kind: String,
    smoothing: Option<f64>,
    gamma: Option<f64>,
    alpha: Option<Vec<f64>>,
}

impl Golden {
    fn loss(&self) -> Loss {
        let mut loss = Loss::from_name(&self.loss.kind).unwrap();
        match &mut loss {
            Loss::CrossEntropy { smoothing } => *smoothing = self.loss.smoothing.unwrap(),
            Loss::Focal { gamma, alpha } => {
                (*gamma, *alpha) = (self.loss.gamma.unwrap(), self.loss.alpha.clone().unwrap());
            }
            Loss::MeanSquared | Loss::MeanAbsolute => {}
        }
        loss
    }

    fn target(&self) -> Target {
        match self.loss.kind.as_str() {
            "mse" | "l1" => {
                Target::Values(Tensor::new(self.shape.clone(), self.target.iter().map(|&x| x as f32).collect()))
            }
            _ => Target::Labels(self.target.iter().map(|&y| if y < 0.0 { IGNORED } else { y as u32 }).collect()),
        }
    }
}

fn close(ours: f64, theirs: f64, tolerance: f64) -> bool {
    (ours - theirs).abs() <= tolerance * theirs.abs().max(1e-3)
}

#[test]
fn values_and_gradients_equal_those_of_pytorch() {
    let golden: Vec<Golden> = serde_json::from_str(include_str!("../../../tests/fixtures/loss.json")).unwrap();
    assert_eq!(golden.len(), 15);
    for case in golden {
        let output = Tensor::new(case.shape.clone(), case.output.clone());
        let (value, gradient) = case.loss().value_and_gradient(&output, &case.target()).unwrap();
        assert!(close(value, case.value, 1e-12), "{}: {value}, not {}", case.name, case.value);
        assert_eq!(gradient.shape, case.shape);
        for (index, (ours, theirs)) in gradient.data.iter().zip(&case.gradient).enumerate() {
            assert!(close(*ours, *theirs, 1e-10), "{}: {ours}, not {theirs}, at {index}", case.name);
        }
        let (single, slopes) = case.loss().value_and_gradient(&output.cast::<f32>(), &case.target()).unwrap();
        assert!(close(single, case.value, 1e-5), "{}: {single}", case.name);
        assert!(slopes.data.iter().zip(&case.gradient).all(|(a, b)| close((*a).into(), *b, 1e-4)), "{}", case.name);
    }
}

/// Losses over labels, of every kind.
fn labelled() -> Vec<Loss> {
    vec![
        Loss::CrossEntropy { smoothing: 0.0 },
        Loss::CrossEntropy { smoothing: 0.3 },
        Loss::Focal { gamma: 0.0, alpha: Vec::new() },
        Loss::Focal { gamma: 0.5, alpha: vec![1.0, 0.25, 2.0] },
        Loss::Focal { gamma: 2.0, alpha: Vec::new() },
    ]
}

fn labels(values: &[u32]) -> Target {
    Target::Labels(values.to_vec())
}

proptest! {
    #[test]
    fn gradients_equal_finite_differences(
        data in prop::collection::vec(-6.0..6.0_f64, 12),
        wanted in prop::collection::vec(prop_oneof![4 => 0..3_u32, 1 => Just(IGNORED)], 4),
        goal in prop::collection::vec(-6.0..6.0_f32, 12),
    ) {
        prop_assume!(wanted.iter().any(|&label| label != IGNORED));
        let shape = vec![2, 3, 2, 1];
        let values = Target::Values(Tensor::new(shape.clone(), goal));
        let mut cases: Vec<(Loss, Target)> = labelled().into_iter().map(|loss| (loss, labels(&wanted))).collect();
        cases.extend([(Loss::MeanSquared, values.clone()), (Loss::MeanAbsolute, values)]);
        for (loss, target) in cases {
            let output = Tensor::new(shape.clone(), data.clone());
            let (value, gradient) = loss.value_and_gradient(&output, &target).unwrap();
            prop_assert!(value >= 0.0);
            for (index, &x) in data.iter().enumerate() {
                let at = |step: f64| {
                    let mut moved = output.clone();
                    moved.data[index] += step;
                    loss.value_and_gradient(&moved, &target).unwrap().0
                };
                let step = 1e-5;
                // The kink of the absolute difference lies between the two points.
                let kinked = matches!((&loss, &target), (Loss::MeanAbsolute, Target::Values(goal))
                    if (x - f64::from(goal.data[index])).abs() <= step);
                let difference = (at(step) - at(-step)) / (2.0 * step);
                let error = (gradient.data[index] - difference).abs();
                prop_assert!(kinked || error < 1e-8, "{loss:?}, {index}: {} and {difference}", gradient.data[index]);
            }
        }
    }

    #[test]
    fn a_batch_is_the_mean_of_its_samples(
        data in prop::collection::vec(-6.0..6.0_f64, 24),
        wanted in prop::collection::vec(0..3_u32, 8),
    ) {
        let output = Tensor::new(vec![4, 3, 2, 1], data);
        for loss in labelled() {
            let (value, gradient) = loss.value_and_gradient(&output, &labels(&wanted)).unwrap();
            let (values, gradients) = loss.values_and_gradients(&output, &labels(&wanted)).unwrap();
            prop_assert!((values.iter().sum::<f64>() / 4.0 - value).abs() < 1e-12);
            prop_assert!(gradients.data.iter().zip(&gradient.data).all(|(a, b)| (a / 4.0 - b).abs() < 1e-12));
            for sample in 0..4 {
                let alone = Tensor::new(vec![1, 3, 2, 1], output.data[6 * sample..][..6].to_vec());
                let (value, gradient) = loss.value_and_gradient(&alone, &labels(&wanted[2 * sample..][..2])).unwrap();
                prop_assert_eq!(value, values[sample]);
                prop_assert_eq!(&gradient.data[..], &gradients.data[6 * sample..][..6]);
            }
        }
    }

    /// Softmax does not see what is added to all logits, so the gradient sums to 0 over the classes.
    #[test]
    fn nothing_pushes_all_classes_at_once(data in prop::collection::vec(-30.0..30.0_f64, 3), label in 0..3_u32) {
        let output = Tensor::new(vec![1, 3], data);
        for loss in labelled() {
            let (_, gradient) = loss.value_and_gradient(&output, &labels(&[label])).unwrap();
            prop_assert!(gradient.data.iter().sum::<f64>().abs() < 1e-12);
        }
    }
}

/// `ln p` and `1 − p` keep their digits where `p` rounds to 1.
#[test]
fn confident_networks_keep_their_digits() {
    let output = Tensor::new(vec![1, 2], vec![0.0, -50.0]);
    let (value, gradient) = Loss::CrossEntropy { smoothing: 0.0 }.value_and_gradient(&output, &labels(&[0])).unwrap();
    let rest = (-50.0_f64).exp();
    assert!(close(value / rest, 1.0, 1e-12) && close(gradient.data[0] / -rest, 1.0, 1e-12), "{value} {gradient:?}");
    // One that is certain has no gradient left, and no NaN either.
    let output = Tensor::new(vec![1, 2], vec![0.0, -1000.0]);
    for loss in [Loss::Focal { gamma: 0.5, alpha: vec![] }, Loss::Focal { gamma: 0.0, alpha: vec![] }] {
        let (value, gradient) = loss.value_and_gradient(&output, &labels(&[0])).unwrap();
        assert!(value == 0.0 && gradient.data.iter().all(|&g| g == 0.0), "{loss:?}: {value} {gradient:?}");
    }
    // And one that is certain of the wrong class pays linearly.
    let (value, gradient) =
        Loss::Focal { gamma: 2.0, alpha: vec![] }.value_and_gradient(&output, &labels(&[1])).unwrap();
    assert!(value == 1000.0 && gradient.data == [1.0, -1.0], "{value} {gradient:?}");
}

#[test]
fn what_does_not_fit_is_refused() {
    let cross = || Loss::CrossEntropy { smoothing: 0.0 };
    let focal = |gamma: f64, alpha: &[f64]| Loss::Focal { gamma, alpha: alpha.to_vec() };
    let zeros = |shape: &[usize]| Tensor::<f32>::zeros(shape.to_vec());
    let mut broken = zeros(&[2, 3]);
    broken.data[4] = f32::NAN;
    let mut endless = zeros(&[2, 3]);
    endless.data[0] = f32::NEG_INFINITY;
    let values = |shape: &[usize]| Target::Values(Tensor::zeros(shape.to_vec()));
    let cases: Vec<(Loss, Tensor<f32>, Target, &str)> = vec![
        (cross(), zeros(&[2, 3]), labels(&[0]), "the output [2, 3] takes 2 labels, but there are 1"),
        (cross(), zeros(&[2, 3, 2, 2]), labels(&[0, 1]), "takes 8 labels, but there are 2"),
        (cross(), zeros(&[2, 3]), labels(&[2, 3]), "label 3 of sample 1, position 0, is beyond the 3 classes"),
        (cross(), zeros(&[1, 2, 1, 2]), labels(&[0, 7]), "label 7 of sample 0, position 1, is beyond the 2 classes"),
        (cross(), zeros(&[2, 1]), labels(&[0, 0]), "has one class, so cross_entropy is 0 with a gradient of 0"),
        (cross(), zeros(&[0, 3]), labels(&[]), "the output is [0, 3], which holds nothing"),
        (cross(), zeros(&[2, 0]), labels(&[0, 0]), "the output is [2, 0], which holds nothing"),
        (cross(), zeros(&[6]), labels(&[0]), "but the output is [6]"),
        (cross(), broken, labels(&[0, 1]), "element 4 of the output, of [2, 3], is NaN"),
        (cross(), endless, labels(&[0, 1]), "element 0 of the output, of [2, 3], is -inf"),
        (cross(), zeros(&[2, 3]), labels(&[IGNORED; 2]), "every one of the 2 labels is to be ignored"),
        (cross(), zeros(&[2, 3]), values(&[2, 3]), "cross_entropy is a loss over labels, but the data gives values"),
        (Loss::MeanSquared, zeros(&[2, 3]), labels(&[0, 1]), "mse is a loss over values, but the data gives labels"),
        (
            Loss::MeanAbsolute,
            zeros(&[2, 3]),
            values(&[3, 2]),
            "the output is [2, 3], but the values to reach are [3, 2]",
        ),
        (Loss::CrossEntropy { smoothing: 1.0 }, zeros(&[1, 3]), labels(&[0]), "smoothing of a loss must be from 0 to"),
        (Loss::CrossEntropy { smoothing: f64::NAN }, zeros(&[1, 3]), labels(&[0]), "not NaN"),
        (focal(-1.0, &[]), zeros(&[1, 3]), labels(&[0]), "the `gamma` of a loss must be at least 0, not -1"),
        (focal(2.0, &[1.0]), zeros(&[1, 3]), labels(&[0]), "has 3 classes, but `alpha` has 1 values"),
        (focal(2.0, &[1.0, -2.0, 1.0]), zeros(&[1, 3]), labels(&[0]), "`alpha` of a loss must be at least 0 for each"),
        (Loss::MeanSquared, Tensor::filled(vec![1, 1], f32::MAX), values(&[1, 1]), "overflows"),
    ];
    for (loss, output, target, wanted) in cases {
        let message = loss.value_and_gradient(&output, &target).unwrap_err().to_string();
        assert!(message.contains(wanted), "{message:?} does not say {wanted:?}");
        assert_eq!(loss.values_and_gradients(&output, &target).unwrap_err().to_string(), message);
    }
}

#[test]
fn a_sample_without_labels_counts_for_nothing() {
    let output = Tensor::new(vec![2, 2], vec![1.0_f64, 2.0, 3.0, 5.0]);
    let target = labels(&[IGNORED, 0]);
    let (values, gradient) = Loss::CrossEntropy { smoothing: 0.0 }.values_and_gradients(&output, &target).unwrap();
    assert_eq!((values[0], &gradient.data[..2]), (0.0, &[0.0, 0.0][..]));
    let (value, mean) = Loss::CrossEntropy { smoothing: 0.0 }.value_and_gradient(&output, &target).unwrap();
    assert_eq!((value, &mean.data[..]), (values[1], &gradient.data[..]));
}

#[test]
fn names_read_back() {
    for name in Loss::NAMES {
        assert_eq!(Loss::from_name(name).unwrap().name(), name);
    }
    assert_eq!(Loss::from_name("bce"), None);
}

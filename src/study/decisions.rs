//! What a search teaches about its decisions: which options the front takes, and which decisions matter.
//! The counting is that of [`crate::audit::Table`]; here are its rows and the words of the report.

use std::collections::HashMap;

use crate::audit::{Bootstrap, Table};
use crate::report::{Choice, Importance};
use crate::space::{Architecture, DecisionSpec, Value};

/// How many rows importance looks at: more would narrow the intervals beyond what a reader can use.
const MOST_ROWS: usize = 4000;

/// For each decision of the space, how often its options are taken on the front and among all; nothing where
/// there is nothing to compare with.
///
/// # Panics
/// Where an architecture decides something that is not among `specs`.
pub(super) fn choices<'a>(
    specs: &[DecisionSpec],
    front: impl IntoIterator<Item = &'a Architecture>,
    all: impl IntoIterator<Item = &'a Architecture>,
) -> Vec<Choice> {
    let (front, all) = (table(specs, front), table(specs, all));
    if front.rows() == 0 || all.rows() == 0 {
        return Vec::new();
    }
    let shares = specs.iter().zip(front.frequencies().into_iter().zip(all.frequencies()));
    shares.map(|(spec, (front, all))| Choice { path: spec.path.clone(), options: options(spec), front, all }).collect()
}

/// How much of each objective's variance each decision explains among `architectures`; `values` has a row of
/// objective values for each. Of more than a few thousand, an even spread is looked at.
///
/// # Panics
/// Where an architecture decides something that is not among `specs`.
pub(super) fn importance(
    specs: &[DecisionSpec],
    architectures: &[&Architecture],
    values: &[Vec<f64>],
    seed: u64,
) -> Vec<Importance> {
    let stride = architectures.len().div_ceil(MOST_ROWS).max(1);
    let table = table(specs, architectures.iter().copied().step_by(stride));
    let values: Vec<Vec<f64>> = values.iter().step_by(stride).cloned().collect();
    let shares = table.importance(&values, &Bootstrap { seed, ..Bootstrap::default() });
    shares
        .into_iter()
        .map(|share| Importance {
            objective: share.objective,
            path: specs[share.decision].path.clone(),
            share: share.share,
            low: share.interval.low,
            high: share.interval.high,
        })
        .collect()
}

/// The decisions of a space whose choice graph is too large to list them: those that `architectures` took.
pub(super) fn seen(architectures: &[Architecture]) -> Vec<DecisionSpec> {
    let mut specs: Vec<DecisionSpec> = Vec::new();
    let mut index: HashMap<&str, usize> = HashMap::new();
    for decision in architectures.iter().flat_map(|architecture| &architecture.decisions) {
        let at = *index.entry(&decision.path).or_insert_with(|| {
            let path = decision.path.clone();
            specs.push(DecisionSpec { path, options: Vec::new(), weights: None, ordered: false, default: 0 });
            specs.len() - 1
        });
        let options = &mut specs[at].options;
        while options.len() <= decision.option {
            options.push(Value::Word(format!("option {}", options.len())));
        }
        options[decision.option] = decision.value.clone();
    }
    specs
}

fn table<'a>(specs: &[DecisionSpec], architectures: impl IntoIterator<Item = &'a Architecture>) -> Table {
    let mut table = Table::new(specs.iter().map(|spec| (spec.path.clone(), options(spec))).collect());
    for architecture in architectures {
        let decided = architecture.decisions.iter().map(|decision| (decision.path.as_str(), decision.option));
        table.push(decided).expect("a space lists every decision of its architectures");
    }
    table
}

fn options(spec: &DecisionSpec) -> Vec<String> {
    spec.options.iter().map(ToString::to_string).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::space::Decision;

    fn spec(path: &str, options: &[i64]) -> DecisionSpec {
        let options = options.iter().map(|&option| Value::Int(option)).collect();
        DecisionSpec { path: path.to_owned(), options, weights: None, ordered: false, default: 0 }
    }

    fn architecture(decisions: &[(&str, usize)]) -> Architecture {
        let decision = |&(path, option): &(&str, usize)| Decision {
            path: path.to_owned(),
            option,
            value: Value::Int(option as i64),
        };
        Architecture { decisions: decisions.iter().map(decision).collect() }
    }

    #[test]
    fn shares_stand_at_their_options_in_the_order_of_the_space() {
        let specs = [spec("s1.repeat", &[1, 2]), spec("s1.1.kernel", &[3, 5, 7])];
        let long = architecture(&[("s1.1.kernel", 2), ("s1.repeat", 1)]);
        let short = architecture(&[("s1.repeat", 0)]);
        let choices = choices(&specs, [&long], [&long, &short, &short, &short]);
        assert_eq!(choices[0].path, "s1.repeat");
        assert_eq!((&choices[0].front, &choices[0].all), (&vec![0.0, 1.0], &vec![0.75, 0.25]));
        assert_eq!(choices[1].options, ["3", "5", "7"]);
        assert_eq!((&choices[1].front, &choices[1].all), (&vec![0.0, 0.0, 1.0], &vec![0.0, 0.0, 0.25]));
    }

    #[test]
    fn many_rows_are_thinned_together_with_their_values() {
        let specs = [spec("a", &[0, 1])];
        let architectures: Vec<Architecture> =
            (0..3 * MOST_ROWS + 7).map(|row| architecture(&[("a", row / 3 % 2)])).collect();
        let values: Vec<Vec<f64>> = (0..architectures.len()).map(|row| vec![(row / 3 % 2) as f64]).collect();
        let importance = importance(&specs, &architectures.iter().collect::<Vec<_>>(), &values, 1);
        assert_eq!(importance[0].path, "a");
        assert!((importance[0].share - 1.0).abs() < 1e-9, "rows and values went apart: {importance:?}");
    }
}

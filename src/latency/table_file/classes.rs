//! Class rows and the calibration of a table file.

use std::collections::HashSet;

use super::{POSITIVE, field, number};
use crate::latency::{Calibration, Class, ClassCost, ClassModel, Work};
use crate::yaml::{Field, Kind, Node, Problems, nearest};

/// The fields of a class row.
pub(super) const CLASS_ROW: [Field; 5] = [
    field("source", &Kind::Word(&["fitted"]), true, "fitted: a cost of the class model"),
    field("class", &Kind::Text, true, "the class of operators that it applies to"),
    field("work", &Kind::Text, true, "the amount of work that it multiplies"),
    field("cost", &POSITIVE, true, "time per unit of work"),
    field("per", &Kind::Text, false, "what one unit of work is"),
];

/// What turns sums into latencies of networks.
pub(super) const CALIBRATION: Kind = Kind::Map(&[
    field("scale", &POSITIVE, true, "factor of an operator's time"),
    field("operator", &POSITIVE, true, "time that every operator takes besides"),
    field("network", &POSITIVE, true, "time that every network takes besides"),
]);

/// The class model of a file that passed the schema; `None` where it has no class rows.
pub(super) fn class_model(root: &Node, to_ms: f64, problems: &mut Problems) -> Option<ClassModel> {
    let mut costs: Vec<ClassCost> = Vec::new();
    let mut seen = HashSet::new();
    let mut term = None;
    for (index, row) in root.get("rows").map(Node::items).unwrap_or_default().iter().enumerate() {
        let path = format!("rows[{index}]");
        term = term.or(row.get("term"));
        let (Some(class), Some(work)) = (row.get("class"), row.get("work")) else { continue };
        let (of, by) = (class.text().unwrap_or_default(), work.text().unwrap_or_default());
        match (Class::from_name(of), Work::from_name(by)) {
            (Some(class), Some(work)) => {
                if !seen.insert((class, work)) {
                    problems.at(row, &path, format!("`{by}` of class `{of}` has two rows"), "keep one");
                }
                costs.push(ClassCost { class, work, cost: number(row, "cost") * to_ms });
            }
            (None, _) => {
                let help = nearest(of, Class::ALL.map(Class::name));
                problems.at(class, &format!("{path}.class"), format!("unknown class `{of}`"), help);
            }
            (_, None) => {
                let help = nearest(by, Work::ALL.map(Work::name));
                problems.at(work, &format!("{path}.work"), format!("unknown work `{by}`"), help);
            }
        }
    }
    let stated = root.get("calibration");
    if costs.is_empty() {
        if let Some(stated) = stated {
            problems.at(stated, "calibration", "there are no class rows to calibrate".to_owned(), "remove it");
        }
        return None;
    }
    if let Some(term) = term {
        let message = format!("term `{}` stands beside class rows", term.text().unwrap_or_default());
        problems.at(
            term,
            "rows",
            message,
            "a table has terms or classes; what a network costs besides is `calibration`",
        );
    }
    let calibration = stated.map_or(Calibration::NONE, |stated| Calibration {
        scale: number(stated, "scale"),
        operator: number(stated, "operator") * to_ms,
        network: number(stated, "network") * to_ms,
    });
    Some(ClassModel::new(costs, calibration))
}

/// The lines of a model's calibration, and those of its rows.
pub(super) fn lines(model: &ClassModel) -> (String, String) {
    let Calibration { scale, operator, network } = model.calibration();
    let calibration = format!(
        "# A network costs scale x the sum of its operators' times, + operator for each of them, + network.\n\
         calibration: {{scale: {scale:e}, operator: {operator:e}, network: {network:e}}}"
    );
    let row = |cost: &ClassCost| {
        let per = serde_json::Value::from(cost.work.unit());
        let (class, work) = (cost.class.name(), cost.work.name());
        format!("  - {{source: fitted, class: {class}, work: {work}, cost: {:e}, per: {per}}}\n", cost.cost)
    };
    (calibration, model.costs().iter().map(row).collect())
}

//! Limits: `latency <= 40 ms` as a quantity, a relation and a bound in the quantity's own unit.

use std::fmt;

/// Which side of a bound is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// At most the bound.
    AtMost,
    /// At least the bound.
    AtLeast,
}

/// A hard limit on one quantity.
#[derive(Clone, Debug, PartialEq)]
pub struct Limit {
    /// Name of an objective, or of a count.
    pub quantity: String,
    /// Which side of the bound is allowed.
    pub relation: Relation,
    /// The bound, in `unit`.
    pub bound: f64,
    /// The unit of the quantity; `1` for a plain number.
    pub unit: String,
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.relation == Relation::AtMost { "<=" } else { ">=" };
        write!(f, "{} {sign} {}", self.quantity, self.bound)?;
        if self.unit != "1" {
            write!(f, " {}", self.unit)?;
        }
        Ok(())
    }
}

/// A limit as it is written, before its names and units mean anything.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Written<'a> {
    pub(super) quantity: &'a str,
    pub(super) relation: Relation,
    pub(super) number: f64,
    pub(super) unit: &'a str,
}

const FORM: &str = "write it as `name <= number unit`, for example `latency <= 40 ms`";

/// Takes a limit apart.
///
/// # Errors
/// What is wrong, and the remedy.
pub(super) fn parse(text: &str) -> Result<Written<'_>, (String, &'static str)> {
    let Some(at) = text.find(['<', '>', '=', '≤', '≥']) else {
        return Err((format!("`{text}` does not compare anything"), FORM));
    };
    let (quantity, rest) = (text[..at].trim(), &text[at..]);
    let signs =
        [("<=", Relation::AtMost), ("≤", Relation::AtMost), (">=", Relation::AtLeast), ("≥", Relation::AtLeast)];
    let Some((rest, relation)) = signs.iter().find_map(|(sign, r)| rest.strip_prefix(sign).map(|rest| (rest, *r)))
    else {
        return Err((format!("`{text}` has a comparison that is no limit"), "use `<=` or `>=`"));
    };
    if quantity.is_empty() {
        return Err((format!("`{text}` does not say what it limits"), FORM));
    }
    let rest = rest.trim();
    // Longest prefix that is a number: `40ms`, `5e6`, `1.5 M`.
    let split = (1..=rest.len())
        .rev()
        .filter(|&end| rest.is_char_boundary(end))
        .find(|&end| rest[..end].parse::<f64>().is_ok_and(f64::is_finite));
    let Some((number, unit)) = split.map(|end| rest.split_at(end)) else {
        return Err((format!("`{rest}` does not start with a finite number"), FORM));
    };
    let number = number.trim().parse().expect("the prefix parsed above");
    Ok(Written { quantity, relation, number, unit: unit.trim() })
}

/// Spellings that a bound may use in place of a quantity's own unit, each with its size in that unit.
fn spellings(unit: &str) -> &'static [(&'static str, f64)] {
    match unit {
        "ms" => &[("ms", 1.0), ("us", 1e-3), ("µs", 1e-3), ("s", 1e3)],
        "B" => &[
            ("B", 1.0),
            ("kB", 1e3),
            ("MB", 1e6),
            ("GB", 1e9),
            ("KiB", 1024.0),
            ("MiB", 1_048_576.0),
            ("GiB", 1_073_741_824.0),
        ],
        _ => &[("", 1.0), ("k", 1e3), ("K", 1e3), ("M", 1e6), ("G", 1e9)],
    }
}

/// The bound in a quantity's own unit.
///
/// # Errors
/// What is wrong, and the remedy.
pub(super) fn convert(number: f64, written: &str, unit: &str) -> Result<f64, (String, String)> {
    let valid = spellings(unit);
    match valid.iter().find(|(name, _)| *name == written) {
        Some((_, factor)) => Ok(number * factor),
        None => {
            let names: Vec<String> =
                valid.iter().filter(|(name, _)| !name.is_empty()).map(|(name, _)| format!("`{name}`")).collect();
            let names = names.join(", ");
            let message = match (written, unit) {
                ("", _) => format!("the bound {number} has no unit"),
                (_, "1") => format!("`{written}` is no unit of a plain number"),
                _ => format!("`{written}` is no unit of a quantity in {unit}"),
            };
            let help =
                if unit == "1" { format!("write the number alone, or with {names}") } else { format!("use {names}") };
            Err((message, help))
        }
    }
}

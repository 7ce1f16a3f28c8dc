//! Which proxies an audit scores networks by, and which it computes from the scores of others: an aggregate ranks all
//! networks against each other, so it comes after its members, each of which is scored once.

use super::{Column, Cost, Measured};
use crate::proxy::{Definition, aggregate};
use crate::yaml::Diagnostics;

/// The proxies of an audit.
#[derive(Clone, Debug)]
pub struct Lineup {
    shown: Vec<Definition>,
    scored: Vec<Definition>,
    /// For each that is shown, those among the scored that it is made of: itself, or the members of an aggregate.
    parts: Vec<Vec<usize>>,
}

impl Lineup {
    /// The proxies to show, in order.
    ///
    /// # Errors
    /// A member of an aggregate that cannot be loaded.
    pub fn new(shown: Vec<Definition>) -> Result<Self, Diagnostics> {
        let mut scored: Vec<Definition> = Vec::new();
        let mut place = |definition: Definition| {
            let text = definition.to_yaml();
            scored.iter().position(|known| known.to_yaml() == text).unwrap_or_else(|| {
                scored.push(definition);
                scored.len() - 1
            })
        };
        let mut parts = Vec::with_capacity(shown.len());
        for definition in &shown {
            let members = definition.members();
            parts.push(if members.is_empty() {
                vec![place(definition.clone())]
            } else {
                let members: Result<Vec<usize>, Diagnostics> =
                    members.iter().map(|member| Definition::load(member).map(&mut place)).collect();
                members?
            });
        }
        Ok(Self { shown, scored, parts })
    }

    /// What is shown, in order.
    pub fn shown(&self) -> &[Definition] {
        &self.shown
    }

    /// What networks are scored by, each once.
    pub fn scored(&self) -> &[Definition] {
        &self.scored
    }

    /// From the columns of what is scored to those of what is shown.
    pub fn show(&self, measured: Measured) -> Measured {
        let column = |(definition, parts): (&Definition, &Vec<usize>)| match (definition.members(), &parts[..]) {
            ([], &[only]) => measured.columns[only].clone(),
            _ => combine(&definition.name, parts, &measured),
        };
        let columns = self.shown.iter().zip(&self.parts).map(column).collect();
        Measured { columns, ..measured }
    }
}

/// The column of an aggregate, over the distinct networks. It takes as long as its members together.
fn combine(name: &str, members: &[usize], measured: &Measured) -> Column {
    let members: Vec<&Column> = members.iter().map(|&member| &measured.columns[member]).collect();
    // What has no score ranks lowest, however its failure reads as a number.
    let ranked = |score: f64| if score.is_finite() { score } else { f64::NEG_INFINITY };
    let distinct: Vec<Vec<f64>> =
        (members.iter()).map(|column| measured.first.iter().map(|&row| ranked(column.scores[row])).collect()).collect();
    let columns: Vec<&[f64]> = distinct.iter().map(Vec::as_slice).collect();
    let scores = aggregate(&columns);
    Column {
        proxy: name.to_owned(),
        scores: measured.classes.iter().map(|&class| scores[class]).collect(),
        cost: Cost::together(members.iter().map(|column| &column.cost)),
        details: Vec::new(),
        unfit: None,
    }
}

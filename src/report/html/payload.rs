//! The part of the data that the page's script needs: blocks and decisions of
//! each member that has a row. Texts recur a thousandfold, so each stands once.

use std::collections::HashMap;

use serde::Serialize;

use super::figures::Geometry;
use crate::report::data::ReportData;
use crate::report::figure::Frame;
use crate::report::{Objective, ReportError};

#[derive(Serialize)]
struct Payload<'a> {
    objectives: &'a [Objective],
    /// The panels of the wide plot and of the plot for phones.
    frames: [&'a [Frame]; 2],
    members: Vec<Details<'a>>,
    texts: Vec<&'a str>,
    /// The drawings besides the front.
    figures: Geometry<'a>,
    /// Which member to show first.
    first: Option<usize>,
}

#[derive(Serialize)]
struct Details<'a> {
    index: usize,
    id: &'a str,
    hash: &'a str,
    values: &'a [f64],
    /// Pairs of texts.
    decisions: Vec<[usize; 2]>,
    /// Name, description, milliseconds.
    blocks: Vec<(usize, usize, Option<f64>)>,
    flags: &'a [String],
}

#[derive(Default)]
struct Texts<'a> {
    list: Vec<&'a str>,
    known: HashMap<&'a str, usize>,
}

impl<'a> Texts<'a> {
    fn index(&mut self, text: &'a str) -> usize {
        *self.known.entry(text).or_insert_with(|| {
            self.list.push(text);
            self.list.len() - 1
        })
    }
}

/// The payload as JSON that can stand inside a `<script>` element.
pub(super) fn json<'a>(
    data: &'a ReportData,
    rows: &[usize],
    frames: [&'a [Frame]; 2],
    figures: Geometry<'a>,
) -> Result<String, ReportError> {
    let mut texts = Texts::default();
    let members = rows
        .iter()
        .map(|&index| {
            let member = &data.front[index];
            let decisions = member.decisions.iter().map(|d| [texts.index(&d.path), texts.index(&d.value)]).collect();
            let blocks = (member.blocks.iter())
                .map(|block| {
                    let shown = block.latency_ms.filter(|ms| ms.is_finite()).map(|ms| (ms * 1e4).round() / 1e4);
                    (texts.index(&block.name), texts.index(&block.description), shown)
                })
                .collect();
            let (id, hash) = (member.id.as_str(), member.hash.as_str());
            Details { index, id, hash, values: &member.values, decisions, blocks, flags: &member.flags }
        })
        .collect();
    let first = data.best_under_limit.or(data.knee).or(rows.first().copied());
    let payload = Payload { objectives: &data.objectives, frames, members, texts: texts.list, figures, first };
    let json = serde_json::to_string(&payload).map_err(|error| ReportError::Data(error.to_string()))?;
    // `<` could close the element or open a comment; the separators end a line in old scripts.
    Ok(json.replace('<', "\\u003c").replace('\u{2028}', "\\u2028").replace('\u{2029}', "\\u2029"))
}

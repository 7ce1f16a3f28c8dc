//! Which decisions matter: the share of each objective's variance that each explains on its own, with the
//! interval that it is known to, most important first.

use std::fmt::Write;

use super::choices::{all_phrase, percent};
use crate::report::data::{Importance, ReportData};
use crate::report::escape;

/// Decisions before "all".
const SHOWN: usize = 20;
/// Panels that stand beside each other; more become tabs.
const BESIDE: usize = 3;

/// The section; nothing without importance.
pub(super) fn section(page: &mut String, data: &ReportData) {
    let panels: Vec<(usize, Vec<&Importance>)> = (0..data.objectives.len())
        .map(|objective| (objective, sorted(data, objective)))
        .filter(|(_, rows)| !rows.is_empty())
        .collect();
    if panels.is_empty() {
        return;
    }
    page.push_str("<section id=\"importance\">\n<h2>Which decisions matter</h2>\n");
    let caution = if data.course.is_some() {
        " A search does not draw uniformly: decisions that rose together share the credit."
    } else {
        ""
    };
    let _ = writeln!(
        page,
        "<p class=\"caption\">The share of an objective’s variance that a decision explains on its own, among {}; lines \
         are 95 % intervals.{caution}</p>",
        all_phrase(data)
    );
    let most = panels.iter().map(|(_, rows)| rows.len()).max().unwrap_or(0);
    if most > SHOWN {
        let _ = writeln!(
            page,
            "<div class=\"switches\"><label><input type=\"checkbox\" id=\"all-decisions\"> all {most} decisions</label></div>"
        );
    }
    let tabs = panels.len() > BESIDE;
    let _ = writeln!(page, "<div class=\"{}\">", if tabs { "tabs" } else { "beside" });
    for (at, (objective, rows)) in panels.iter().enumerate() {
        let name = escape(&data.objectives[*objective].name);
        if tabs {
            let checked = if at == 0 { " checked" } else { "" };
            let _ = writeln!(
                page,
                "<input type=\"radio\" name=\"importance\" id=\"importance-{objective}\"{checked}><label for=\"importance-{objective}\">{name}</label>"
            );
        }
        panel(page, &name, rows);
    }
    page.push_str("</div>\n</section>\n");
}

/// What is known about an objective, the largest share first, ties in the order of the space.
fn sorted(data: &ReportData, objective: usize) -> Vec<&Importance> {
    let mut rows: Vec<&Importance> = data.importance.iter().filter(|row| row.objective == objective).collect();
    rows.sort_by(|a, b| b.share.total_cmp(&a.share));
    rows
}

/// One objective. `name` is safe for HTML.
fn panel(page: &mut String, name: &str, rows: &[&Importance]) {
    let end = scale(rows.iter().map(|row| row.high.max(row.share)).fold(0.0, f64::max));
    let _ = write!(
        page,
        "<div class=\"panel walk\" tabindex=\"0\" role=\"group\" aria-label=\"Importance for {name}; arrow keys move from one decision to the next\">\n\
         <h3>{name}</h3>\n<div class=\"scale\" aria-hidden=\"true\"><span></span><span><u>0 %</u><u>{}</u><u>{}</u></span><span></span></div>\n",
        percent(end / 2.0).replace('<', "&lt;"),
        percent(end)
    );
    for (at, row) in rows.iter().enumerate() {
        let surplus = if at >= SHOWN { " surplus" } else { "" };
        let interval = format!("{}–{}", percent(row.low).trim_end_matches(" %"), percent(row.high));
        let told = format!("{} explains {} of the variance of ", escape(&row.path), escape(&percent(row.share))) + name;
        let along = |share: f64| 100.0 * share / end;
        let _ = writeln!(
            page,
            "<div class=\"item decision{surplus}\" role=\"img\" aria-label=\"{told}; 95 % interval {}\">\
             <span>{}</span><span class=\"track\"><i style=\"left:{:.2}%;width:{:.2}%\"></i><b style=\"left:{:.2}%\"></b></span>\
             <em>{}</em></div>",
            escape(&interval),
            escape(&row.path),
            along(row.low),
            along(row.high - row.low),
            along(row.share),
            escape(&percent(row.share))
        );
    }
    page.push_str("</div>\n");
}

/// The end of the axis: the next round share, so that half of it is readable too.
fn scale(most: f64) -> f64 {
    [0.02, 0.06, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8].into_iter().find(|end| most <= *end).unwrap_or(1.0)
}

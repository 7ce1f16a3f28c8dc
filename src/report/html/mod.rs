//! `report.html`: one page that needs no network, no server and, for the
//! essentials, no script. Plot and table are there as written; a small script
//! adds looking at single members and sorting.

use std::fmt::Write;

use super::data::{Broken, Entry, ReportData, in_brackets};
use super::figure::{self, Place, readable_count, with_unit};
use super::font::Typeface;
use super::number::NumberFormat;
use super::scene::Layer;
use super::{ReportError, escape};

mod choices;
mod closest;
mod figures;
mod importance;
mod payload;
mod table;

use figures::Figures;
use table::Table;

pub(super) const CSS: [&str; 2] = [include_str!("page.css"), include_str!("plots.css")];
/// The plots come first: they listen for the member that the page shows when it opens.
const SCRIPTS: [&str; 2] = [include_str!("plots.js"), include_str!("page.js")];

/// The page forbids itself every request, whatever a name in the data contains.
pub(super) const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; \
                      img-src data:; base-uri 'none'; form-action 'none'";

/// Writes the page for `data`, which must have passed its check.
///
/// # Errors
///
/// What drawing the plot reports.
pub(super) fn page(data: &ReportData) -> Result<String, ReportError> {
    let typeface = Typeface::load()?;
    let wide = figure::draw(data, &typeface, Place::Page);
    let phone = figure::draw(data, &typeface, Place::Phone);
    let table = Table::new(data);
    let figures = Figures::new(data, &typeface);

    let mut page = String::new();
    let title = escape(&data.title);
    page.push_str(&format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n\
         <title>{title}</title>\n<link rel=\"icon\" href=\"data:,\">\n<style>\n{}</style>\n</head>\n<body>\n",
        CSS.concat()
    ));
    header(&mut page, data, &table);
    page.push_str("<main>\n<section class=\"stage\">\n<figure id=\"plot\">\n");
    switches(&mut page, data);
    let hidden = [Layer::Paper];
    let _ = writeln!(page, "<div class=\"wide\">\n{}</div>", wide.scene.svg(&data.title, &hidden)?);
    let _ = writeln!(page, "<div class=\"phone\">\n{}</div>", phone.scene.svg(&data.title, &hidden)?);
    if !data.front.is_empty() {
        let staircase = if data.objectives.len() > 1 {
            "Each point is an attained architecture; between points nothing was attained, \
             so the front is a staircase."
        } else {
            "Each point is an attained architecture."
        };
        let _ = writeln!(
            page,
            "<figcaption>{staircase}<span class=\"scripted\"> Point at one, or move with the arrow keys, \
             to see it; click or press Enter to keep it.</span></figcaption>"
        );
    }
    page.push_str(
        "</figure>\n<aside id=\"detail\" aria-label=\"The chosen architecture\" hidden></aside>\n</section>\n",
    );
    closest::section(&mut page, data);
    figures.parallel(&mut page, data)?;
    table.write(&mut page, data);
    figures.course(&mut page, data)?;
    choices::section(&mut page, data);
    importance::section(&mut page, data);
    comparisons(&mut page, data);
    if !data.notes.is_empty() {
        page.push_str("<section>\n<h2>Notes</h2>\n<ul class=\"notes\">\n");
        for note in &data.notes {
            let _ = writeln!(page, "<li>{}</li>", escape(note));
        }
        page.push_str("</ul>\n</section>\n");
    }
    run_card(&mut page, data);
    page.push_str("</main>\n");
    let payload = payload::json(data, &table.rows, [&wide.frames, &phone.frames], figures.geometry(data))?;
    let _ = write!(
        page,
        "<script type=\"application/json\" id=\"data\">{payload}</script>\n<script>\n\"use strict\";\n{}</script>\n</body>\n</html>\n",
        SCRIPTS.concat()
    );
    Ok(page)
}

/// Headline, and the answers a reader came for, as tiles.
fn header(page: &mut String, data: &ReportData, table: &Table) {
    let _ = write!(page, "<header>\n<h1>{}</h1>\n", escape(&data.title));
    if !data.space.about.is_empty() {
        let _ = writeln!(page, "<p class=\"lead\">{}</p>", escape(&data.space.about));
    }
    page.push_str("<div class=\"tiles\">\n");
    let mut tile = |class: &str, name: &str, value: &str, detail: &str| {
        let _ = writeln!(
            page,
            "<div class=\"tile {class}\"><span>{}</span><strong>{}</strong><small>{}</small></div>",
            escape(name),
            value,
            escape(detail)
        );
    };
    let picks = [("best", data.best_phrase(), data.best_under_limit), ("knee", "knee", data.knee)];
    for (class, name, index) in picks {
        let Some(index) = index else { continue };
        let Some(first) = data.objectives.first() else {
            continue;
        };
        let values = table.objective_cells(&data.front[index], data);
        let value = format!("<a href=\"#m{index}\" data-select=\"{index}\">{}</a>", escape(&values[0]));
        let rest: Vec<String> = (data.objectives.iter().zip(&values).skip(1))
            .map(|(objective, value)| format!("{} {value}", objective.name))
            .collect();
        let rest = if rest.is_empty() { first.name.clone() } else { rest.join(", ") };
        tile(class, &capitalised(name), &value, &rest);
    }
    if let Some(closest) = data.closest.first() {
        let off = |broken: &Broken| {
            let by = broken.by.abs();
            let by = with_unit(NumberFormat::for_values(std::iter::once(by)).show(by), &broken.unit);
            format!("{} by {by}", broken.limit)
        };
        let broken: Vec<String> = closest.broken.iter().map(off).collect();
        tile("incomplete", "Within the limits", "nothing", &format!("the closest breaks {}", broken.join(", ")));
    }
    if !data.front.is_empty() {
        let size = super::number::grouped(&data.front.len().to_string());
        tile("front", "Front", &size, if data.front.len() == 1 { "architecture" } else { "architectures" });
    }
    if !data.space.architectures.is_empty() {
        tile(
            "",
            "Space",
            &escape(&readable_count(&data.space.architectures)),
            &format!("architectures in {}", data.space.name),
        );
    }
    let complete = if data.certificate.complete { "complete" } else { "incomplete" };
    tile(complete, "Certificate", &escape(&capitalised(&data.certificate.short())), &data.certificate.statement);
    page.push_str("</div>\n</header>\n");
}

/// Check boxes that show and hide layers of the plot; the style sheet does the work.
fn switches(page: &mut String, data: &ReportData) {
    let mut boxes = String::new();
    for (id, label, present) in [
        ("show-sampled", data.others(), !data.sampled.is_empty()),
        ("show-infeasible", "outside the limits", data.infeasible.iter().any(|row| row.iter().all(|v| v.is_finite()))),
        ("show-baselines", "known networks", !data.baselines.is_empty()),
    ] {
        if present {
            let _ = writeln!(boxes, "<label><input type=\"checkbox\" id=\"{id}\" checked> {label}</label>");
        }
    }
    if !boxes.is_empty() {
        let _ = write!(page, "<div class=\"switches\">\n{boxes}</div>\n");
    }
}

/// Limits, and the known networks beside the front.
fn comparisons(page: &mut String, data: &ReportData) {
    if data.limits.is_empty() && data.baselines.is_empty() {
        return;
    }
    page.push_str("<div class=\"pair\">\n");
    if !data.baselines.is_empty() {
        page.push_str("<section>\n<h2>Known networks</h2>\n<div class=\"scroll\">\n<table>\n<thead><tr><th scope=\"col\">network</th>");
        for objective in &data.objectives {
            let _ = write!(
                page,
                "<th scope=\"col\" class=\"number\">{}</th>",
                escape(&in_brackets(&objective.name, &objective.unit))
            );
        }
        page.push_str("</tr></thead>\n<tbody>\n");
        for baseline in &data.baselines {
            let _ = write!(page, "<tr><th scope=\"row\">{}</th>", escape(&baseline.name));
            for (index, value) in baseline.values.iter().enumerate() {
                let column = data.baselines.iter().filter_map(|other| other.values[index]);
                let shown = value.map_or_else(|| "–".to_owned(), |value| NumberFormat::for_values(column).show(value));
                let _ = write!(page, "<td class=\"number\">{shown}</td>");
            }
            page.push_str("</tr>\n");
        }
        page.push_str("</tbody>\n</table>\n</div>\n</section>\n");
    }
    if !data.limits.is_empty() {
        page.push_str("<section>\n<h2>Limits</h2>\n<ul class=\"notes\">\n");
        for limit in &data.limits {
            let _ = writeln!(page, "<li>{}</li>", escape(&limit.sentence()));
        }
        page.push_str("</ul>\n</section>\n");
    }
    page.push_str("</div>\n");
}

fn run_card(page: &mut String, data: &ReportData) {
    let run = &data.run;
    page.push_str("<section>\n<h2>How this was made</h2>\n<dl class=\"card\">\n");
    let mut line = |key: &str, value: &str| {
        let _ = writeln!(page, "<div><dt>{}</dt><dd>{}</dd></div>", escape(key), escape(value));
    };
    for Entry { key, value } in &run.entries {
        line(key, value);
    }
    if let Some(course) = &data.course {
        let count = |number: u64, thing: &str| {
            format!("{} {thing}{}", super::number::grouped(&number.to_string()), if number == 1 { "" } else { "s" })
        };
        line("evaluated in full", &count(course.evaluated, "network"));
        line("ruled out by a cheap limit", &count(course.screened, "candidate"));
        line("outside the limits", &count(course.infeasible, "candidate"));
        line("failed", &count(course.failed, "candidate"));
        line("network known from before", &count(course.cached, "candidate"));
    }
    line("seed", &run.seed.to_string());
    line("time", &duration(run.seconds));
    for Entry { key, value } in &run.versions {
        line(key, value);
    }
    page.push_str("</dl>\n");
    if !run.config.is_empty() {
        let _ = writeln!(
            page,
            "<details>\n<summary>Config, word for word</summary>\n<pre>{}</pre>\n</details>",
            escape(&run.config)
        );
    }
    page.push_str("</section>\n");
}

fn duration(seconds: f64) -> String {
    match seconds {
        s if s < 1.0 => format!("{:.0} ms", s * 1e3),
        s if s < 60.0 => format!("{s:.1} s"),
        s if s < 3600.0 => format!("{:.0} min {:02.0} s", (s / 60.0).floor(), (s % 60.0).floor()),
        s => format!("{:.0} h {:02.0} min", (s / 3600.0).floor(), (s % 3600.0 / 60.0).floor()),
    }
}

fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

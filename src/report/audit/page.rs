//! `audit.html`: the verdict in one self-contained page, in the manner of the page of a search.

use std::fmt::Write;

use super::{AuditProxy, AuditReport, Correlation, bars, heat, ranks, written};
use crate::report::data::Entry;
use crate::report::font::Typeface;
use crate::report::html::{CSS, POLICY};
use crate::report::number::grouped;
use crate::report::{ReportError, escape};

const OWN_CSS: &str = include_str!("audit.css");
const SCRIPT: &str = include_str!("audit.js");

/// Writes the page.
pub(super) fn page(report: &AuditReport, typeface: &Typeface) -> Result<String, ReportError> {
    let title = escape(&report.title);
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n\
         <title>{title}</title>\n<link rel=\"icon\" href=\"data:,\">\n<style>\n{}{OWN_CSS}</style>\n</head>\n<body>\n\
         <header>\n<h1>{title}</h1>\n<p class=\"lead\">{}</p>\n",
        CSS.concat(),
        escape(&report.lead)
    );
    tiles(&mut page, report);
    page.push_str("</header>\n<main>\n<section>\n<h2>How well each score ranks</h2>\n<figure>\n");
    let alt = format!("Bars: Spearman correlation of each proxy with {}, with 95 % intervals", report.truth);
    for (class, phone) in [("wide", false), ("phone", true)] {
        let drawn = bars::draw(report, typeface, phone, false).svg(&alt, &[])?;
        let _ = writeln!(page, "<div class=\"{class}\">\n{drawn}</div>");
    }
    page.push_str(
        "<figcaption><span class=\"key proxy\"></span>proxies<span class=\"key baseline\"></span>baselines, to be beaten. \
         Whiskers: bootstrap intervals; isomorphic networks are drawn together.</figcaption>\n</figure>\n</section>\n",
    );
    ranking(&mut page, report);
    if !report.quantities.is_empty() {
        origins(&mut page, report, typeface)?;
    }
    page.push_str("<section>\n<h2>Truth against the rank of the score</h2>\n<div class=\"panels\">\n");
    for proxy in report.order() {
        let alt = format!("{} of each distinct network against the rank of its {} score", report.truth, proxy.name);
        page.push_str(&ranks::panel(report, proxy, typeface).svg(&alt, &[])?);
    }
    let _ = writeln!(
        page,
        "</div>\n<p class=\"empty\">Up: {}; isomorphic networks stand once, with their mean; what lies far \
         below the rest is not drawn. The number is Spearman's ρ.</p>\n</section>",
        escape(&report.truth)
    );
    definitions(&mut page, report);
    if !report.notes.is_empty() {
        page.push_str("<section>\n<h2>Notes</h2>\n<ul class=\"notes\">\n");
        for note in &report.notes {
            let _ = writeln!(page, "<li>{}</li>", escape(note));
        }
        page.push_str("</ul>\n</section>\n");
    }
    page.push_str("<section>\n<h2>How this was made</h2>\n<dl class=\"card\">\n");
    for Entry { key, value } in &report.facts {
        let _ = writeln!(page, "<div><dt>{}</dt><dd>{}</dd></div>", escape(key), escape(value));
    }
    let _ =
        write!(page, "</dl>\n</section>\n</main>\n<script>\n\"use strict\";\n{SCRIPT}</script>\n</body>\n</html>\n");
    Ok(page)
}

/// The answers a reader came for.
fn tiles(page: &mut String, report: &AuditReport) {
    page.push_str("<div class=\"tiles\">\n");
    let mut tile = |class: &str, name: &str, value: &str, detail: &str| {
        let _ = writeln!(
            page,
            "<div class=\"tile {class}\"><span>{}</span><strong>{}</strong><small>{}</small></div>",
            escape(name),
            escape(value),
            escape(detail)
        );
    };
    let defined = |proxy: &&&AuditProxy| proxy.spearman.value.is_some();
    let order = report.order();
    let best = |baseline: bool| order.iter().filter(defined).find(|proxy| proxy.baseline == baseline);
    for (class, head, baseline) in [("front", "Best proxy", false), ("incomplete", "Best baseline", true)] {
        if let Some(proxy) = best(baseline) {
            let value = proxy.spearman.value.map_or_else(String::new, |value| format!("ρ {}", written(value)));
            tile(class, head, &proxy.name, &value);
        }
    }
    if let (Some(proxy), Some(baseline)) = (best(false), best(true)) {
        let clear = match (proxy.spearman.interval, baseline.spearman.interval) {
            (Some((low, _)), Some((_, high))) if low > high => "their intervals do not overlap",
            (Some(_), Some(_)) => "their intervals overlap",
            _ => "no intervals were asked for",
        };
        let lead = proxy.spearman.value.unwrap_or(0.0) - baseline.spearman.value.unwrap_or(0.0);
        let sign = if lead > 0.0 { "+" } else { "" };
        let class = if lead > 0.0 { "best" } else { "incomplete" };
        tile(class, "Lead over the baselines", &format!("{sign}{}", written(lead)), clear);
    }
    tile("", "Distinct networks", &grouped(&report.truths.len().to_string()), "isomorphic ones are scored once");
    page.push_str("</div>\n");
}

fn ranking(page: &mut String, report: &AuditReport) {
    let _ = write!(
        page,
        "<section>\n<h2>Figures</h2>\n<div class=\"scroll\">\n<table class=\"sortable\">\n<thead><tr><th scope=\"col\">proxy</th>\
         <th scope=\"col\" class=\"number\">Spearman</th><th scope=\"col\" class=\"number\">Kendall</th>\
         <th scope=\"col\" class=\"number\">top half</th><th scope=\"col\" class=\"number\">nDCG</th>\
         <th scope=\"col\" class=\"number\">best of top 10</th><th scope=\"col\" class=\"number\">time each</th>\
         <th scope=\"col\" class=\"number\">memory</th><th scope=\"col\" class=\"number\">of peak</th></tr></thead>\n<tbody>\n"
    );
    for proxy in report.order() {
        row(page, proxy);
        for correlation in [&proxy.spearman, &proxy.kendall] {
            let Correlation { value, interval } = correlation;
            let sure = interval.map(|(low, high)| format!("<small>{} to {}</small>", written(low), written(high)));
            number(page, *value, &value.map_or("–".to_owned(), |v| fine(v, 3)), &sure.unwrap_or_default());
        }
        number(page, proxy.top_half, &shown(proxy.top_half, 3), "");
        number(page, proxy.ndcg, &shown(proxy.ndcg, 3), "");
        number(page, proxy.best_of_top_10, &shown(proxy.best_of_top_10, 2), "");
        number(page, Some(proxy.seconds), &seconds(proxy.seconds), "");
        number(page, Some(proxy.bytes), &bytes(proxy.bytes), "");
        let share = proxy.share_of_peak.map_or("–".to_owned(), |share| format!("{:.0} %", 100.0 * share));
        number(page, proxy.share_of_peak, &share, "");
        page.push_str("</tr>\n");
    }
    let _ = write!(
        page,
        "</tbody>\n</table>\n</div>\n<p class=\"empty\">Top half: Spearman's ρ among the networks with the better half of the \
         truths. nDCG counts the {} highest scores; its gain is the truth less the lowest truth. Time and memory are those \
         of one network; of peak: the share of the multiply-adds that its threads can do at best, over that time.</p>\n</section>\n",
        report.ndcg_at
    );
}

fn origins(page: &mut String, report: &AuditReport, typeface: &Typeface) -> Result<(), ReportError> {
    page.push_str("<section>\n<h2>What the scores go along with</h2>\n<figure>\n");
    let quantities = report.quantities.join(", ");
    let alt = format!("Fields: Spearman correlation of each score with {} and {quantities}", report.truth);
    for (class, phone) in [("wide", false), ("phone", true)] {
        let drawn = heat::draw(report, typeface, phone, false).svg(&alt, &[])?;
        let _ = writeln!(page, "<div class=\"{class}\">\n{drawn}</div>");
    }
    page.push_str(
        "<figcaption>Spearman's ρ of each score with the truth, then with plain quantities of the live network. Depth: \
         convolutions on the longest path; width: mean channels of convolutions. A score that goes along with one of these as \
         far as with the truth may only be repeating it.</figcaption>\n</figure>\n</section>\n",
    );
    let bands = report.proxies.iter().map(|proxy| proxy.bands.len()).max().unwrap_or(0);
    if bands == 0 {
        return Ok(());
    }
    let equal = escape(&report.equal);
    let _ = write!(
        page,
        "<section>\n<h2>Among networks of equal {equal}</h2>\n<div class=\"scroll\">\n<table class=\"sortable\">\n<thead><tr>\
         <th scope=\"col\">proxy</th><th scope=\"col\" class=\"number\">mean</th>"
    );
    for band in 1..=bands {
        let name = match band {
            1 => "cheapest fifth".to_owned(),
            _ if band == bands => "dearest fifth".to_owned(),
            _ => band.to_string(),
        };
        let _ = write!(page, "<th scope=\"col\" class=\"number\">{name}</th>");
    }
    page.push_str("</tr></thead>\n<tbody>\n");
    for proxy in report.order() {
        row(page, proxy);
        for value in std::iter::once(proxy.bands_mean).chain(proxy.bands.iter().copied()) {
            number(page, value, &shown(value, 3), "");
        }
        page.push_str("</tr>\n");
    }
    let _ = write!(
        page,
        "</tbody>\n</table>\n</div>\n<p class=\"empty\">Spearman's ρ with the truth within fifths of about equal {equal}. A \
         score that only follows the cost is near 0 here.</p>\n</section>\n"
    );
    Ok(())
}

fn definitions(page: &mut String, report: &AuditReport) {
    page.push_str("<section>\n<h2>What each name means</h2>\n<dl class=\"names\">\n");
    for proxy in report.order() {
        let _ = writeln!(
            page,
            "<dt><b>{}</b></dt><dd>{}<br><small>{}</small>{}</dd>",
            escape(&proxy.name),
            escape(&proxy.definition),
            escape(&proxy.source),
            counted(&proxy.details)
        );
    }
    page.push_str("</dl>\n</section>\n");
}

/// What a proxy counted on the way, as a line of its own.
fn counted(details: &[String]) -> String {
    match details {
        [] => String::new(),
        all => format!("<br><small>Counted, in the mean over networks (at most): {}</small>", escape(&all.join(", "))),
    }
}

fn row(page: &mut String, proxy: &AuditProxy) {
    let class = if proxy.baseline { " class=\"baseline\"" } else { "" };
    let _ = write!(page, "<tr{class}><th scope=\"row\">{}</th>", escape(&proxy.name));
}

fn number(page: &mut String, value: Option<f64>, shown: &str, detail: &str) {
    let value = value.map_or_else(String::new, |value| value.to_string());
    let _ = write!(page, "<td class=\"number\" data-v=\"{value}\">{}{detail}</td>", escape(shown));
}

fn shown(value: Option<f64>, digits: usize) -> String {
    value.map_or("–".to_owned(), |value| fine(value, digits))
}

fn fine(value: f64, digits: usize) -> String {
    format!("{value:.digits$}").replace('-', "−")
}

fn seconds(time: f64) -> String {
    match time {
        1.0.. => format!("{time:.2} s"),
        1e-3.. => format!("{:.1} ms", 1e3 * time),
        _ => format!("{:.1} µs", 1e6 * time),
    }
}

fn bytes(count: f64) -> String {
    match count {
        1e9.. => format!("{:.2} GB", count / 1e9),
        1e6.. => format!("{:.1} MB", count / 1e6),
        1.0.. => format!("{:.1} kB", count / 1e3),
        _ => "–".to_owned(),
    }
}

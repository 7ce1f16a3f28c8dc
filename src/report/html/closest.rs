//! What a report says where nothing is within the limits: what comes closest, which limits it breaks, and by
//! how much.

use std::fmt::Write;

use super::table::link;
use crate::report::data::{ReportData, in_brackets};
use crate::report::escape;
use crate::report::figure::with_unit;
use crate::report::number::{NumberFormat, grouped};

/// The section; nothing where there is a front.
pub(super) fn section(page: &mut String, data: &ReportData) {
    if data.closest.is_empty() {
        return;
    }
    page.push_str("<section id=\"closest\">\n<h2>Nothing is within the limits</h2>\n");
    let looked = data.course.as_ref().map_or_else(String::new, |course| {
        format!(" of the {} candidates looked at", grouped(&(course.evaluated + course.screened).to_string()))
    });
    let sentences: Vec<String> = data.limits.iter().map(|limit| escape(&limit.sentence())).collect();
    let limits = match sentences.as_slice() {
        [] => "every limit".to_owned(),
        [one] => format!("<strong>{one}</strong>"),
        [all @ .., last] => format!("<strong>{}</strong> and <strong>{last}</strong>", all.join("</strong>, <strong>")),
    };
    let _ = writeln!(
        page,
        "<p>None{looked} keeps {limits}. Below is what comes closest, best first, with each limit that it breaks. Loosen a \
         limit by what is missing, or offer something lighter in the space; <code>pocketnas plan</code> names the \
         reachable range of each limit and the block that binds.</p>"
    );
    page.push_str("<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Table of what comes closest\">\n<table>\n<thead><tr><th scope=\"col\" class=\"number\">#</th><th scope=\"col\">breaks</th>");
    for objective in &data.objectives {
        let title = escape(&in_brackets(&objective.name, &objective.unit));
        let _ = write!(page, "<th scope=\"col\" class=\"number\">{title}</th>");
    }
    page.push_str("<th scope=\"col\">architecture</th><th scope=\"col\">file</th></tr></thead>\n<tbody>\n");
    for (rank, closest) in data.closest.iter().enumerate() {
        let _ = write!(page, "<tr><td class=\"number\">{}</td><td><ul class=\"broken\">", rank + 1);
        for broken in &closest.broken {
            let show =
                |value: f64| with_unit(NumberFormat::for_values(std::iter::once(value)).show(value), &broken.unit);
            let _ = write!(
                page,
                "<li><strong>{}</strong>: {}, off by <strong>{}</strong></li>",
                escape(&broken.limit),
                escape(&show(broken.value)),
                escape(&show(broken.by.abs()))
            );
        }
        page.push_str("</ul></td>");
        for (index, value) in closest.member.values.iter().enumerate() {
            let column = data.closest.iter().map(|other| other.member.values[index]).filter(|value| value.is_finite());
            // What a cheap limit had ruled out was never evaluated in full.
            let shown =
                if value.is_finite() { NumberFormat::for_values(column).show(*value) } else { "–".to_owned() };
            let _ = write!(page, "<td class=\"number\">{shown}</td>");
        }
        let file = closest.member.file.as_deref().map(link).unwrap_or_default();
        let _ = writeln!(
            page,
            "<td class=\"text\"><code title=\"{0}\">{0}</code></td><td>{file}</td></tr>",
            escape(&closest.member.architecture)
        );
    }
    page.push_str("</tbody>\n</table>\n</div>\n</section>\n");
}

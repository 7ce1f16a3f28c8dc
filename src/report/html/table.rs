//! The table of the front within the page.

use std::fmt::Write;

use crate::report::data::{ReportData, in_brackets};
use crate::report::figure::with_unit;
use crate::report::front_csv::metric_columns;
use crate::report::number::{NumberFormat, plain};
use crate::report::{Member, escape};

/// Members shown one by one; a page with more would be slow to open.
const EMBEDDED: usize = 1500;
/// Rows before "show all"; without a script all are shown.
const ROWS: usize = 40;

/// The table of the front and how its columns write numbers.
pub(super) struct Table {
    /// Indices of the members that have a row, in order.
    pub(super) rows: Vec<usize>,
    objectives: Vec<NumberFormat>,
    metrics: Vec<(String, NumberFormat)>,
}

impl Table {
    pub(super) fn new(data: &ReportData) -> Self {
        let objectives = (0..data.objectives.len())
            .map(|index| NumberFormat::for_values(data.front.iter().map(|member| member.values[index])))
            .collect();
        let metrics = metric_columns(data)
            .into_iter()
            .map(|column| {
                let values = data.front.iter().filter_map(|member| metric(member, &column));
                let format = NumberFormat::for_values(values);
                (column, format)
            })
            .collect();
        Self { rows: data.representatives(EMBEDDED), objectives, metrics }
    }

    pub(super) fn objective_cells(&self, member: &Member, data: &ReportData) -> Vec<String> {
        let formats = self.objectives.iter().zip(&data.objectives);
        (member.values.iter().zip(formats))
            .map(|(value, (format, objective))| with_unit(format.show(*value), &objective.unit))
            .collect()
    }

    pub(super) fn write(&self, page: &mut String, data: &ReportData) {
        if data.front.is_empty() {
            return;
        }
        page.push_str("<section>\n<h2>The front</h2>\n");
        let count = |number: usize| crate::report::number::grouped(&number.to_string());
        let (rows, all) = (self.rows.len(), data.front.len());
        if rows < all {
            let _ = writeln!(
                page,
                "<p>{} of {} members, evenly spread over the front, with the best in each objective, \
                 knee and best member among them. All are in <a href=\"front.csv\">front.csv</a> and \
                 <a href=\"front.json\">front.json</a>.</p>",
                count(rows),
                count(all)
            );
        }
        page.push_str("<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Table of the front\">\n<table id=\"front\">\n<thead><tr><th scope=\"col\" class=\"number\">#</th>");
        for objective in &data.objectives {
            let _ = write!(
                page,
                "<th scope=\"col\" class=\"number\">{}</th>",
                escape(&in_brackets(&objective.name, &objective.unit))
            );
        }
        for (column, _) in &self.metrics {
            let unit = data.front.iter().flat_map(|member| &member.metrics).find(|metric| metric.column() == *column);
            let title = unit.map_or_else(|| column.clone(), |metric| in_brackets(&metric.name, &metric.unit));
            let _ = write!(page, "<th scope=\"col\" class=\"number\">{}</th>", escape(&title));
        }
        page.push_str("<th scope=\"col\">remarks</th><th scope=\"col\">architecture</th><th scope=\"col\">file</th></tr></thead>\n<tbody>\n");
        let order = data.order();
        let landmarks = data.landmarks(&order);
        let stride = rows.div_ceil(ROWS);
        let mut folded = 0;
        let mut ranks = vec![0; all];
        order.iter().enumerate().for_each(|(rank, &index)| ranks[index] = rank + 1);
        for (at, &index) in self.rows.iter().enumerate() {
            let remark = landmarks.get(&index).map_or("", String::as_str);
            let surplus = at % stride != 0 && remark.is_empty();
            folded += usize::from(surplus);
            self.row(page, data, index, ranks[index], remark, surplus);
        }
        page.push_str("</tbody>\n</table>\n</div>\n");
        if folded > 0 {
            let _ = writeln!(
                page,
                "<p class=\"more\"><button type=\"button\" id=\"more\">Show all {} rows</button> \
                 {} of them are shown, evenly spread over the front.</p>",
                count(rows),
                rows - folded
            );
        }
        page.push_str("</section>\n");
    }

    fn row(&self, page: &mut String, data: &ReportData, index: usize, rank: usize, remark: &str, surplus: bool) {
        let member = &data.front[index];
        let class = if Some(index) == data.best_under_limit {
            " class=\"best\""
        } else if Some(index) == data.knee {
            " class=\"knee\""
        } else if surplus {
            " class=\"surplus\""
        } else {
            ""
        };
        let _ = write!(page, "<tr id=\"m{index}\"{class}><td class=\"number\" data-v=\"{rank}\">{rank}</td>");
        for (value, format) in member.values.iter().zip(&self.objectives) {
            let _ = write!(page, "<td class=\"number\" data-v=\"{}\">{}</td>", plain(*value), format.show(*value));
        }
        for (column, format) in &self.metrics {
            let _ = match metric(member, column) {
                Some(value) => {
                    write!(page, "<td class=\"number\" data-v=\"{}\">{}</td>", plain(value), format.show(value))
                }
                None => write!(page, "<td class=\"number\">–</td>"),
            };
        }
        let mut remarks = escape(remark);
        if !member.flags.is_empty() {
            let _ = write!(
                remarks,
                " <span class=\"flag\" title=\"{}\">⚠ {}</span>",
                escape(&member.flags.join("; ")),
                member.flags.len()
            );
        }
        let file = member.file.as_deref().map(link).unwrap_or_default();
        let _ = writeln!(
            page,
            "<td>{}</td><td class=\"text\"><code>{}</code></td><td>{file}</td></tr>",
            remarks.trim(),
            escape(&member.architecture)
        );
    }
}

fn metric(member: &Member, column: &str) -> Option<f64> {
    member.metrics.iter().find(|metric| metric.column() == column).map(|metric| metric.value)
}

/// A link to a file beside the page. What is not a plain relative path stays
/// text, so that no data can smuggle in a `javascript:` address.
pub(super) fn link(file: &str) -> String {
    let name = file.rsplit('/').next().unwrap_or(file);
    if file.starts_with('/') || file.contains(':') || file.contains('\\') {
        return escape(file);
    }
    let mut address = String::new();
    for byte in file.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            address.push(char::from(byte));
        } else {
            let _ = write!(address, "%{byte:02X}");
        }
    }
    format!("<a href=\"{address}\">{}</a>", escape(name))
}

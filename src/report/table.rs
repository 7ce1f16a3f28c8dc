//! The front in a few aligned lines, for the end of a run in a terminal.

use super::data::{ReportData, unit_suffix};
use super::figure::with_unit;
use super::front_csv::metric_columns;
use super::number::{NumberFormat, grouped};

/// More rows than this do not help at a glance.
const ROWS: usize = 12;

/// A table of at most twelve members: the best in each objective, knee and best
/// under the limit (marked), and others evenly spread. Lines keep to `width`
/// characters by shortening the architecture, then leaving out columns.
pub fn table(data: &ReportData, width: usize) -> String {
    if data.check().is_err() {
        return "The front is empty.\n".to_owned();
    }
    if data.front.is_empty() {
        return closest(data, width);
    }
    let order = data.order();
    let shown = data.representatives(ROWS);
    let members = || shown.iter().map(|&index| &data.front[index]);

    let mut columns = vec![Column::right("#", shown.iter().map(|index| rank(&order, *index)).collect())];
    for (index, objective) in data.objectives.iter().enumerate() {
        let format = NumberFormat::for_values(members().map(|member| member.values[index]));
        let cells = members().map(|member| format.show(member.values[index])).collect();
        columns.push(Column::right(&heading(&objective.name, &objective.unit), cells));
    }
    for name in metric_columns(data) {
        let find = |member: &super::Member| member.metrics.iter().find(|metric| metric.column() == name).cloned();
        let format = NumberFormat::for_values(members().filter_map(find).map(|metric| metric.value));
        let cells =
            members().map(|member| find(member).map_or_else(|| "–".to_owned(), |metric| format.show(metric.value)));
        let title = members().find_map(find).map_or_else(|| name.clone(), |metric| heading(&metric.name, &metric.unit));
        columns.push(Column { dispensable: 2, ..Column::right(&title, cells.collect()) });
    }
    let landmarks = data.landmarks(&order);
    let marks: Vec<String> = shown.iter().map(|index| landmarks.get(index).cloned().unwrap_or_default()).collect();
    if marks.iter().any(|mark| !mark.is_empty()) {
        columns.push(Column { dispensable: 1, ..Column::left("", marks) });
    }
    let architectures = members().map(|member| member.architecture.clone()).collect();
    columns.push(Column::left("architecture", architectures));
    let mut text = render(columns, width);
    if shown.len() < data.front.len() {
        let (few, all) = (shown.len(), grouped(&data.front.len().to_string()));
        text.push_str(&format!("{few} of {all} members shown; front.csv has them all.\n"));
    }
    text
}

/// What comes closest where nothing is within the limits.
fn closest(data: &ReportData, width: usize) -> String {
    let shown = data.closest.iter().take(ROWS);
    let ranks = (1..=shown.len()).map(|rank| rank.to_string()).collect();
    let amount = |value: f64, unit: &str| with_unit(NumberFormat::for_values(std::iter::once(value)).show(value), unit);
    let breaks = shown.clone().map(|closest| {
        let broken = closest
            .broken
            .iter()
            .map(|broken| format!("{} by {}", broken.limit, amount(broken.by.abs(), &broken.unit)));
        broken.collect::<Vec<_>>().join(", ")
    });
    let architectures = shown.clone().map(|closest| closest.member.architecture.clone()).collect();
    let columns = vec![
        Column::right("#", ranks),
        Column::left("breaks", breaks.map(|text| shorten(&text, width / 2)).collect()),
        Column::left("architecture", architectures),
    ];
    let rest = if data.closest.len() > ROWS { "report.html has more.\n" } else { "" };
    format!("Nothing is within the limits. What comes closest:\n{}{rest}", render(columns, width))
}

struct Column {
    title: String,
    cells: Vec<String>,
    right: bool,
    /// How soon it goes when the terminal is narrow: the highest first, zero never.
    dispensable: u8,
}

impl Column {
    fn right(title: &str, cells: Vec<String>) -> Self {
        Self { title: one_line(title), cells, right: true, dispensable: 0 }
    }

    fn left(title: &str, cells: Vec<String>) -> Self {
        let cells = cells.iter().map(|cell| one_line(cell)).collect();
        Self { title: one_line(title), cells, right: false, dispensable: 0 }
    }

    fn width(&self) -> usize {
        self.cells.iter().chain([&self.title]).map(|cell| cell.chars().count()).max().unwrap_or(0)
    }
}

/// Joins the columns, two spaces apart. The last one takes the room that is left;
/// while that is hardly any, dispensable columns go.
fn render(mut columns: Vec<Column>, width: usize) -> String {
    const LEAST_TEXT: usize = 16;
    let taken = |columns: &[Column]| columns.iter().rev().skip(1).map(|column| column.width() + 2).sum::<usize>();
    while taken(&columns) + LEAST_TEXT > width {
        let most = columns.iter().enumerate().max_by_key(|(index, column)| (column.dispensable, *index));
        let Some((index, _)) = most.filter(|(_, column)| column.dispensable > 0) else {
            break;
        };
        columns.remove(index);
    }
    let room = width.saturating_sub(taken(&columns)).max(8);
    let rows = columns[0].cells.len();
    let mut text = String::new();
    for row in 0..=rows {
        let mut line = String::new();
        for (index, column) in columns.iter().enumerate() {
            let cell = if row == 0 { &column.title } else { &column.cells[row - 1] };
            let last = index + 1 == columns.len();
            let cell = if last { shorten(cell, room) } else { cell.clone() };
            let wide = if last { 0 } else { column.width() };
            if column.right {
                line.push_str(&format!("{cell:>wide$}  "));
            } else {
                line.push_str(&format!("{cell:<wide$}  "));
            }
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

fn shorten(text: &str, room: usize) -> String {
    if text.chars().count() <= room {
        return text.to_owned();
    }
    text.chars().take(room.saturating_sub(1)).chain(['…']).collect()
}

fn heading(name: &str, unit: &str) -> String {
    match unit_suffix(unit) {
        "" => name.to_owned(),
        unit => format!("{name} [{unit}]"),
    }
}

fn rank(order: &[usize], index: usize) -> String {
    order.iter().position(|other| *other == index).map_or(0, |rank| rank + 1).to_string()
}

/// Control characters would let a name move the cursor.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

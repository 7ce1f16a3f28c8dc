//! How often each option is taken on the front and among all: the share on the front as tint, bar and
//! number, the share among all as a tick on the bar.

use std::fmt::Write;

use crate::report::data::{Choice, ReportData};
use crate::report::escape;

/// From this difference on the front is said to prefer or to avoid an option.
const NOTABLE: f64 = 0.1;
/// How many of the strongest preferences are put in words.
const WORDS: usize = 3;

/// The section; nothing without choices.
pub(super) fn section(page: &mut String, data: &ReportData) {
    if data.choices.is_empty() {
        return;
    }
    let all = all_phrase(data);
    page.push_str("<section id=\"choices\">\n<h2>Choices on the front</h2>\n");
    let _ = writeln!(
        page,
        "<p class=\"caption\">Number, tint and bar: the share of the front’s members that take an option. \
         <span class=\"sample-tick\"></span> The tick on the bar: its share among {all}.</p>"
    );
    words(page, data, all);
    let alike = data.choices.iter().filter(|choice| !notable(choice)).count();
    if alike > 0 && alike < data.choices.len() {
        let _ = writeln!(
            page,
            "<div class=\"switches\"><label><input type=\"checkbox\" id=\"only-notable\"> only decisions where the front \
             differs by 10 points and more ({} of {})</label></div>",
            data.choices.len() - alike,
            data.choices.len()
        );
    }
    page.push_str(
        "<div class=\"choices walk\" tabindex=\"0\" role=\"group\" aria-label=\"Shares of options; arrow keys move from one to the next\">\n",
    );
    for (scope, choices) in scopes(&data.choices) {
        let same = if choices.iter().any(|choice| notable(choice)) { "" } else { " alike" };
        let name = if scope.is_empty() { "whole network" } else { scope };
        let _ = writeln!(page, "<h3 class=\"scope{same}\">{}</h3>", escape(name));
        choices.iter().for_each(|choice| decision(page, choice, all));
    }
    page.push_str("</div>\n</section>\n");
}

/// Decisions by scope, scopes in the order of their first one.
fn scopes(choices: &[Choice]) -> Vec<(&str, Vec<&Choice>)> {
    let mut scopes: Vec<(&str, Vec<&Choice>)> = Vec::new();
    for choice in choices {
        let (scope, _) = split(&choice.path);
        match scopes.iter_mut().find(|(name, _)| *name == scope) {
            Some((_, choices)) => choices.push(choice),
            None => scopes.push((scope, vec![choice])),
        }
    }
    scopes
}

fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('.').unwrap_or(("", path))
}

fn decision(page: &mut String, choice: &Choice, all: &str) {
    let (_, key) = split(&choice.path);
    let class = if notable(choice) { "choice" } else { "choice alike" };
    let _ = write!(page, "<div class=\"{class}\"><b>{}</b>", escape(key));
    let (front, everywhere) = (decided(&choice.front), decided(&choice.all));
    if front < 0.995 || everywhere < 0.995 {
        let _ =
            write!(page, " <small>decided by {} of the front, {} of all</small>", percent(front), percent(everywhere));
    }
    let longest = choice.options.iter().map(|option| option.chars().count()).max().unwrap_or(1).clamp(1, 14);
    let _ = write!(page, "<div class=\"options\" style=\"--room:{}ch\">", longest + 5);
    for (option, (front, share)) in choice.options.iter().zip(choice.front.iter().zip(&choice.all)) {
        let told =
            format!("{} = {option}: {} of the front, {} of {all}", choice.path, percent(*front), percent(*share));
        let _ = write!(
            page,
            "<span class=\"item\" role=\"img\" aria-label=\"{}\" style=\"--f:{:.3};--a:{:.3}\"><b>{}</b><em>{}</em><i></i></span>",
            escape(&told),
            front,
            share,
            escape(option),
            percent(*front)
        );
    }
    page.push_str("</div></div>\n");
}

fn decided(shares: &[f64]) -> f64 {
    shares.iter().sum()
}

fn notable(choice: &Choice) -> bool {
    choice.front.iter().zip(&choice.all).any(|(front, all)| (front - all).abs() >= NOTABLE)
}

/// The strongest preferences, one for a decision.
fn words(page: &mut String, data: &ReportData, all: &str) {
    let gain = |choice: &Choice, option: usize| choice.front[option] - choice.all[option];
    let mut preferred: Vec<(&Choice, usize)> = (data.choices.iter())
        .filter_map(|choice| {
            let most = (0..choice.options.len()).max_by(|&a, &b| gain(choice, a).total_cmp(&gain(choice, b)))?;
            (gain(choice, most) >= NOTABLE).then_some((choice, most))
        })
        .collect();
    preferred.sort_by(|(a, x), (b, y)| gain(b, *y).total_cmp(&gain(a, *x)));
    if preferred.is_empty() {
        return;
    }
    page.push_str("<ul class=\"notes preferred\">\n");
    for (choice, option) in preferred.into_iter().take(WORDS) {
        let _ = writeln!(
            page,
            "<li><code>{} = {}</code> is taken by {} of the front, and by {} of {all}.</li>",
            escape(&choice.path),
            escape(&choice.options[option]),
            percent(choice.front[option]),
            percent(choice.all[option])
        );
    }
    page.push_str("</ul>\n");
}

/// What the front is compared with.
pub(super) fn all_phrase(data: &ReportData) -> &'static str {
    if data.course.is_some() { "all candidates of the search" } else { "random architectures" }
}

/// A share in whole percent that tells nothing from little, and little from all.
pub(super) fn percent(share: f64) -> String {
    match share * 100.0 {
        p if p > 0.0 && p < 0.5 => "<1 %".to_owned(),
        p if (99.5..100.0 - 1e-9).contains(&p) => ">99 %".to_owned(),
        p => format!("{p:.0} %"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_read_well() {
        for (share, text) in
            [(0.0, "0 %"), (0.001, "<1 %"), (0.006, "1 %"), (0.5, "50 %"), (0.998, ">99 %"), (1.0, "100 %")]
        {
            assert_eq!(percent(share), text);
        }
    }

    #[test]
    fn scopes_keep_the_order_of_the_space() {
        let choice = |path: &str| Choice { path: path.to_owned(), ..Choice::default() };
        let choices = ["act", "s2.0.kernel", "s1.0.kernel", "s2.0.expand"].map(choice);
        let scopes: Vec<(&str, usize)> =
            scopes(&choices).into_iter().map(|(name, choices)| (name, choices.len())).collect();
        assert_eq!(scopes, [("", 1), ("s2.0", 2), ("s1.0", 1)]);
    }
}

//! Refuses data that no writer could show truthfully.

use super::ReportError;
use super::data::{Choice, Closest, Course, Importance, Member, ReportData};

type Checked = Result<(), String>;

impl ReportData {
    /// Refuses data that contradict themselves.
    ///
    /// # Errors
    ///
    /// [`ReportError::Data`] where a row does not have one value for each objective, a shown number is not
    /// finite, an index points outside, or the front is empty although nothing is said to come closest.
    pub fn check(&self) -> Result<(), ReportError> {
        self.problem().map_err(ReportError::Data)
    }

    fn problem(&self) -> Checked {
        let width = self.objectives.len();
        if width == 0 {
            return Err("there is no objective; a front needs at least one".to_owned());
        }
        match (self.front.is_empty(), self.closest.is_empty()) {
            (true, true) => {
                return Err("the front is empty; give at least what comes closest to the limits".to_owned());
            }
            (false, false) => {
                return Err(
                    "there is a front, and something said to come closest to the limits; leave out one".to_owned()
                );
            }
            _ => {}
        }
        self.front.iter().try_for_each(|member| on_front(member, width))?;
        self.closest.iter().try_for_each(|closest| near(closest, width))?;
        rows("sample", &self.sampled, width)?;
        rows("infeasible candidate", &self.infeasible, width)?;
        for baseline in &self.baselines {
            let (name, found) = (&baseline.name, baseline.values.len());
            if found != width {
                return Err(format!("baseline `{name}` has {found} values for {width} objectives"));
            }
            if baseline.values.iter().flatten().any(|value| !value.is_finite()) {
                return Err(format!("baseline `{name}` has a value that is not finite; give none instead"));
            }
        }
        if let Some(limit) = self.limits.iter().find(|limit| !limit.bound.is_finite()) {
            return Err(format!("the limit on `{}` is not finite", limit.quantity));
        }
        for (name, index) in [("knee", self.knee), ("best_under_limit", self.best_under_limit)] {
            if let Some(index) = index.filter(|index| *index >= self.front.len()) {
                return Err(format!("`{name}` is {index}, but the front has {} members", self.front.len()));
            }
        }
        self.course.iter().try_for_each(|course| growing(course, width))?;
        self.choices.iter().try_for_each(shares)?;
        self.importance.iter().try_for_each(|importance| between(importance, width))
    }
}

fn on_front(member: &Member, width: usize) -> Checked {
    of_width(member, width)?;
    let metrics = member.metrics.iter().map(|metric| metric.value);
    match member.values.iter().copied().chain(metrics).find(|value| !value.is_finite()) {
        Some(value) => Err(format!("`{}` has the value {value}; leave it out of the front", member.id)),
        None => Ok(()),
    }
}

fn of_width(member: &Member, width: usize) -> Checked {
    let found = member.values.len();
    if found == width { Ok(()) } else { Err(format!("`{}` has {found} values for {width} objectives", member.id)) }
}

fn near(closest: &Closest, width: usize) -> Checked {
    of_width(&closest.member, width)?;
    let id = &closest.member.id;
    if closest.broken.is_empty() {
        return Err(format!("`{id}` comes closest, but breaks no limit; it belongs on the front"));
    }
    if closest.member.metrics.iter().any(|metric| !metric.value.is_finite()) {
        return Err(format!("`{id}` has a metric that is not finite; leave it out"));
    }
    match closest.broken.iter().find(|broken| !(broken.value.is_finite() && broken.by.is_finite())) {
        Some(broken) => Err(format!("`{id}` breaks `{}` by an amount that is not finite", broken.limit)),
        None => Ok(()),
    }
}

fn rows(what: &str, rows: &[Vec<f64>], width: usize) -> Checked {
    match rows.iter().position(|row| row.len() != width) {
        Some(index) => Err(format!("{what} {index} has {} values for {width} objectives", rows[index].len())),
        None => Ok(()),
    }
}

fn growing(course: &Course, width: usize) -> Checked {
    let points = &course.hypervolume;
    if let Some(point) = points.iter().find(|point| !point.hypervolume.is_finite()) {
        return Err(format!("the hypervolume after {} evaluations is not finite", point.evaluations));
    }
    if let Some(pair) = points.windows(2).find(|pair| pair[1].evaluations < pair[0].evaluations) {
        return Err(format!(
            "the course goes back from {} evaluations to {}",
            pair[0].evaluations, pair[1].evaluations
        ));
    }
    let reference = &course.reference;
    if !points.is_empty() && (reference.len() != width || reference.iter().any(|value| !value.is_finite())) {
        return Err(format!("the corner of the hypervolume is {reference:?}, which is no point of {width} objectives"));
    }
    Ok(())
}

fn shares(choice: &Choice) -> Checked {
    let (path, options) = (&choice.path, choice.options.len());
    if choice.front.len() != options || choice.all.len() != options {
        return Err(format!("`{path}` has {options} options, but not as many shares"));
    }
    match choice.front.iter().chain(&choice.all).find(|share| !(0.0..=1.0 + 1e-9).contains(*share)) {
        Some(share) => Err(format!("an option of `{path}` has the share {share}, which is not between 0 and 1")),
        None => Ok(()),
    }
}

fn between(importance: &Importance, width: usize) -> Checked {
    let Importance { objective, path, share, low, high } = importance;
    if *objective >= width {
        return Err(format!("`{path}` matters to objective {objective}, but there are {width}"));
    }
    let ordered = 0.0 <= *low && low <= high && *high <= 1.0 && (0.0..=1.0).contains(share);
    if ordered {
        Ok(())
    } else {
        Err(format!("`{path}` explains {share} ({low} to {high}), which is no share with its interval"))
    }
}

//! Front members: decoded from paths, rebuilt as whole networks, and judged again, so that what is reported
//! is the value of a network and not a sum over edges.

use rayon::prelude::*;

use super::judged::Judged;
use super::ties::without_ties;
use super::{Plan, Progress, StudyError};
use crate::config::Relation;
use crate::search::Front;
use crate::units::counted;

/// How far a whole network's value may be from the sum over its path, relative to the larger of the two.
/// Adding in another order moves a sum of a few hundred terms by far less.
const AGREEMENT: f64 = 1e-9;

impl Plan {
    /// Rebuilds every point of the front as a whole network and judges it there.
    ///
    /// # Errors
    /// [`StudyError::Certificate`] where a network's values are not those of its path, or break a limit.
    pub(super) fn judge(&self, front: &Front, progress: &dyn Progress) -> Result<Vec<Judged>, StudyError> {
        let objectives = self.config.objectives.len();
        // The columns of the objectives come first, in their order.
        let points: Vec<Vec<f64>> = front.points().map(|point| point.costs[..objectives].to_vec()).collect();
        let kept = without_ties(&points);
        progress.stage("Checking whole networks", Some(kept.len() as u64));
        let digits = kept.len().to_string().len().max(3);
        let judged: Vec<Result<Judged, StudyError>> = kept
            .par_iter()
            .enumerate()
            .map(|(rank, &index)| {
                let path = self.path(front.point(index).edges.iter().map(|&edge| edge as usize));
                let judged = self.judge_path(&path, &format!("f{:0digits$}", rank + 1));
                progress.step(1);
                judged
            })
            .collect();
        let judged = judged.into_iter().collect::<Result<Vec<_>, _>>()?;
        let verb = if judged.len() == 1 {
            "agrees with the sum over its path"
        } else {
            "agree with the sums over their paths"
        };
        let tied = points.len() - judged.len();
        let ties = if tied == 0 { String::new() } else { format!("; {tied} more are equal to them but for rounding") };
        progress.done(&format!("{} {verb}{ties}", counted(judged.len(), "network")));
        Ok(judged)
    }

    fn judge_path(&self, path: &[usize], id: &str) -> Result<Judged, StudyError> {
        let (judged, values) = self.judge_unlimited(path, id)?;
        let quantities = self.quantities();
        for limit in &self.config.limits {
            let at = quantities.iter().position(|q| q.name() == limit.quantity).expect("limits name quantities");
            let over =
                if limit.relation == Relation::AtMost { values[at] - limit.bound } else { limit.bound - values[at] };
            if over > AGREEMENT * limit.bound.abs().max(values[at].abs()) {
                let what = format!("`{}` breaks `{limit}`: it has {}", judged.member.architecture, values[at]);
                return Err(StudyError::Certificate(what));
            }
        }
        Ok(judged)
    }

    /// A path as a whole network, whatever limits it breaks, and the value of each quantity.
    pub(super) fn judge_unlimited(&self, path: &[usize], id: &str) -> Result<(Judged, Vec<f64>), StudyError> {
        let fault = |what: String| StudyError::Certificate(what);
        let space = &self.config.space;
        let architecture = self.graph.architecture(path);
        let text = space.format(&architecture);
        let network = space.build(&architecture).map_err(|e| fault(format!("`{text}` is on the front but {e}")))?;
        let sums = self.prices.along(path).ok_or_else(|| fault(format!("`{text}` uses an edge without a price")))?;
        let quantities = self.quantities();
        let mut values = Vec::with_capacity(quantities.len());
        for (quantity, sum) in quantities.iter().zip(sums) {
            let value =
                quantity.value(&network).map_err(|e| fault(format!("`{text}` has no {}: {e}", quantity.name())))?;
            let agree = (value - sum).abs() <= AGREEMENT * value.abs().max(sum.abs());
            // A value that is not a number does not agree with anything.
            if !agree {
                return Err(fault(format!(
                    "{} of `{text}` is {value} as a whole network, but {sum} as a sum over its path",
                    quantity.name()
                )));
            }
            values.push(value);
        }
        let named = values[..self.config.named().count()].to_vec();
        Ok((Judged::new(&self.config, id, architecture, &network, named)?, values))
    }
}

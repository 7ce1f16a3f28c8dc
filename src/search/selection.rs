//! Who survives and who breeds: constraint domination, ranks and crowding over candidates whose outcome is known.
//! Deb, Pratap, Agarwal & Meyarivan, *A Fast and Elitist Multiobjective Genetic Algorithm: NSGA-II*, 2002, sections III and VI.

use std::cmp::Ordering;

use super::strategy::Outcome;
use crate::pareto;

/// A candidate whose outcome is known.
#[derive(Clone, Debug, PartialEq)]
pub struct Member<G> {
    /// As it was asked for.
    pub id: u64,
    /// The thing itself.
    pub genotype: G,
    /// What became of it.
    pub outcome: Outcome,
}

impl<G> Member<G> {
    /// The objectives of a complete member; none of any other.
    pub fn objectives(&self) -> &[f64] {
        match &self.outcome {
            Outcome::Complete { objectives } => objectives,
            _ => &[],
        }
    }
}

/// By how much each limit was broken at worst so far. It makes violations comparable: without it the limit in the
/// smallest unit, milliseconds beside gigabytes, decides alone.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Violations {
    worst: Vec<f64>,
}

impl Violations {
    /// Takes note of an outcome.
    pub fn see(&mut self, outcome: &Outcome) {
        if let Outcome::Infeasible { violations } = outcome {
            self.worst.resize(self.worst.len().max(violations.len()), 0.0);
            for (worst, violation) in self.worst.iter_mut().zip(violations) {
                *worst = worst.max(*violation);
            }
        }
    }

    /// The sum over all limits of the violation as a share of the worst one seen.
    pub fn total(&self, violations: &[f64]) -> f64 {
        let share = |(i, &violation): (usize, &f64)| match self.worst.get(i) {
            Some(&worst) if worst > 0.0 => violation.max(0.0) / worst,
            _ => violation.max(0.0),
        };
        violations.iter().enumerate().map(share).sum()
    }
}

/// The members as fronts of indices, best first, each front in the order of `members`.
///
/// Complete members are ranked by dominance. Behind them come those that were given up, by how far they came; then those
/// outside of a limit, by their violations in total; then those that failed.
pub fn fronts<G>(members: &[Member<G>], seen: &Violations) -> Vec<Vec<usize>> {
    let complete: Vec<usize> = (0..members.len()).filter(|&i| class(&members[i].outcome) == 0).collect();
    let points: Vec<&[f64]> = complete.iter().map(|&i| members[i].objectives()).collect();
    let mut fronts: Vec<Vec<usize>> = Vec::new();
    for (&i, rank) in complete.iter().zip(pareto::ranks(&points)) {
        fronts.resize_with(fronts.len().max(rank + 1), Vec::new);
        fronts[rank].push(i);
    }
    // The others need no dominance: one number orders them, and equal numbers share a front.
    let mut others: Vec<(usize, f64, usize)> = (0..members.len())
        .filter(|&i| class(&members[i].outcome) > 0)
        .map(|i| (class(&members[i].outcome), badness(&members[i].outcome, seen), i))
        .collect();
    others.sort_by(|a, b| by_badness(a, b).then(a.2.cmp(&b.2)));
    for alike in others.chunk_by(|a, b| by_badness(a, b).is_eq()) {
        fronts.push(alike.iter().map(|other| other.2).collect());
    }
    fronts
}

/// Which outcomes come before which, whatever is in them.
fn class(outcome: &Outcome) -> usize {
    match outcome {
        Outcome::Complete { .. } => 0,
        Outcome::Pruned { .. } => 1,
        Outcome::Infeasible { .. } => 2,
        Outcome::Failed { .. } => 3,
    }
}

fn badness(outcome: &Outcome, seen: &Violations) -> f64 {
    match outcome {
        Outcome::Infeasible { violations } => seen.total(violations),
        Outcome::Pruned { fidelity } => -fidelity,
        Outcome::Complete { .. } | Outcome::Failed { .. } => 0.0,
    }
}

fn by_badness(a: &(usize, f64, usize), b: &(usize, f64, usize)) -> Ordering {
    a.0.cmp(&b.0).then(a.1.total_cmp(&b.1))
}

/// How much room the members of one front have around them, in the order of `front`.
///
/// The sum over the objectives of the distance between both neighbours, each as a share of the range of the front.
/// Members at either end of an objective have infinite room. Of members with equal objectives the one asked first has the
/// room, the others have none; nor have members without objectives.
pub fn crowding<G>(members: &[Member<G>], front: &[usize]) -> Vec<f64> {
    let crowd = Crowd::new(members, front);
    (0..front.len()).map(|at| crowd.room(at)).collect()
}

/// One objective of a front, in which every representative knows its neighbours.
struct Axis {
    values: Vec<f64>,
    range: f64,
    before: Vec<Option<usize>>,
    after: Vec<Option<usize>>,
}

/// A front whose members can leave one by one, at little cost.
struct Crowd {
    axes: Vec<Axis>,
    /// Twins, and members without objectives.
    roomless: Vec<bool>,
}

impl Crowd {
    fn new<G>(members: &[Member<G>], front: &[usize]) -> Self {
        let distinct = representatives(members, front);
        let mut roomless = vec![true; front.len()];
        distinct.iter().for_each(|&at| roomless[at] = false);
        let objectives = distinct.first().map_or(0, |&at| members[front[at]].objectives().len());
        let axis = |j: usize| {
            let value = |&i: &usize| members[i].objectives().get(j).copied().unwrap_or(0.0);
            let values: Vec<f64> = front.iter().map(value).collect();
            let mut order = distinct.clone();
            order.sort_by(|&a, &b| {
                values[a].total_cmp(&values[b]).then(members[front[a]].id.cmp(&members[front[b]].id))
            });
            let range = values[order[order.len() - 1]] - values[order[0]];
            let (mut before, mut after) = (vec![None; front.len()], vec![None; front.len()]);
            for pair in order.windows(2) {
                (after[pair[0]], before[pair[1]]) = (Some(pair[1]), Some(pair[0]));
            }
            Axis { values, range, before, after }
        };
        Self { axes: (0..objectives).map(axis).collect(), roomless }
    }

    fn room(&self, at: usize) -> f64 {
        if self.roomless[at] {
            return 0.0;
        }
        let along = |axis: &Axis| match (axis.before[at], axis.after[at]) {
            (Some(before), Some(after)) if axis.range > 0.0 => (axis.values[after] - axis.values[before]) / axis.range,
            (Some(_), Some(_)) => 0.0,
            _ => f64::INFINITY,
        };
        self.axes.iter().map(along).sum()
    }

    /// Closes the gap that a member leaves, and brings up to date the room of those beside it.
    fn leave(&mut self, at: usize, room: &mut [f64]) {
        let mut beside = Vec::with_capacity(2 * self.axes.len());
        for axis in &mut self.axes {
            let (before, after) = (axis.before[at], axis.after[at]);
            if let Some(before) = before {
                axis.after[before] = after;
            }
            if let Some(after) = after {
                axis.before[after] = before;
            }
            beside.extend(before.into_iter().chain(after));
        }
        for at in beside {
            room[at] = self.room(at);
        }
    }
}

/// Positions in `front` of one member for each vector of objectives, the one that was asked first.
fn representatives<G>(members: &[Member<G>], front: &[usize]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..front.len()).filter(|&at| !members[front[at]].objectives().is_empty()).collect();
    let by_objectives = |&a: &usize, &b: &usize| {
        let (x, y) = (members[front[a]].objectives(), members[front[b]].objectives());
        let differing = x.iter().zip(y).map(|(x, y)| x.total_cmp(y)).find(|order| order.is_ne());
        differing.unwrap_or_else(|| x.len().cmp(&y.len()))
    };
    order.sort_by(|a, b| by_objectives(a, b).then(members[front[*a]].id.cmp(&members[front[*b]].id)));
    order.dedup_by(|a, b| by_objectives(a, b).is_eq());
    order.sort_unstable();
    order
}

/// Indices of the best `keep` members, best first: front by front, and within a front those with most room.
///
/// Of the front that does not fit as a whole, members are dropped one by one, each time the most crowded one, since room
/// changes with every one that goes (Kukkonen & Deb, *Improved Pruning of Non-Dominated Solutions*, 2006).
pub fn survivors<G>(members: &[Member<G>], seen: &Violations, keep: usize) -> Vec<usize> {
    let mut kept = Vec::with_capacity(keep.min(members.len()));
    for front in fronts(members, seen) {
        let free = keep - kept.len();
        if free == 0 {
            break;
        }
        let mut crowd = Crowd::new(members, &front);
        let mut room: Vec<f64> = (0..front.len()).map(|at| crowd.room(at)).collect();
        let most_room_first = |room: &[f64], a: usize, b: usize| {
            room[b].total_cmp(&room[a]).then(members[front[a]].id.cmp(&members[front[b]].id))
        };
        let mut left: Vec<usize> = (0..front.len()).collect();
        while left.len() > free {
            let worst = (0..left.len()).max_by(|&a, &b| most_room_first(&room, left[a], left[b]));
            let worst = left.swap_remove(worst.expect("more are left than are free"));
            crowd.leave(worst, &mut room);
        }
        left.sort_by(|&a, &b| most_room_first(&room, a, b));
        kept.extend(left.into_iter().map(|at| front[at]));
    }
    kept
}

#[cfg(test)]
mod tests;

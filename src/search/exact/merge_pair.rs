//! Merging fronts of two columns: a heap holds the next label of every shifted front, and dominated stretches are skipped.
//! A front sorted by its first column falls in the second, so what the last label kept dominates is a prefix of every list.

use super::merge::{Bounds, Full, Incoming, Merged, Step};
use super::queue::{Next, Queue};

/// The non-dominated labels among all shifted fronts; the slack of the first column is not used.
pub(super) fn merge_pair(incoming: &[Incoming<'_, 2>], bounds: &Bounds<2>) -> Result<Merged<2>, Full> {
    let [ceiling_x, ceiling_y] = bounds.ceiling;
    let floor = bounds.floor[1];
    let slack = bounds.slack[1];
    let (mut costs, mut steps): (Vec<[i64; 2]>, Vec<Step>) = (Vec::new(), Vec::new());
    let mut given_up = 0;
    let mut heap: Vec<Next<2>> = Vec::with_capacity(incoming.len());
    // The limit on the first column ends a list early, the one on the second starts it late.
    let mut ends = Vec::with_capacity(incoming.len());
    // The smallest second value of all; it stays in the front whatever the slack.
    let mut lowest: Option<([i64; 2], Step)> = None;
    for (list, from) in incoming.iter().enumerate() {
        let [dx, dy] = from.shift;
        let end = from.labels.partition_point(|label| label[0] + dx <= ceiling_x);
        let start = from.labels[..end].partition_point(|label| label[1] + dy > ceiling_y);
        ends.push(end);
        if start < end {
            let at = |label: usize| [from.labels[label][0] + dx, (from.labels[label][1] + dy).max(floor)];
            heap.push(Next { costs: at(start), list: list as u32, label: start as u32 });
            let [x, y] = at(end - 1);
            if slack > 0 && lowest.is_none_or(|([a, b], _)| (y, x) < (b, a)) {
                lowest = Some(([x, y], Step { edge: from.edge, label: end as u32 - 1 }));
            }
        }
    }
    let mut queue = Queue::new(heap);
    let (mut best, mut bar) = (i64::MAX, i64::MAX);
    while let Some(Next { costs: [x, y], list, label }) = queue.top() {
        let from = &incoming[list as usize];
        if y < bar {
            if costs.len() == bounds.room {
                return Err(Full);
            }
            if costs.len() == costs.capacity() {
                // Doubling must not take more memory than there is room for.
                let more = costs.len().max(4).min(bounds.room - costs.len());
                costs.reserve_exact(more);
                steps.reserve_exact(more);
            }
            costs.push([x, y]);
            steps.push(Step { edge: from.edge, label });
            if y <= floor {
                break;
            }
            (best, bar) = (y, y - slack);
        } else {
            given_up = given_up.max(best - y);
        }
        let (end, dy) = (ends[list as usize], from.shift[1]);
        let label = label as usize + 1;
        let next = label + gallop(&from.labels[label..end], bar - dy);
        if next > label {
            given_up = given_up.max(best - from.labels[next - 1][1] - dy);
        }
        queue.advance((next < end).then(|| {
            let [x, y] = from.labels[next];
            ([x + from.shift[0], (y + dy).max(floor)], next as u32)
        }));
    }
    if let Some((row, step)) = lowest
        && row[1] < best
        && best != i64::MAX
    {
        costs.push(row);
        steps.push(step);
    }
    Ok(Merged { costs, steps, given_up: [0, given_up] })
}

/// How many leading labels are not below `bar` in the second column; quick when they are few.
fn gallop(labels: &[[i64; 2]], bar: i64) -> usize {
    let mut reach = 1;
    while reach <= labels.len() && labels[reach - 1][1] >= bar {
        reach *= 2;
    }
    let start = reach / 2;
    let end = (reach - 1).min(labels.len());
    start + labels[start..end].partition_point(|label| label[1] >= bar)
}

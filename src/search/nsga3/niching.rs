//! Which members of a front that does not fit as a whole stay: those nearest to directions that few others serve.
//! Deb & Jain, 2014, sections IV.D and IV.E.

use rand::Rng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::super::selection::Member;
use super::normalise::Normaliser;

/// The direction that a member is nearest to, and how near.
struct Niche {
    direction: usize,
    distance: f64,
}

/// `free` of `front`, which has more than that, to join `kept`, whose members all come before it.
///
/// Of members with equal objectives, one may serve a direction that nobody serves; the others wait until every member
/// of the front that differs has its place.
pub(super) fn spread<G>(
    members: &[Member<G>],
    kept: &[usize],
    front: &[usize],
    free: usize,
    directions: &[Vec<f64>],
    normaliser: &mut Normaliser,
    rng: &mut ChaCha8Rng,
) -> Vec<usize> {
    let all: Vec<usize> = kept.iter().chain(front).copied().collect();
    let points: Vec<&[f64]> = all.iter().map(|&i| members[i].objectives()).collect();
    let first = if kept.is_empty() { points.clone() } else { non_dominated(&points) };
    let (ideal, ranges) = normaliser.ranges(&points, &first);
    let niche = |&i: &usize| {
        let scaled: Vec<f64> = members[i]
            .objectives()
            .iter()
            .zip(&ideal)
            .zip(&ranges)
            .map(|((x, ideal), range)| (x - ideal) / range)
            .collect();
        nearest(&scaled, directions)
    };
    let mut served = vec![0_usize; directions.len()];
    kept.iter().for_each(|i| served[niche(i).direction] += 1);

    let niches: Vec<Niche> = front.iter().map(niche).collect();
    let (mut originals, mut twins) = (Vec::new(), Vec::new());
    let mut seen = std::collections::HashSet::new();
    for at in 0..front.len() {
        let objectives: Vec<u64> = members[front[at]].objectives().iter().map(|x| x.to_bits()).collect();
        if seen.insert(objectives) { originals.push(at) } else { twins.push(at) }
    }
    let mut chosen = Vec::with_capacity(free);
    for pool in [originals, twins] {
        choose(pool, &niches, &mut served, free, &mut chosen, rng);
    }
    chosen.into_iter().map(|at| front[at]).collect()
}

/// Takes from `pool`, one by one, a member of the direction that is served least, until there are `free` in `chosen`.
fn choose(
    pool: Vec<usize>,
    niches: &[Niche],
    served: &mut [usize],
    free: usize,
    chosen: &mut Vec<usize>,
    rng: &mut ChaCha8Rng,
) {
    let mut waiting: Vec<Vec<usize>> = vec![Vec::new(); served.len()];
    pool.into_iter().for_each(|at| waiting[niches[at].direction].push(at));
    // Whoever is nearest is taken first, from the end; whom the others follow is left to chance.
    for members in &mut waiting {
        members.shuffle(rng);
        let nearest =
            (0..members.len()).min_by(|&a, &b| niches[members[a]].distance.total_cmp(&niches[members[b]].distance));
        if let (Some(nearest), Some(last)) = (nearest, members.len().checked_sub(1)) {
            members.swap(nearest, last);
        }
    }
    while chosen.len() < free {
        let open = || (0..served.len()).filter(|&direction| !waiting[direction].is_empty());
        let Some(least) = open().map(|direction| served[direction]).min() else {
            return;
        };
        let ties: Vec<usize> = open().filter(|&direction| served[direction] == least).collect();
        let direction = ties[rng.gen_range(0..ties.len())];
        let members = &mut waiting[direction];
        // The paper takes the nearest only where nobody serves the direction yet.
        if served[direction] > 0 {
            let (any, last) = (rng.gen_range(0..members.len()), members.len() - 1);
            members.swap(any, last);
        }
        chosen.extend(members.pop());
        served[direction] += 1;
    }
}

fn non_dominated<'a>(points: &[&'a [f64]]) -> Vec<&'a [f64]> {
    crate::pareto::non_dominated(points).into_iter().map(|i| points[i]).collect()
}

/// The direction whose line through the origin a point is nearest to.
fn nearest(point: &[f64], directions: &[Vec<f64>]) -> Niche {
    let square: f64 = point.iter().map(|x| x * x).sum();
    let mut best = Niche { direction: 0, distance: f64::INFINITY };
    for (number, direction) in directions.iter().enumerate() {
        let along: f64 = point.iter().zip(direction).map(|(x, w)| x * w).sum();
        let length: f64 = direction.iter().map(|w| w * w).sum();
        let distance = square - along * along / length;
        if distance < best.distance {
            best = Niche { direction: number, distance };
        }
    }
    best
}

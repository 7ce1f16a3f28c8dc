//! Where a front begins and ends in each objective, so that directions mean the same whatever the units.
//! Deb & Jain, *An Evolutionary Many-Objective Optimization Algorithm Using Reference-Point-Based Nondominated Sorting*,
//! 2014, section IV.C.

/// What normalisation remembers from generation to generation.
#[derive(Clone, Debug, Default)]
pub(super) struct Normaliser {
    /// The least value of each objective ever seen.
    ideal: Vec<f64>,
    /// For each axis the member that lies closest to it.
    extremes: Vec<Vec<f64>>,
}

/// How much any other objective counts beside the one whose axis is looked at.
const OFF_AXIS: f64 = 1e6;

impl Normaliser {
    /// Ideal point and, for each objective, the range that becomes 1, after `points` have been seen, of which `front` are
    /// not dominated. Both are finite and the range is above 0.
    ///
    /// The range reaches to where the plane through the extreme points meets the axis. Where there is no such plane, or it
    /// meets an axis before the ideal point or beyond the worst point, it reaches to the worst of the front; where that is
    /// no range, to the worst of all.
    pub(super) fn ranges(&mut self, points: &[&[f64]], front: &[&[f64]]) -> (Vec<f64>, Vec<f64>) {
        let Some((low, worst)) = crate::pareto::bounds(points) else {
            return (Vec::new(), Vec::new());
        };
        if self.ideal.len() != low.len() {
            (self.ideal, self.extremes) = (low.clone(), Vec::new());
        }
        self.ideal.iter_mut().zip(&low).for_each(|(ideal, low)| *ideal = ideal.min(*low));
        let nadir = crate::pareto::bounds(front).map_or_else(|| worst.clone(), |(_, nadir)| nadir);
        self.extremes = self.extreme_points(front, &nadir);

        let intercepts = self.intercepts();
        let ranges = (0..low.len()).map(|j| {
            let of_all = worst[j] - self.ideal[j];
            let of_front = nadir[j] - self.ideal[j];
            let of_plane = intercepts.as_ref().map_or(f64::NAN, |intercepts| intercepts[j]);
            // Ranges that rounding alone may have made are none.
            let floor = (1e-9 * self.ideal[j].abs()).max(f64::MIN_POSITIVE);
            let usable = |range: f64| range.is_finite() && range > floor;
            match () {
                () if usable(of_plane) && of_plane <= of_all => of_plane,
                () if usable(of_front) => of_front,
                () if usable(of_all) => of_all,
                () => 1.0,
            }
        });
        (self.ideal.clone(), ranges.collect())
    }

    /// For each axis the point that is nowhere far from it. Those of before stay in the running.
    fn extreme_points(&self, front: &[&[f64]], nadir: &[f64]) -> Vec<Vec<f64>> {
        let all: Vec<&[f64]> = self.extremes.iter().map(Vec::as_slice).chain(front.iter().copied()).collect();
        // The paper compares objectives in their own units here, so that the one with the largest numbers decides.
        let share = |point: &[f64], j: usize| {
            let range = nadir[j] - self.ideal[j];
            if range > 0.0 { (point[j] - self.ideal[j]) / range } else { 0.0 }
        };
        let distance = |point: &[f64], axis: usize| {
            let weighed = |j: usize| share(point, j) * if j == axis { 1.0 } else { OFF_AXIS };
            (0..point.len()).map(weighed).fold(0.0, f64::max)
        };
        let closest = |axis: usize| {
            all.iter().min_by(|a, b| distance(a, axis).total_cmp(&distance(b, axis))).map(|point| point.to_vec())
        };
        (0..self.ideal.len()).filter_map(closest).collect()
    }

    /// Where the plane through the extreme points meets each axis, from the ideal point.
    fn intercepts(&self) -> Option<Vec<f64>> {
        let rows =
            self.extremes.iter().map(|point| point.iter().zip(&self.ideal).map(|(x, ideal)| x - ideal).collect());
        let inverse = solve(rows.collect())?;
        Some(inverse.into_iter().map(f64::recip).collect())
    }
}

/// Solves `rows · x = 1` by Gaussian elimination with pivoting, the rows scaled; `None` where they are not independent.
fn solve(mut rows: Vec<Vec<f64>>) -> Option<Vec<f64>> {
    let n = rows.len();
    if rows.iter().any(|row| row.len() != n) {
        return None;
    }
    // Columns have the units of the objectives: in shares of their largest entry a pivot can be told from rounding.
    let scale: Vec<f64> = (0..n).map(|j| rows.iter().fold(0.0, |most: f64, row| most.max(row[j].abs()))).collect();
    for row in &mut rows {
        row.iter_mut().zip(&scale).for_each(|(x, scale)| *x /= scale);
        row.push(1.0);
    }
    for column in 0..n {
        let pivot = (column..n).max_by(|&a, &b| rows[a][column].abs().total_cmp(&rows[b][column].abs()))?;
        let size = rows[pivot][column].abs();
        if !(size.is_finite() && size > 1e-9) {
            return None;
        }
        rows.swap(column, pivot);
        let (done, below) = rows.split_at_mut(column + 1);
        for row in below {
            let factor = row[column] / done[column][column];
            row.iter_mut().zip(&done[column]).skip(column).for_each(|(x, above)| *x -= factor * above);
        }
    }
    let mut solution = vec![0.0; n];
    for i in (0..n).rev() {
        let known: f64 = (i + 1..n).map(|j| rows[i][j] * solution[j]).sum();
        solution[i] = (rows[i][n] - known) / rows[i][i];
    }
    Some(solution.iter().zip(&scale).map(|(x, scale)| x / scale).collect())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_plane_is_met_where_it_stands() {
        // x/2 + y/5 + z/1000 = 1, seen from (1, −1, 10).
        let on = |a: f64, b: f64| vec![1.0 + 2.0 * a, -1.0 + 5.0 * b, 10.0 + 1000.0 * (1.0 - a - b)];
        let points = [on(1.0, 0.0), on(0.0, 1.0), on(0.0, 0.0), on(0.3, 0.3), on(0.2, 0.7)];
        let points: Vec<&[f64]> = points.iter().map(Vec::as_slice).collect();
        let (ideal, ranges) = Normaliser::default().ranges(&points, &points);
        assert_eq!(ideal, [1.0, -1.0, 10.0]);
        for (range, expected) in ranges.iter().zip([2.0, 5.0, 1000.0]) {
            assert!((range - expected).abs() < 1e-9 * expected, "{ranges:?}");
        }
    }

    #[test]
    fn without_a_plane_the_front_decides_and_without_a_front_range_everything() {
        let one: &[f64] = &[3.0, 4.0];
        let worse: &[f64] = &[5.0, 4.0];
        // One point has no plane and no range; the second is dominated.
        assert_eq!(Normaliser::default().ranges(&[one, worse], &[one]), (vec![3.0, 4.0], vec![2.0, 1.0]));
        let front: [&[f64]; 2] = [&[0.0, 1.0], &[0.0, 1.0]];
        assert_eq!(Normaliser::default().ranges(&front, &front), (vec![0.0, 1.0], vec![1.0, 1.0]));
        assert_eq!(Normaliser::default().ranges(&[], &[]), (Vec::new(), Vec::new()));
    }

    #[test]
    fn elimination_solves_what_it_made() {
        let solution = solve(vec![vec![0.0, 2.0, 1.0], vec![1e6, 0.0, 3.0], vec![1e6, 1.0, 0.0]]).unwrap();
        for row in [[0.0, 2.0, 1.0], [1e6, 0.0, 3.0], [1e6, 1.0, 0.0]] {
            let sum: f64 = row.iter().zip(&solution).map(|(a, x)| a * x).sum();
            assert!((sum - 1.0).abs() < 1e-9, "{solution:?}");
        }
        assert_eq!(solve(vec![vec![1.0, 2.0], vec![2.0, 4.0]]), None);
        assert_eq!(solve(vec![vec![0.0, 2.0], vec![0.0, 4.0]]), None);
    }
}

//! The search against brute force, and its certificate against the exact front.
#![allow(clippy::unwrap_used)]

use rand::Rng;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::front::front_thinned_above;
use super::*;

/// A random graph whose costs have few decimals, so that brute force in thousandths is exact.
struct Recipe {
    objectives: usize,
    resources: usize,
    /// Costs are multiples of this many thousandths: a coarse grid makes ties.
    grid: i64,
    lowest: i64,
    highest: i64,
    /// With two objectives: the second is close to what the first leaves.
    conflict: bool,
}

impl Recipe {
    fn random(rng: &mut ChaCha8Rng) -> Self {
        let grid = [1, 100, 500][rng.gen_range(0..3)];
        let lowest = [0, -2000][rng.gen_range(0..2)];
        Self {
            objectives: rng.gen_range(1..=4),
            resources: rng.gen_range(0..=2),
            grid,
            lowest,
            highest: lowest + 4000,
            conflict: rng.gen_bool(0.3),
        }
    }

    fn columns(&self) -> Vec<Column> {
        let objectives = (0..self.objectives).map(|i| Column::objective(format!("o{i}"), "1"));
        let resources = (0..self.resources).map(|i| Column::resource(format!("r{i}"), "1"));
        objectives.chain(resources).collect()
    }

    fn costs(&self, rng: &mut ChaCha8Rng) -> Vec<f64> {
        let steps = (self.highest - self.lowest) / self.grid;
        let draw = |rng: &mut ChaCha8Rng| self.lowest + self.grid * rng.gen_range(0..=steps);
        let mut costs: Vec<i64> = (0..self.objectives + self.resources).map(|_| draw(rng)).collect();
        if self.conflict && self.objectives > 1 {
            costs[1] = self.highest + self.lowest - costs[0] + self.grid * rng.gen_range(-1..=1);
        }
        costs.into_iter().map(|cost| cost as f64 / 1000.0).collect()
    }

    /// Layers of states; every edge leads to the next layer or skips some.
    fn dag(&self, rng: &mut ChaCha8Rng, nodes: usize, edges: usize) -> CostGraph {
        let mut graph = CostGraph::new(self.columns(), nodes, 0, nodes - 1).unwrap();
        for v in 1..nodes {
            graph.add_edge(v - 1, v, &self.costs(rng)).unwrap();
        }
        for _ in 0..edges {
            let from = rng.gen_range(0..nodes - 1);
            let to = rng.gen_range(from + 1..nodes);
            graph.add_edge(from, to, &self.costs(rng)).unwrap();
        }
        graph
    }

    fn chain(&self, rng: &mut ChaCha8Rng, positions: usize, variants: usize) -> CostGraph {
        let mut graph = CostGraph::new(self.columns(), positions + 1, 0, positions).unwrap();
        for v in 0..positions {
            for _ in 0..variants {
                graph.add_edge(v, v + 1, &self.costs(rng)).unwrap();
            }
        }
        graph
    }
}

/// Every path: its sums in thousandths, and its edges.
fn paths(graph: &CostGraph) -> Vec<(Vec<i64>, Vec<u32>)> {
    let mut found = Vec::new();
    let mut open = vec![(graph.source(), vec![0i64; graph.columns().len()], Vec::new())];
    while let Some((node, sums, edges)) = open.pop() {
        if node == graph.sink() {
            found.push((sums.clone(), edges.clone()));
        }
        for (e, edge) in graph.edges().enumerate().filter(|(_, edge)| edge.from == node) {
            let sums = sums.iter().zip(edge.costs).map(|(s, c)| s + (c * 1000.0).round() as i64).collect();
            let edges = edges.iter().copied().chain([e as u32]).collect();
            open.push((edge.to, sums, edges));
        }
    }
    found
}

/// The exact front of the objectives by comparing all pairs; of equal points the first path.
fn brute_force(graph: &CostGraph, limits: &[Limit]) -> Vec<(Vec<i64>, Vec<u32>)> {
    let objectives = graph.columns().iter().filter(|c| c.role == Role::Objective).count();
    let mut points: Vec<(Vec<i64>, Vec<u32>)> = paths(graph)
        .into_iter()
        .filter(|(sums, _)| limits.iter().all(|l| sums[l.column] <= (l.at_most * 1000.0).round() as i64))
        .map(|(sums, edges)| (sums[..objectives].to_vec(), edges))
        .collect();
    points.sort();
    points.dedup_by(|later, first| later.0 == first.0);
    let below = |a: &[i64], b: &[i64]| a != b && a.iter().zip(b).all(|(x, y)| x <= y);
    points.iter().filter(|(p, _)| !points.iter().any(|(q, _)| below(q, p))).cloned().collect()
}

fn thousandths(front: &Front, objectives: usize) -> Vec<Vec<i64>> {
    let row = |p: Point| p.costs[..objectives].iter().map(|c| (c * 1000.0).round() as i64).collect();
    front.points().map(row).collect()
}

fn random_limits(rng: &mut ChaCha8Rng, graph: &CostGraph) -> Vec<Limit> {
    let reach = reach(graph).unwrap();
    let mut limits = Vec::new();
    for column in 0..graph.columns().len() {
        if rng.gen_bool(0.4) {
            let share: f64 = rng.gen_range(0.0..1.1);
            let at_most = reach.min[column] + share * (reach.max[column] - reach.min[column]);
            limits.push(Limit { column, at_most: (at_most * 1000.0).round() / 1000.0 });
        }
    }
    limits
}

/// Every point's costs must be the sums along its own edges, which must be a path.
fn check_paths(graph: &CostGraph, front: &Front) {
    for point in front.points() {
        let mut node = graph.source();
        let mut sums = vec![0i64; point.costs.len()];
        for &e in point.edges {
            let edge = graph.edge(e as usize);
            assert_eq!(edge.from, node);
            node = edge.to;
            sums.iter_mut().zip(edge.costs).for_each(|(s, c)| *s += (c * 1000.0).round() as i64);
        }
        assert_eq!(node, graph.sink());
        let costs: Vec<i64> = point.costs.iter().map(|c| (c * 1000.0).round() as i64).collect();
        assert_eq!(costs, sums);
        // Decimals come back as the nearest float, not with dust.
        assert!(point.costs.iter().zip(&sums).all(|(&c, &s)| c == s as f64 / 1000.0));
    }
}

#[test]
fn equals_brute_force_on_random_graphs_and_chains() {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let (mut infeasible, mut several) = (0, 0);
    for case in 0..600 {
        let recipe = Recipe::random(&mut rng);
        let graph = match case % 2 {
            0 => {
                let (nodes, edges) = (rng.gen_range(2..=8), rng.gen_range(0..14));
                recipe.dag(&mut rng, nodes, edges)
            }
            _ => {
                let (positions, variants) = (rng.gen_range(1..=4), rng.gen_range(1..=6));
                recipe.chain(&mut rng, positions, variants)
            }
        };
        let limits = if case % 3 == 0 { Vec::new() } else { random_limits(&mut rng, &graph) };
        let expected = brute_force(&graph, &limits);
        let options = Options { limits: limits.clone(), ..Options::default() };
        match front(&graph, &options) {
            Ok(found) => {
                let costs: Vec<Vec<i64>> = expected.iter().map(|(costs, _)| costs.clone()).collect();
                assert_eq!(thousandths(&found, recipe.objectives), costs, "case {case}");
                assert!(found.complete && found.epsilon == 0.0);
                check_paths(&graph, &found);
                several += usize::from(found.len() > 3);
                if limits.is_empty() {
                    // Ties go to the smallest choices.
                    for (point, (_, edges)) in found.points().zip(&expected) {
                        assert_eq!(point.edges, edges, "case {case}");
                    }
                }
            }
            Err(FrontError::LimitUnreachable { .. } | FrontError::LimitsConflict(_)) => {
                assert!(expected.is_empty(), "case {case}");
                infeasible += 1;
            }
            Err(error) => panic!("case {case}: {error}"),
        }
    }
    assert!(infeasible > 20 && several > 100, "{infeasible} infeasible, {several} with several points");
}

/// Larger than brute force can reach: position by position with the filter of `pareto`.
#[test]
fn large_fronts_equal_those_built_position_by_position() {
    let mut rng = ChaCha8Rng::seed_from_u64(6);
    let mut points = 0;
    for (case, objectives) in [2, 2, 2, 3, 3, 4, 4, 5].into_iter().enumerate() {
        let conflict = case % 2 == 1;
        let recipe = Recipe {
            objectives,
            resources: 0,
            grid: if case % 3 == 0 { 100 } else { 1 },
            lowest: -2000,
            highest: 2000,
            conflict,
        };
        let (positions, variants) = (4, if objectives == 2 { 24 } else { 9 });
        let graph = recipe.chain(&mut rng, positions, variants);
        let mut expected = vec![vec![0.0; objectives]];
        for position in 0..positions {
            let edges = || graph.edges().filter(|edge| edge.from == position);
            let sum = |(point, edge): (&Vec<f64>, Edge)| -> Vec<f64> {
                let sums = point.iter().zip(edge.costs).map(|(a, b)| (a * 1000.0 + b * 1000.0).round());
                sums.map(|thousandths| thousandths / 1000.0).collect()
            };
            let sums: Vec<Vec<f64>> =
                expected.iter().flat_map(|point| edges().map(move |edge| (point, edge))).map(sum).collect();
            expected = crate::pareto::non_dominated(&sums).into_iter().map(|i| sums[i].clone()).collect();
        }
        expected.sort_by(|a, b| a.partial_cmp(b).unwrap());
        let found = front(&graph, &Options::default()).unwrap();
        check_paths(&graph, &found);
        let costs: Vec<Vec<f64>> = found.points().map(|point| point.costs.to_vec()).collect();
        assert_eq!(costs, expected, "case {case}");
        points += found.len();
    }
    assert!(points > 2000, "only {points} points in all");
}

#[test]
fn binary_dust_makes_no_points_and_no_order_of_addition_matters() {
    let columns = vec![Column::objective("a", "1"), Column::objective("b", "1")];
    let mut graph = CostGraph::new(columns, 4, 0, 3).unwrap();
    // Three paths of 0.6, which f64 would sum to 0.6 and 0.6000000000000001.
    for (first, second, third) in [(0.1, 0.2, 0.3), (0.3, 0.2, 0.1), (0.2, 0.3, 0.1)] {
        for (from, cost) in [first, second, third].into_iter().enumerate() {
            graph.add_edge(from, from + 1, &[cost, 1.0 - cost]).unwrap();
        }
    }
    let found = front(&graph, &Options::default()).unwrap();
    let sums: Vec<f64> = found.points().map(|p| p.costs[0]).collect();
    assert_eq!(sums, [0.4, 0.5, 0.6, 0.7, 0.8, 0.9]);
    let limited = Options { limits: vec![Limit { column: 0, at_most: 0.6 }], ..Options::default() };
    assert_eq!(front(&graph, &limited).unwrap().points().last().unwrap().costs[0], 0.6);
}

/// The smallest g such that each exact point is within g of a returned one, in shares of the exact widths.
fn true_gap(exact: &[Vec<i64>], returned: &[Vec<i64>]) -> f64 {
    let width = |j: usize| {
        let values = || exact.iter().map(|p| p[j]);
        (values().max().unwrap() - values().min().unwrap()) as f64
    };
    let widths: Vec<f64> = (0..exact[0].len()).map(width).collect();
    let distance = |x: &Vec<i64>, r: &Vec<i64>| {
        let share = |j: usize| match r[j] - x[j] {
            ..=0 => 0.0,
            worse => worse as f64 / widths[j],
        };
        (0..widths.len()).map(share).fold(0.0, f64::max)
    };
    let nearest = |x| returned.iter().map(|r| distance(x, r)).fold(f64::INFINITY, f64::min);
    exact.iter().map(nearest).fold(0.0, f64::max)
}

#[test]
fn the_certified_gap_holds_against_the_exact_front() {
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    let (mut thinned, mut limited) = (0, 0);
    for case in 0..400 {
        let recipe = Recipe { grid: 1, ..Recipe::random(&mut rng) };
        let graph = match case % 2 {
            0 => {
                let (nodes, edges) = (rng.gen_range(3..=12), rng.gen_range(10..60));
                recipe.dag(&mut rng, nodes, edges)
            }
            _ => {
                let (positions, variants) = (rng.gen_range(2..=5), rng.gen_range(4..=12));
                recipe.chain(&mut rng, positions, variants)
            }
        };
        let limits = if case % 4 < 2 { Vec::new() } else { random_limits(&mut rng, &graph) };
        let exact_options = Options { limits, ..Options::default() };
        let Ok(exact) = front(&graph, &exact_options) else {
            continue;
        };
        let epsilon = [0.01, 0.05, 0.2, 0.5][rng.gen_range(0..4)];
        let options = Options { epsilon, ..exact_options };
        let found = front_thinned_above(&graph, &options, Some(0)).unwrap();
        assert!(found.epsilon <= epsilon, "case {case}: {} certified, {epsilon} asked", found.epsilon);
        assert_eq!(found.complete, found.epsilon == 0.0);
        check_paths(&graph, &found);
        let (exact_points, points) = (thousandths(&exact, recipe.objectives), thousandths(&found, recipe.objectives));
        let gap = true_gap(&exact_points, &points);
        assert!(gap <= found.epsilon * (1.0 + 1e-9), "case {case}: gap {gap}, certified {}", found.epsilon);
        for (j, width) in found.widths.iter().enumerate() {
            assert!(*width <= exact.widths[j] + 1e-12, "case {case}: width {j}");
        }
        for limit in &options.limits {
            assert!(found.points().all(|p| p.costs[limit.column] <= limit.at_most), "case {case}");
        }
        if found.complete {
            assert_eq!(points, exact_points, "case {case}");
        } else {
            thinned += 1;
            limited += usize::from(!options.limits.is_empty());
            assert!(points.len() <= exact_points.len(), "case {case}");
        }
    }
    assert!(thinned > 100 && limited > 30, "{thinned} thinned, {limited} of them under limits");
}

#[test]
fn reach_is_the_range_over_all_paths_and_names_a_cheapest_one() {
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    for _ in 0..60 {
        let recipe = Recipe::random(&mut rng);
        let graph = recipe.dag(&mut rng, 6, 8);
        let (all, reach) = (paths(&graph), reach(&graph).unwrap());
        for j in 0..graph.columns().len() {
            let sums = || all.iter().map(|(sums, _)| sums[j]);
            assert_eq!((reach.min[j] * 1000.0).round() as i64, sums().min().unwrap());
            assert_eq!((reach.max[j] * 1000.0).round() as i64, sums().max().unwrap());
            let edges: Vec<u32> = reach.cheapest[j].iter().map(|&e| e as u32).collect();
            let (sums, _) = all.iter().find(|(_, path)| *path == edges).unwrap();
            assert_eq!((reach.min[j] * 1000.0).round() as i64, sums[j]);
        }
    }
}

#[test]
fn errors_say_what_to_do() {
    let columns = || vec![Column::objective("ms", "ms"), Column::objective("loss", "1")];
    let graph = |nodes, edges: &[(usize, usize, [f64; 2])]| {
        let mut graph = CostGraph::new(columns(), nodes, 0, nodes - 1).unwrap();
        for (from, to, costs) in edges {
            graph.add_edge(*from, *to, costs).unwrap();
        }
        graph
    };
    let cycle = graph(4, &[(0, 1, [1.0; 2]), (1, 2, [1.0; 2]), (2, 1, [1.0; 2]), (2, 3, [1.0; 2])]);
    let apart = graph(3, &[(0, 1, [1.0; 2])]);
    let huge = graph(3, &[(0, 1, [1e308; 2]), (1, 2, [1e308; 2])]);
    let fine = graph(2, &[(0, 1, [1.0, 2.0]), (0, 1, [2.0, 1.0])]);
    let limit = |column, at_most| Options { limits: vec![Limit { column, at_most }], ..Options::default() };
    let both = Options { limits: [0, 1].map(|column| Limit { column, at_most: 1.5 }).to_vec(), ..Options::default() };
    let cases: Vec<(&CostGraph, Options, &str)> = vec![
        (&cycle, Options::default(), "cycle through nodes 1 -> 2 -> 1"),
        (&apart, Options::default(), "no path leads from the source (node 0) to the sink (node 2)"),
        (&huge, Options::default(), "column `ms` add up to more"),
        (&fine, limit(0, 0.5), "nothing satisfies ms <= 0.5: the smallest reachable ms is 1"),
        (&fine, both, "no path meets all of them (ms <= 1.5, loss <= 1.5)"),
        (&fine, limit(7, 0.5), "names column 7"),
        (&fine, limit(0, f64::NAN), "the limit on ms is not a number"),
        (&fine, Options { epsilon: f64::NAN, ..Options::default() }, "epsilon is NaN"),
        (&fine, Options { epsilon: -0.1, ..Options::default() }, "epsilon is -0.1"),
        (&fine, Options { max_labels: 1, ..Options::default() }, "budget of 1 labels does not hold those of node 0"),
        (&fine, Options { max_bytes: 0, ..Options::default() }, "budget of 0 MiB"),
    ];
    for (graph, options, part) in cases {
        let message = front(graph, &options).unwrap_err().to_string();
        assert!(message.contains(part), "`{message}` lacks `{part}`");
    }
}

#[test]
fn a_graph_refuses_bad_columns_and_edges() {
    let one = || vec![Column::objective("a", "1")];
    assert_eq!(CostGraph::new(Vec::new(), 2, 0, 1).unwrap_err(), GraphError::Objectives(0));
    let twice = [one(), one()].concat();
    assert_eq!(CostGraph::new(twice, 2, 0, 1).unwrap_err(), GraphError::DuplicateColumn("a".into()));
    assert!(matches!(CostGraph::new(one(), 2, 0, 2).unwrap_err(), GraphError::NodeOutOfRange { node: 2, .. }));
    assert!(matches!(CostGraph::new(one(), 0, 0, 0).unwrap_err(), GraphError::NodeOutOfRange { .. }));
    let mut graph = CostGraph::new(one(), 2, 0, 1).unwrap();
    assert!(matches!(graph.add_edge(0, 2, &[1.0]).unwrap_err(), GraphError::NodeOutOfRange { .. }));
    assert!(matches!(graph.add_edge(0, 1, &[]).unwrap_err(), GraphError::CostCount { found: 0, expected: 1 }));
    assert!(matches!(graph.add_edge(0, 1, &[f64::NAN]).unwrap_err(), GraphError::NotFinite { .. }));
    assert_eq!(graph.edge_count(), 0);
}

#[test]
fn a_path_without_edges_is_a_point() {
    let graph = CostGraph::new(vec![Column::objective("a", "1")], 1, 0, 0).unwrap();
    let found = front(&graph, &Options::default()).unwrap();
    assert_eq!((found.len(), found.point(0).costs, found.point(0).edges), (1, &[0.0][..], &[][..]));
}

#[test]
fn many_objectives_are_exact_too() {
    for objectives in [9, 20, 40, MAX_OBJECTIVES] {
        let mut rng = ChaCha8Rng::seed_from_u64(objectives as u64);
        let columns = (0..objectives).map(|i| Column::objective(format!("o{i}"), "1")).collect();
        let mut graph = CostGraph::new(columns, 4, 0, 3).unwrap();
        let mut sums = vec![vec![0.0; objectives]];
        for position in 0..3 {
            let variants: Vec<Vec<f64>> =
                (0..4).map(|_| (0..objectives).map(|_| f64::from(rng.gen_range(0..3))).collect()).collect();
            for costs in &variants {
                graph.add_edge(position, position + 1, costs).unwrap();
            }
            let extended = sums.iter().flat_map(|sum: &Vec<f64>| {
                variants.iter().map(move |costs| sum.iter().zip(costs).map(|(a, b)| a + b).collect())
            });
            sums = extended.collect();
        }
        let mut expected: Vec<Vec<f64>> =
            crate::pareto::non_dominated(&sums).into_iter().map(|i| sums[i].clone()).collect();
        let found = front(&graph, &Options::default()).unwrap();
        let mut points: Vec<Vec<f64>> = found.points().map(|point| point.costs.to_vec()).collect();
        for list in [&mut expected, &mut points] {
            list.sort_by(|a, b| a.partial_cmp(b).unwrap());
        }
        assert!(found.complete);
        assert_eq!(points, expected, "{objectives} objectives");
    }
    let columns = (0..=MAX_OBJECTIVES).map(|i| Column::objective(format!("o{i}"), "1")).collect();
    assert!(matches!(CostGraph::new(columns, 2, 0, 1).unwrap_err(), GraphError::Objectives(_)));
}

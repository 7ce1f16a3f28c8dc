//! Which measurements count. A reference operator is measured again and again; what was measured between two of its
//! measurements counts if both are close to its median over the whole journal. A device that throttles, or is busy
//! with something else, shows there, and what was measured meanwhile is measured again.

use std::collections::HashMap;

use super::{Event, Measured, Statistics};

/// What a journal comes to.
#[derive(Clone, Debug, Default)]
pub struct Results<'a> {
    /// Measurements that count, by benchmark.
    windows: HashMap<&'a str, Vec<&'a Measured>>,
    /// How many were rejected.
    pub rejected: usize,
    /// The median of the reference operator, ms.
    pub reference: Option<f64>,
    /// The largest distance of its measurements from that median, relative to it.
    pub furthest: f64,
}

impl<'a> Results<'a> {
    /// Of these events. `tolerance` is how far the reference may lie from its median, relative to it.
    pub fn of(events: &'a [Event], tolerance: f64) -> Self {
        let median = |measured: &Measured| measured.statistics().map(|statistics| statistics.median);
        let references: Vec<f64> = (events.iter())
            .filter_map(|event| match event {
                Event::Reference { measured } => median(measured),
                _ => None,
            })
            .collect();
        let mut results = Self { reference: Statistics::of(&references).map(|s| s.median), ..Self::default() };
        let Some(level) = results.reference else { return results };
        // Whether the last reference was close; nothing where a session has measured none yet.
        let mut before = None;
        let mut open: Vec<(&str, &Measured)> = Vec::new();
        for event in events {
            match event {
                Event::Session { .. } => {
                    results.rejected += open.len();
                    open.clear();
                    before = None;
                }
                Event::Reference { measured } => {
                    let distance = median(measured).map_or(f64::INFINITY, |time| (time / level - 1.0).abs());
                    results.furthest = results.furthest.max(distance);
                    let close = distance <= tolerance;
                    if close && before == Some(true) {
                        open.drain(..)
                            .for_each(|(key, measured)| results.windows.entry(key).or_default().push(measured));
                    }
                    results.rejected += open.len();
                    open.clear();
                    before = Some(close);
                }
                Event::Window { key, measured, .. } => open.push((key, measured)),
                Event::Failed { .. } | Event::Conditions { .. } => {}
            }
        }
        results.rejected += open.len();
        results
    }

    /// How many measurements of a benchmark count.
    pub fn count(&self, key: &str) -> usize {
        self.windows.get(key).map_or(0, Vec::len)
    }

    /// The statistics of a benchmark over all measurements that count: of all runs where each is known, else of the
    /// runner's summaries, of which medians are taken.
    pub fn statistics(&self, key: &str) -> Option<Statistics> {
        let windows = self.windows.get(key)?;
        let times: Vec<f64> = windows.iter().flat_map(|measured| measured.times.iter().copied()).collect();
        if windows.iter().all(|measured| measured.summary.is_none()) {
            return Statistics::of(&times);
        }
        let summaries: Vec<Statistics> = windows.iter().filter_map(|measured| measured.statistics()).collect();
        let middle = |of: fn(&Statistics) -> f64| Statistics::of(&summaries.iter().map(of).collect::<Vec<_>>());
        let medians = middle(|s| s.median)?;
        let told: Vec<f64> = summaries.iter().filter_map(|s| s.std).collect();
        Some(Statistics {
            count: summaries.iter().map(|s| s.count).sum(),
            iqr: None,
            std: Statistics::of(&told).map_or(medians.std, |stds| Some(stds.median)),
            mean: middle(|s| s.mean)?.median,
            ..medians
        })
    }

    /// The time of a benchmark in the runtime's own profile: the median over measurements of the sum of its operators.
    pub fn profiled(&self, key: &str) -> Option<f64> {
        let sums: Vec<f64> = (self.windows.get(key)?.iter())
            .filter(|measured| !measured.operators.is_empty())
            .map(|measured| measured.operators.iter().map(|(_, ms)| ms).sum())
            .collect();
        Statistics::of(&sums).map(|statistics| statistics.median)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::latency::profile::{Device, Summary};

    fn measured(ms: f64) -> Measured {
        Measured { times: vec![ms; 3], ..Measured::default() }
    }

    /// `r1.00` is a reference, `a2.0` a window of benchmark a, `s` a session.
    fn events(script: &str) -> Vec<Event> {
        let text = String::new;
        script
            .split_whitespace()
            .map(|word| match word.split_at(1) {
                ("s", _) => {
                    let device = Device {
                        device: text(),
                        soc: text(),
                        system: text(),
                        runtime: text(),
                        cores: text(),
                        precision: text(),
                        command: text(),
                    };
                    Event::Session { runner: text(), device, runs: 3 }
                }
                ("r", ms) => Event::Reference { measured: measured(ms.parse().unwrap()) },
                (key, ms) => Event::Window { key: key.into(), name: text(), measured: measured(ms.parse().unwrap()) },
            })
            .collect()
    }

    /// Benchmark, how many of its windows count, the median.
    type Case = (&'static str, &'static [(&'static str, usize, Option<f64>)], usize);

    #[test]
    fn what_lies_between_two_steady_references_counts() {
        let cases: &[Case] = &[
            ("s r1 a2 b3 r1.02", &[("a", 1, Some(2.0)), ("b", 1, Some(3.0))], 0),
            // Throttled from the second reference on, cool again at the fourth.
            ("s r1 a2 r1 b3 r1.2 b4 r1.2 b5 r1 b6 r1 r1", &[("a", 1, Some(2.0)), ("b", 1, Some(6.0))], 3),
            // The session was killed before the reference that would close its last span.
            ("s r1 a2 r1 a7 s r1 a3 r1", &[("a", 2, Some(2.5))], 1),
            // Two spans that fit together across a restart do not: there was no reference in between.
            ("s r1 s a2 r1", &[("a", 0, None)], 1),
            ("s a2", &[("a", 0, None)], 0),
        ];
        for (script, benchmarks, rejected) in cases {
            let events = events(script);
            let results = Results::of(&events, 0.03);
            for (key, count, median) in *benchmarks {
                assert_eq!(results.count(key), *count, "{script}: {key}");
                assert_eq!(results.statistics(key).map(|s| s.median), *median, "{script}: {key}");
            }
            assert_eq!(results.rejected, *rejected, "{script}");
        }
    }

    #[test]
    fn summaries_are_joined_by_their_medians_and_profiles_by_their_sums() {
        let summary =
            |median: f64| Summary { count: Some(10), median: Some(median), mean: median + 1.0, std: Some(0.25) };
        let window = |median| {
            let operators = vec![("CONV".to_owned(), median / 4.0), ("ADD".to_owned(), median / 4.0)];
            let measured = Measured { summary: Some(summary(median)), operators, ..Measured::default() };
            Event::Window { key: "a".into(), name: String::new(), measured }
        };
        let mut all = events("s r1");
        all.extend([2.0, 9.0, 3.0].map(window));
        all.extend(events("r1"));
        let results = Results::of(&all, 0.03);
        let found = results.statistics("a").unwrap();
        assert_eq!((found.count, found.median, found.mean, found.std), (30, 3.0, 4.0, Some(0.25)));
        // Nobody told quartiles; the goes lie 1 ms apart at the median.
        assert_eq!((found.iqr, found.mad), (None, Some(1.0)));
        assert_eq!(results.profiled("a"), Some(1.5));
        assert_eq!(results.profiled("b"), None);
    }
}

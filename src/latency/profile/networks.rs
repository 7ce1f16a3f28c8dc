//! The measured whole networks as files that `latency eval` and `latency fit` read: a CSV of names and times, and the
//! network of each beside it.

use std::io;
use std::path::Path;

use serde_json::json;

use super::{Event, Plan, Results, Subject};

/// The CSV in the folder of a profile.
pub const NETWORKS: &str = "networks.csv";

/// Writes `networks.csv` (`network,ms`, the median) and `networks/KEY.json` for every whole network of the plan with so
/// many windows that count; how many there are.
///
/// # Errors
/// Those of the file system.
pub fn write_networks(plan: &Plan, events: &[Event], windows: u32, tolerance: f64, folder: &Path) -> io::Result<usize> {
    let results = Results::of(events, tolerance);
    let mut text = "network,ms\n".to_owned();
    let mut count = 0;
    for planned in &plan.planned {
        let benchmark = &planned.benchmark;
        let Subject::Network(name) = &benchmark.subject else { continue };
        let Some(statistics) = results.statistics(&benchmark.key) else { continue };
        if results.count(&benchmark.key) < windows as usize {
            continue;
        }
        let file = format!("networks/{}.json", benchmark.key);
        let network = json!({ "architecture": name, "network": benchmark.network.to_raw() });
        std::fs::create_dir_all(folder.join("networks"))?;
        std::fs::write(folder.join(&file), network.to_string())?;
        text += &format!("{file},{}\n", statistics.median);
        count += 1;
    }
    if count > 0 {
        std::fs::write(folder.join(NETWORKS), text)?;
    }
    Ok(count)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::latency::profile::simulated::{Simulated, space, time};
    use crate::latency::profile::{Journal, PlanOptions, Prior, Protocol, Watch, measure};
    use crate::latency::{Selector, read_samples};

    #[test]
    fn what_is_written_is_read_as_measured_networks() {
        let options = PlanOptions { networks: 4, blocks: 0, operators: Some(0), seed: 5, copied: true };
        let plan = Plan::new(&space(), &options, &Prior::Rough).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let mut journal = Journal::open(folder.path()).unwrap();
        let watch = Watch { stop: &|| false, progress: &|_| {} };
        let protocol = Protocol::default();
        measure(&plan, "simulated", &mut Simulated::steady(), &mut journal, &protocol, watch).unwrap();
        assert_eq!(write_networks(&plan, journal.events(), 5, 0.03, folder.path()).unwrap(), 4);
        let [device, cores, precision] = ["any", "any", "float"].map(str::to_owned);
        let samples =
            read_samples(&folder.path().join(NETWORKS), None, &Selector { device, cores, precision }).unwrap();
        assert_eq!(samples.len(), 4);
        for (sample, planned) in samples.iter().zip(&plan.planned) {
            assert_eq!(sample.kernels, planned.benchmark.kernels);
            assert!((sample.ms / time(&planned.benchmark) - 1.001).abs() < 1e-9);
        }
    }
}

//! Other core sets of a phone. They ran the same networks through the same
//! kernels, so what an operator costs on one of them tells what it costs on
//! another, up to a multiple: where a set's own measurements are noisy or leave
//! a term open, its siblings settle it (`fit`).

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use super::rows::Csv;
use super::{LatencyError, Selector};

/// What the processor's other core sets took for the networks, and how much the measurements of the own set scatter.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Siblings {
    /// Core set, and its latencies in ms by network.
    pub sets: Vec<(String, HashMap<String, f64>)>,
    /// Standard deviation over mean of the own set's measurements, by network.
    pub noise: HashMap<String, f64>,
}

impl Siblings {
    /// The names of the sets.
    pub fn names(&self) -> Vec<&str> {
        self.sets.iter().map(|(name, _)| name.as_str()).collect()
    }
}

/// Whether a core set is one of the processor's; accelerators run other kernels.
fn is_processor(cores: &str) -> bool {
    let name = cores.to_ascii_lowercase();
    !["gpu", "dsp", "npu", "tpu"].iter().any(|other| name.contains(other))
}

/// The other core sets of the device in the file of measurements, in the order of their names, for the same
/// precision. There are none in a file of one device's latencies alone (columns `network, ms`), and none for an
/// accelerator.
///
/// # Errors
/// As [`read_measurements`](super::read_measurements).
pub fn read_siblings(path: &Path, selector: &Selector) -> Result<Siblings, LatencyError> {
    let csv = Csv::read(path)?;
    let mut siblings = Siblings::default();
    if !csv.has("model") || !is_processor(&selector.cores) {
        return Ok(siblings);
    }
    let (model, mean) = (csv.column("model")?, csv.column("mean_us")?);
    let (device, cores, precision) = (csv.column("device")?, csv.column("cores")?, csv.column("precision")?);
    let std = if csv.has("std_us") { Some(csv.column("std_us")?) } else { None };
    let mut sets: BTreeMap<String, HashMap<String, f64>> = BTreeMap::new();
    for row in csv.rows() {
        let set = row.text(cores);
        if row.text(device) != selector.device || row.text(precision) != selector.precision || !is_processor(set) {
            continue;
        }
        let (network, us) = (row.text(model).to_owned(), row.latency(mean)?);
        if set != selector.cores {
            sets.entry(set.to_owned()).or_default().insert(network, us * 1e-3);
        } else if let Some(std) = std.and_then(|std| row.text(std).parse::<f64>().ok()).filter(|std| *std >= 0.0) {
            siblings.noise.insert(network, std / us);
        }
    }
    siblings.sets = sets.into_iter().collect();
    Ok(siblings)
}

//! Joins measured latencies with the operators of the networks that were
//! measured, from operator lists or from architecture files.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use super::{
    Kernel, KernelKind, LatencyError, Measurement, Sample, Selector, TimedNetwork, lower, lower_run, read_measurements,
    read_network, read_operator_times, read_operators,
};
use crate::yaml::nearest;

/// The measured networks that `selector` picks, each with its operators.
///
/// A network is looked up by name in the operator lists, if there are any. A
/// name that is none of theirs is the path of an architecture file, relative to
/// the folder of the file of measurements.
///
/// # Errors
/// Whatever the files hold that they should not, and networks without operators, all of them named.
pub fn read_samples(
    networks: &Path,
    operators: Option<&Path>,
    selector: &Selector,
) -> Result<Vec<Sample>, LatencyError> {
    let measurements = read_measurements(networks, selector)?;
    let mut lists: HashMap<String, Vec<Kernel>> = HashMap::new();
    if let Some(path) = operators {
        lists.extend(read_operators(path)?.into_iter().map(|list| (list.model, list.kernels)));
    }
    let folder = networks.parent().unwrap_or(Path::new(""));
    let mut samples = Vec::with_capacity(measurements.len());
    let mut missing = Vec::new();
    let mut models = HashSet::new();
    for Measurement { network, ms } in measurements {
        let file = folder.join(&network);
        let kernels = match lists.get(&network) {
            Some(kernels) => kernels.clone(),
            None if file.is_file() => lower_run(&read_network(&file)?).into_iter().map(|l| l.kernel).collect(),
            None => {
                missing.push(network);
                continue;
            }
        };
        models.insert(network.clone());
        samples.push(Sample { network, kernels, ms });
    }
    let Some(first) = missing.first() else { return Ok(samples) };
    let shown: Vec<String> = missing.iter().take(8).map(|name| format!("`{name}`")).collect();
    let more = if missing.len() > 8 { format!(" and {} more", missing.len() - 8) } else { String::new() };
    let spare = lists.keys().map(String::as_str).filter(|name| !models.contains(*name));
    let hint = match nearest(first, spare) {
        hint if hint.starts_with("did you mean") => format!("; {hint}"),
        _ => String::new(),
    };
    let wanted = match operators {
        Some(path) => format!("neither a model in {} nor an architecture file beside it", path.display()),
        None => "no architecture file beside it, and no operator lists were given".to_owned(),
    };
    let problem = format!("no operators for {}{more}: {wanted}{hint}", shown.join(", "));
    Err(LatencyError::content(networks, problem))
}

/// The measured networks that `selector` picks and that have a file `NAME.yaml` in `folder`, an architecture or a space
/// whose default is meant; and the names of those that have none.
///
/// # Errors
/// Whatever the files hold that they should not, and a folder without any of the networks.
pub fn read_samples_of_files(
    networks: &Path,
    folder: &Path,
    selector: &Selector,
) -> Result<(Vec<Sample>, Vec<String>), LatencyError> {
    let (mut samples, mut missing) = (Vec::new(), Vec::new());
    for Measurement { network, ms } in read_measurements(networks, selector)? {
        let file = folder.join(format!("{network}.yaml"));
        if !file.is_file() {
            missing.push(network);
            continue;
        }
        let kernels = lower(&read_network(&file)?).into_iter().map(|lowered| lowered.kernel).collect();
        samples.push(Sample { network, kernels, ms });
    }
    if samples.is_empty() {
        let problem = format!("none of its networks has a file NAME.yaml in {}", folder.display());
        return Err(LatencyError::content(networks, problem));
    }
    Ok((samples, missing))
}

/// The measured networks that `selector` picks, each with its operators and the time of each, where the operator lists
/// have a column of them: `DEVICE_CORES_us`. `None` where they have not.
///
/// # Errors
/// As [`read_samples`], and times that are none.
pub fn read_timed(
    networks: &Path,
    operators: &Path,
    selector: &Selector,
) -> Result<Option<Vec<TimedNetwork>>, LatencyError> {
    let column = format!("{}_{}_us", selector.device, selector.cores);
    let Some(mut by_model) = read_operator_times(operators, &column)? else { return Ok(None) };
    let samples = read_samples(networks, Some(operators), selector)?;
    let timed = samples.into_iter().map(|sample| {
        let listed = by_model.remove(&sample.network).unwrap_or_default();
        // Products of a squeeze-excite were put in where the list has none; they have no time of their own.
        let all = listed.len() == sample.kernels.len();
        let mut listed = listed.into_iter();
        let own = |kernel: &Kernel| all || kernel.kind != KernelKind::Multiply;
        let times = sample.kernels.iter().map(|k| if own(k) { listed.next().flatten() } else { None }).collect();
        TimedNetwork { sample, times }
    });
    Ok(Some(timed.collect()))
}

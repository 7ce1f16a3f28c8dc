//! What a fitted table says about itself: device, runtime and provenance, from
//! what the user states and from what is known of the public measurements.

use std::path::Path;

use super::{FitError, LatencyError, Provenance, Selector, SourceFile, TableInfo};

/// What the user states about a table; what is left open is filled in where it is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stated {
    /// Name of the table.
    pub table: Option<String>,
    /// The device as its maker calls it.
    pub device: Option<String>,
    /// Its system on chip.
    pub soc: Option<String>,
    /// What ran the networks, with its version.
    pub runtime: Option<String>,
    /// Who measured, and where it is published.
    pub source: Option<String>,
    /// Licence of the measurements.
    pub licence: Option<String>,
}

/// BLAKE3 hash of the `networks.csv` whose origin is known.
const PUBLIC_FILE: &str = "72d0c0d615e23adbfa6bbc17d9a65d695a7bc66a3f31e20567a9ec3038591672";
/// BLAKE3 hash of the published latencies of cells of NAS-Bench-201.
const PUBLIC_CELLS: &str = "648c40cc2fa409f7419c0005bccca1b44623bfa48a20c467a06c75dec21b3040";
const PUBLIC_SOURCE: &str = "qed-usc/mobile-ml-benchmark (A Benchmark for ML Inference Latency on Mobile Devices, \
                             EdgeSys 2024), whole-network latencies";
/// Short device names of the public column layout, with the device and its system on chip.
const PUBLIC_DEVICES: [(&str, &str, &str); 2] =
    [("s10", "Samsung Galaxy S10", "Exynos 9820"), ("pixel4", "Google Pixel 4", "Snapdragon 855")];

/// How costs of operators were found where none was measured alone.
pub const INFERRED: &str = "Costs of single operators are inferred from whole networks.";

/// Describes a table fitted to `count` networks of a file.
///
/// The short device names `s10` and `pixel4` mean the phones of the public measurements where the
/// file has their column layout. Source and licence are known only of the public file itself, by its hash.
///
/// # Errors
/// Files that cannot be read.
pub fn describe(
    networks: &Path,
    operators: Option<&Path>,
    selector: &Selector,
    stated: &Stated,
    command: String,
    count: usize,
    error: Option<FitError>,
) -> Result<TableInfo, LatencyError> {
    let mut files = Vec::new();
    let mut public_layout = false;
    for path in [Some(networks), operators].into_iter().flatten() {
        let bytes = std::fs::read(path).map_err(LatencyError::read(path))?;
        if path == networks {
            let header = bytes.split(|&b| b == b'\n').next().unwrap_or_default();
            public_layout = String::from_utf8_lossy(header).contains("mean_us");
        }
        files.push(SourceFile { name: file_name(path), blake3: blake3::hash(&bytes).to_hex().to_string() });
    }
    let public = files.first().is_some_and(|file| file.blake3 == PUBLIC_FILE);
    let phone = PUBLIC_DEVICES.iter().find(|(short, ..)| public_layout && *short == selector.device);
    let told = |given: &Option<String>, known: Option<&str>, what: &str| match (given, known) {
        (Some(given), _) => given.clone(),
        (None, Some(known)) => known.to_owned(),
        (None, None) => format!("{what} not stated"),
    };
    let device = told(&stated.device, Some(phone.map_or(&*selector.device, |(_, name, _)| name)), "device");
    let soc = told(&stated.soc, phone.map(|(.., soc)| *soc), "chip");
    let note = match phone {
        Some((_, name, soc)) if public => format!(
            "Fitted to latencies that others measured on the {soc} model of the {name}; pocketnas measured none itself. \
             {INFERRED}"
        ),
        _ if files.first().is_some_and(|file| file.blake3 == PUBLIC_CELLS) => {
            format!("Fitted to latencies that others measured; pocketnas measured none itself. {INFERRED}")
        }
        _ => INFERRED.to_owned(),
    };
    let table = stated.table.clone().unwrap_or_else(|| {
        let soc = phone.map(|(.., soc)| *soc).or(stated.soc.as_deref()).unwrap_or_default();
        let full = format!("{device} {soc} {} {}", selector.cores, selector.precision).replace("  ", " ");
        full.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).collect()
    });
    Ok(TableInfo {
        table,
        device,
        soc,
        runtime: told(&stated.runtime, phone.map(|_| "TFLite 2.10"), "runtime"),
        precision: selector.precision.clone(),
        cores: selector.cores.clone(),
        provenance: Provenance {
            source: told(&stated.source, public.then_some(PUBLIC_SOURCE), "source"),
            licence: told(&stated.licence, public.then_some("MIT"), "licence"),
            note,
            command,
            files,
            networks: Some(count as u64),
            error,
        },
    })
}

/// The name of a file without its folder.
pub fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

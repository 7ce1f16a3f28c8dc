//! Sets of cores: as users and systems write them, and as masks for `taskset`.

use super::RunnerError;

/// The highest number of a core that masks hold.
const HIGHEST: u32 = 127;

/// The numbers in a list like `0-3,6`.
///
/// # Errors
/// Text that is no such list.
pub(super) fn numbers(text: &str) -> Result<Vec<u32>, RunnerError> {
    let wrong = || RunnerError::Unusable(format!("`{text}` names no cores; write numbers and ranges, like 4,6-7"));
    let mut found = Vec::new();
    for part in text.split(',') {
        let (low, high) = part.split_once('-').unwrap_or((part, part));
        let (low, high): (u32, u32) =
            (low.trim().parse().map_err(|_| wrong())?, high.trim().parse().map_err(|_| wrong())?);
        if low > high || high > 1_000_000_000 || high - low > HIGHEST {
            return Err(wrong());
        }
        found.extend(low..=high);
    }
    found.sort_unstable();
    found.dedup();
    Ok(found)
}

/// The same as a list to read: `0-3,6`.
pub(super) fn list(cores: &[u32]) -> String {
    let runs = cores.chunk_by(|a, b| a + 1 == *b);
    let texts = runs.map(|run| match run {
        [only] => only.to_string(),
        _ => format!("{}-{}", run[0], run[run.len() - 1]),
    });
    texts.collect::<Vec<_>>().join(",")
}

/// What a table calls a set, with the number of threads where there are several.
pub(super) fn label(cores: &[u32], threads: u32) -> String {
    let set = if cores.is_empty() { "any".to_owned() } else { format!("cpu{}", list(cores)) };
    if threads == 1 { set } else { format!("{set}, {threads} threads") }
}

/// The mask of a set, in hexadecimal as `taskset` reads it everywhere: no prefix.
///
/// # Errors
/// Cores beyond what a mask holds.
pub(super) fn mask(cores: &[u32]) -> Result<String, RunnerError> {
    if let Some(core) = cores.iter().find(|core| **core > HIGHEST) {
        return Err(RunnerError::Unusable(format!("core {core} is beyond the {} that masks hold", HIGHEST + 1)));
    }
    Ok(format!("{:x}", cores.iter().fold(0u128, |mask, &core| mask | 1 << core)))
}

/// The core set of a table: what the user asked for among the cores of a device, which are given with the highest clock
/// of each. So many threads get so many cores, the last ones of the fastest cluster where nothing was asked for.
///
/// # Errors
/// Cores that the device does not have, and fewer than there are threads.
pub(super) fn choose(asked: Option<&str>, clocks: &[(u32, u64)], threads: u32) -> Result<Vec<u32>, RunnerError> {
    let wanted = threads.max(1) as usize;
    let of_clock = |clock: Option<u64>| -> Vec<u32> {
        clocks.iter().filter(|(_, each)| Some(*each) == clock).map(|(core, _)| *core).collect()
    };
    let fastest = clocks.iter().map(|(_, clock)| *clock).max();
    let slowest = clocks.iter().map(|(_, clock)| *clock).min();
    let all: Vec<u32> = clocks.iter().map(|(core, _)| *core).collect();
    let mut found = match asked {
        None | Some("big") => of_clock(fastest),
        Some("little") => of_clock(slowest),
        Some("all") => all.clone(),
        Some(asked) => {
            let found = numbers(asked)?;
            if let Some(core) = found.iter().find(|core| !all.is_empty() && !all.contains(core)) {
                return Err(RunnerError::Unusable(format!("the device has no core {core}; it has: {}", list(&all))));
            }
            return enough(found, wanted);
        }
    };
    found.sort_unstable();
    let spare = found.len().saturating_sub(wanted);
    enough(found.split_off(spare), wanted)
}

fn enough(found: Vec<u32>, wanted: usize) -> Result<Vec<u32>, RunnerError> {
    if found.len() < wanted {
        let message =
            format!("{wanted} threads on the cores {} would share them; name more with --cores", list(&found));
        return Err(RunnerError::Unusable(message));
    }
    Ok(found)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_and_written() {
        for (text, cores, mask_of) in [
            ("4,6-7", vec![4, 6, 7], "d0"),
            ("0", vec![0], "1"),
            ("3-3,0-1", vec![0, 1, 3], "b"),
            ("64", vec![64], "10000000000000000"),
        ] {
            assert_eq!(numbers(text).unwrap(), cores, "{text}");
            assert_eq!(mask(&cores).unwrap(), mask_of, "{text}");
            assert_eq!(numbers(&list(&cores)).unwrap(), cores, "{text}");
        }
        for text in ["", "a", "4-", "5-4", "0-999999", "1,,2", "-1"] {
            assert!(numbers(text).is_err(), "{text}");
        }
        assert!(mask(&[128]).is_err());
    }

    /// The Exynos 9820 of a Galaxy S10: four little, two middle, two big cores.
    #[test]
    fn clusters_are_told_by_their_clocks() {
        let clocks: Vec<(u32, u64)> = (0..8)
            .map(|core| (core, [1_950_000, 2_314_000, 2_730_000][[0, 0, 0, 0, 1, 1, 2, 2][core as usize]]))
            .collect();
        let chosen = |asked, threads| choose(asked, &clocks, threads).map_err(|error| error.to_string());
        assert_eq!(chosen(None, 1), Ok(vec![7]));
        assert_eq!(chosen(Some("big"), 2), Ok(vec![6, 7]));
        assert_eq!(chosen(Some("little"), 4), Ok(vec![0, 1, 2, 3]));
        assert_eq!(chosen(Some("4-5"), 1), Ok(vec![4, 5]));
        assert!(chosen(Some("big"), 3).unwrap_err().contains("3 threads on the cores 6-7"));
        assert!(chosen(Some("8"), 1).unwrap_err().contains("no core 8; it has: 0-7"));
    }
}

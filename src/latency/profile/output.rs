//! What benchmark programs print: their times and their profiles by operator.
//!
//! Known are TFLite's `benchmark_model` (`Inference timings in us: … avg=…` or `count=… median=…`, µs), ncnn's
//! `benchncnn` (`min = … max = … avg = …`, ms), LiteRT's `benchmark_litert_model` (`Inference (median): … ms`), and lines with
//! a time and its unit each (`12.5 ms`), which a script of one's own prints most easily.

use super::{Measured, RunnerError, Summary};

/// The times in the output of a command.
///
/// # Errors
/// Output without any.
pub fn times(text: &str) -> Result<Measured, RunnerError> {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    // The last block counts: `benchmark_model` prints one for its warm-up too.
    let by_line = lines.iter().rev().find_map(|line| tflite(line).or_else(|| ncnn(line)));
    if let Some(summary) = by_line.or_else(|| litert(&lines)) {
        return Ok(Measured { summary: Some(summary), ..Measured::default() });
    }
    let times: Vec<f64> = lines.iter().filter_map(|line| time(line)).collect();
    if times.is_empty() {
        let last: Vec<&str> = lines.iter().rev().filter(|line| !line.is_empty()).take(3).copied().collect();
        let shown: String = last.into_iter().rev().collect::<Vec<_>>().join(" | ").chars().take(300).collect();
        let said = if shown.is_empty() { "it printed nothing".to_owned() } else { format!("it ended with: {shown}") };
        return Err(RunnerError::Refused(format!(
            "no times in the output of the command; what is read is `count=… avg=…` in µs as benchmark_model prints it, \
             `min = … max = … avg = …` in ms as benchncnn does, `Inference (median): …` as benchmark_litert_model does, and lines like `12.5 ms` or `830 us`; {said}"
        )));
    }
    Ok(Measured { times, ..Measured::default() })
}

/// `12.5 ms`, `time: 830 us`.
fn time(line: &str) -> Option<f64> {
    let line = line.rsplit(':').next()?.trim();
    let (number, unit) = line.rsplit_once(char::is_whitespace)?;
    let units_in_ms = match unit {
        "ms" => 1.0,
        "us" | "µs" => 1e3,
        _ => return None,
    };
    positive(number.trim().parse::<f64>().ok()? / units_in_ms)
}

fn positive(ms: f64) -> Option<f64> {
    (ms.is_finite() && ms > 0.0).then_some(ms)
}

/// A number behind a name: `avg=123.4`, `avg = 123.4`.
fn field(line: &str, name: &str) -> Option<f64> {
    let mut rest = line;
    while let Some(at) = rest.find(name) {
        let before = rest[..at].chars().next_back();
        let after = rest[at + name.len()..].trim_start();
        rest = &rest[at + name.len()..];
        if before.is_none_or(|c| !c.is_alphanumeric())
            && let Some(value) = after.strip_prefix(['=', ':'])
        {
            let value = value.trim_start();
            let end = value.find(|c: char| !(c.is_ascii_digit() || ".eE+-".contains(c))).unwrap_or(value.len());
            return value[..end].parse().ok().filter(|value: &f64| value.is_finite());
        }
    }
    None
}

/// `count=50 first=5012 curr=4983 min=4958 max=5120 avg=4990.2 std=31`, later versions with `p5=… median=… p95=…`. µs.
fn tflite(line: &str) -> Option<Summary> {
    let count = field(line, "count")?;
    let ms = |name| field(line, name).map(|us| us / 1e3);
    let mean = positive(ms("avg")?)?;
    if count < 1.0 {
        return None;
    }
    let (median, std) = (ms("median").and_then(positive), ms("std").filter(|std| *std >= 0.0));
    Some(Summary { count: Some(count as u64), median, mean, std })
}

/// `squeezenet  min =   13.20  max =   13.50  avg =   13.31`. ms; how many runs it does not say.
fn ncnn(line: &str) -> Option<Summary> {
    let (low, high) = (field(line, "min")?, field(line, "max")?);
    let mean = positive(field(line, "avg")?)?;
    (low <= high).then_some(Summary { count: None, median: None, mean, std: None })
}

/// `Inference (avg):  12.50 ms (50 runs)`, and lines of the same form for `median` and `std`.
fn litert(lines: &[&str]) -> Option<Summary> {
    let value = |name: &str| {
        let told =
            |line: &&str| line.strip_prefix("Inference (")?.strip_prefix(name)?.strip_prefix("):").map(str::to_owned);
        lines.iter().rev().find_map(told)
    };
    let ms = |text: &str| text.split_whitespace().next()?.parse::<f64>().ok();
    let average = value("avg")?;
    let count = average.split_once('(')?.1.split_whitespace().next()?.parse().ok()?;
    let mean = positive(ms(&average)?)?;
    let median = positive(ms(&value("median")?)?)?;
    let std = value("std").and_then(|text| ms(&text)).filter(|std| *std >= 0.0);
    Some(Summary { count: Some(count), median: Some(median), mean, std })
}

/// The operators in the profile that `benchmark_model --profiling_output_csv_file` writes: type and mean time, ms.
///
/// # Errors
/// A file without the table of operators in the order they ran.
pub fn profile(text: &str) -> Result<Vec<(String, f64)>, RunnerError> {
    let refuse = |why: &str| RunnerError::Refused(format!("the profile of operators cannot be read: {why}"));
    // The file holds the preparation's profile too, and a summary by kind; the run's own comes last.
    let tables: Vec<&str> = text.split("Operator-wise Profiling Info").collect();
    let table = tables.last().unwrap_or(&text);
    let start = table.find("Run Order").ok_or_else(|| refuse("it has no `Run Order`"))?;
    let mut lines = table[start..].lines().skip(1);
    let header: Vec<&str> =
        lines.next().ok_or_else(|| refuse("it ends after `Run Order`"))?.split(',').map(str::trim).collect();
    let column = |names: &[&str]| header.iter().position(|word| names.contains(word));
    let kind = column(&["node type"]).ok_or_else(|| refuse("there is no column `node type`"))?;
    let time = column(&["avg_ms", "avg [ms]", "[avg ms]"]).ok_or_else(|| refuse("there is no column `avg_ms`"))?;
    let mut operators = Vec::new();
    for line in lines {
        let cells: Vec<&str> = line.split(',').map(str::trim).collect();
        if cells.len() < header.len() {
            break;
        }
        let ms = cells[time].parse::<f64>().ok().filter(|ms| ms.is_finite() && *ms >= 0.0);
        operators.push((cells[kind].to_owned(), ms.ok_or_else(|| refuse("a time is no number"))?));
    }
    if operators.is_empty() {
        return Err(refuse("it lists no operators"));
    }
    Ok(operators)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// Lines as the programs print them, and count, median, mean and deviation, ms; nothing that they do not tell.
    #[test]
    fn the_known_programs_are_understood() {
        let cases = [
            (
                "STARTING!\nInitialized session in 1.2ms.\ncount=5 first=9000 curr=5000 min=5000 max=9000 avg=6000 std=10\n\
                 Running benchmark for at least 50 iterations\n\
                 count=50 first=5012 curr=4983 min=4958 max=5120 avg=4990.2 std=31\n\
                 Inference timings in us: Init: 1200, First inference: 9000, Warmup (avg): 6000, Inference (avg): 4990.2\n",
                (Some(50), None, 4.9902, Some(0.031)),
            ),
            (
                "INFO: count=50 first=52 curr=49 min=48 max=60 avg=50.5 std=2 p5=48 median=50 p95=56\n",
                (Some(50), Some(0.05), 0.0505, Some(0.002)),
            ),
            (
                "loop_count = 8\n          squeezenet  min =   13.20  max =   13.50  avg =   13.31\n",
                (None, None, 13.31, None),
            ),
            (
                "Model initialization:  3.10 ms\nWarmup (first):        9.00 ms\nWarmup (avg):          7.50 ms (5 runs)\n\
                 Inference (avg):       6.25 ms (20 runs)\nInference (min):       6.00 ms\nInference (max):       7.00 ms\n\
                 Inference (median):    6.20 ms\nInference (std):       0.30 ms\nInference (p5):        6.01 ms\n",
                (Some(20), Some(6.2), 6.25, Some(0.3)),
            ),
        ];
        for (text, (count, median, mean, std)) in cases {
            let found = times(text).unwrap().summary.unwrap();
            assert_eq!(found.count, count, "{text}");
            for (value, wanted) in [(found.median, median), (Some(found.mean), Some(mean)), (found.std, std)] {
                assert_eq!(value.is_some(), wanted.is_some(), "{text}: {value:?} in place of {wanted:?}");
                let apart = (value.unwrap_or(0.0) - wanted.unwrap_or(0.0)).abs();
                assert!(apart < 1e-9, "{text}: {value:?} in place of {wanted:?}");
            }
        }
        assert_eq!(times("warming up\n12.5 ms\nrun 2: 830 us\n").unwrap().times, [12.5, 0.83]);
    }

    #[test]
    fn output_without_times_is_refused_with_its_end() {
        for text in
            ["", "Segmentation fault", "avg=nan count=1", "count=0 avg=3", "-3 ms\n0 us\n", "\u{fffd}\u{fffd}=\u{fffd}"]
        {
            let error = times(text).unwrap_err().to_string();
            assert!(error.contains("no times in the output"), "{error}");
        }
        assert!(
            times("ERROR: file is broken").unwrap_err().to_string().ends_with("it ended with: ERROR: file is broken")
        );
    }

    #[test]
    fn profiles_by_operator_are_read() {
        let text = "Profiling Info for Benchmark Initialization:\n============ Run Order ============\n\
                    node type, first, avg_ms, %, cdf%, mem KB, times called, name\nModifyGraph, 1, 9.0, 100%, 100%, 0, 1, x\n\n\
                    Operator-wise Profiling Info for Regular Benchmark Runs:\n============ Run Order ============\n\
                    node type, first, avg_ms, %, cdf%, mem KB, times called, name\n\
                    CONV_2D, 4.2, 4.25, 81.0%, 81.0%, 0, 1, [conv]:0\nSOFTMAX, 0.01, 0.75, 19%, 100%, 0, 1, [out]:1\n\n\
                    ============ Summary by node type ============\nnode type, count, avg_ms, avg %, cdf %, mem KB, times called\n\
                    CONV_2D, 1, 4.2, 81%, 81%, 0, 1\n";
        assert_eq!(profile(text).unwrap(), [("CONV_2D".to_owned(), 4.25), ("SOFTMAX".to_owned(), 0.75)]);
        for text in
            ["", "Run Order", "Run Order ===\nnode type, x\n1, 2\n", "Run Order\nnode type, avg_ms\nCONV, many\n"]
        {
            assert!(profile(text).is_err(), "{text}");
        }
    }
}

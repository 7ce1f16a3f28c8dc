//! Clocks and temperatures as Linux tells them under `/sys`, on phones as on other machines. Whatever a device does not
//! let be read is left out.

use super::Conditions;

/// A shell script that prints what [`read`] reads. It always succeeds.
pub(super) const SCRIPT: &str = "\
for f in /sys/devices/system/cpu/cpu[0-9]*/cpufreq/scaling_cur_freq; do
  [ -r \"$f\" ] && echo \"clock $f $(cat \"$f\" 2>/dev/null)\"
done
for d in /sys/class/thermal/thermal_zone*; do
  [ -r \"$d/temp\" ] && echo \"celsius $(cat \"$d/temp\" 2>/dev/null) $(cat \"$d/type\" 2>/dev/null)\"
done
true";

/// Reads what the script printed. Lines that make no sense are passed over: a sensor is no reason to stop.
pub(super) fn read(text: &str) -> Conditions {
    let mut conditions = Conditions::default();
    for line in text.lines() {
        let mut words = line.split_whitespace();
        match (words.next(), words.next(), words.next()) {
            (Some("clock"), Some(path), Some(kilohertz)) => {
                if let (Some(core), Ok(kilohertz)) = (core(path), kilohertz.parse::<f64>())
                    && kilohertz > 0.0
                {
                    conditions.clocks_mhz.insert(format!("cpu{core}"), kilohertz / 1e3);
                }
            }
            (Some("celsius"), Some(value), Some(sensor)) => {
                if let Ok(value) = value.parse::<f64>() {
                    // Most zones count thousandths, some whole degrees.
                    let celsius = if value.abs() > 500.0 { value / 1e3 } else { value };
                    if (-50.0..=200.0).contains(&celsius) && celsius != 0.0 {
                        conditions.celsius.insert(sensor.to_owned(), celsius);
                    }
                }
            }
            _ => {}
        }
    }
    conditions
}

/// The number of a core, from its path.
fn core(path: &str) -> Option<u32> {
    path.split("/cpu").find_map(|part| part.split('/').next()?.parse().ok())
}

/// The cores with the highest clock of each, kHz, from lines of `PATH KHZ`.
pub(super) fn highest_clocks(text: &str) -> Vec<(u32, u64)> {
    let mut cores: Vec<(u32, u64)> = (text.lines())
        .filter_map(|line| {
            let (path, kilohertz) = line.split_once(' ')?;
            Some((core(path)?, kilohertz.trim().parse().ok()?))
        })
        .collect();
    cores.sort_unstable();
    cores
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_phone_tells_is_read_and_the_rest_passed_over() {
        let conditions = read(
            "clock /sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq 1950000\n\
             clock /sys/devices/system/cpu/cpu7/cpufreq/scaling_cur_freq 2730000\n\
             clock /sys/devices/system/cpu/cpu5/cpufreq/scaling_cur_freq \n\
             celsius 41500 cpu-big\ncelsius 33 battery\ncelsius 0 gone\ncelsius oops odd\ncelsius -127000 none\nnoise\n",
        );
        let clocks: Vec<(String, f64)> = conditions.clocks_mhz.into_iter().collect();
        assert_eq!(clocks, [("cpu0".to_owned(), 1950.0), ("cpu7".to_owned(), 2730.0)]);
        let celsius: Vec<(String, f64)> = conditions.celsius.into_iter().collect();
        assert_eq!(celsius, [("battery".to_owned(), 33.0), ("cpu-big".to_owned(), 41.5)]);
    }

    #[test]
    fn highest_clocks_are_sorted_by_core() {
        let text = "/sys/devices/system/cpu/cpu10/cpufreq/cpuinfo_max_freq 3000000\n\
                    /sys/devices/system/cpu/cpu2/cpufreq/cpuinfo_max_freq 1800000\nno\n";
        assert_eq!(highest_clocks(text), [(2, 1_800_000), (10, 3_000_000)]);
    }
}

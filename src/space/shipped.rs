//! The spaces that come with the program, by name.

macro_rules! shipped {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("../../search_spaces/", $name, ".yaml")))),*]
    };
}

/// Name and text of each.
pub(super) const SPACES: &[(&str, &str)] = shipped!["nas-bench-201", "mobilenetv3-ofa"];

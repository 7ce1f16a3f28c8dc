//! The tables that come with the program. They are files under `latency_tables/`,
//! built in so that the program needs nothing beside it.

use super::LatencyTable;
use crate::yaml::{Diagnostics, nearest};

macro_rules! shipped {
    ($($name:literal),* $(,)?) => {
        [$(($name, include_str!(concat!("../../latency_tables/", $name, ".yaml")))),*]
    };
}

/// Name and text of each table.
const SHIPPED: [(&str, &str); 26] = shipped![
    "galaxy-s10-exynos9820/1large-float",
    "galaxy-s10-exynos9820/1large-quant",
    "galaxy-s10-exynos9820/2large-float",
    "galaxy-s10-exynos9820/2large-quant",
    "galaxy-s10-exynos9820/1large2med-float",
    "galaxy-s10-exynos9820/1large2med-quant",
    "galaxy-s10-exynos9820/1med-float",
    "galaxy-s10-exynos9820/1med-quant",
    "galaxy-s10-exynos9820/2med-float",
    "galaxy-s10-exynos9820/2med-quant",
    "galaxy-s10-exynos9820/1small-float",
    "galaxy-s10-exynos9820/1small-quant",
    "galaxy-s10-exynos9820/2small-float",
    "galaxy-s10-exynos9820/2small-quant",
    "galaxy-s10-exynos9820/3small-float",
    "galaxy-s10-exynos9820/3small-quant",
    "galaxy-s10-exynos9820/4small-float",
    "galaxy-s10-exynos9820/4small-quant",
    "galaxy-s10-exynos9820/gpu-float",
    "galaxy-note10/blocks-cpu-float",
    "snapdragon-855/cells-cpu-quant",
    "snapdragon-855/cells-dsp-quant",
    "snapdragon-855/cells-gpu",
    "snapdragon-855/cells-mi9-gpu-float",
    "snapdragon-855/cells-pixel4-cpu-float",
    "snapdragon-855/pixel4-gpu-float",
];

impl LatencyTable {
    /// The names of the shipped tables.
    pub fn names() -> impl Iterator<Item = &'static str> {
        SHIPPED.into_iter().map(|(name, _)| name)
    }

    /// The shipped table of that name.
    ///
    /// # Errors
    /// A name that is none of [`LatencyTable::names`].
    pub fn named(name: &str) -> Result<Self, Diagnostics> {
        match SHIPPED.iter().find(|(shipped, _)| *shipped == name) {
            Some((_, text)) => Self::parse(&format!("latency_tables/{name}.yaml"), text),
            None => Err(Diagnostics::file(name, "is no shipped latency table", nearest(name, Self::names()))),
        }
    }
}

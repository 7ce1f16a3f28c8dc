//! Search configs: whether everything that they name is there and fits.

use super::{Finding, Given, Kind, Opened, Unreadable};
use crate::config::{ConfigError, SearchConfig};

/// The kind of search configs.
#[derive(Debug)]
pub(super) struct Search;

impl Kind for Search {
    fn name(&self) -> &'static str {
        "search config"
    }

    fn recognises(&self, file: &Opened) -> bool {
        file.has_key("search") && file.has_key("objectives")
    }

    fn verify(&self, file: &Opened, _given: &Given) -> Result<Vec<Finding>, Unreadable> {
        let config = SearchConfig::read(file.path()).map_err(|ConfigError(mut files)| match files.len() {
            1 => Unreadable::Text(files.remove(0)),
            _ => Unreadable::Other(ConfigError(files).to_string()),
        })?;
        let named: Vec<&str> = config.named().map(|objective| objective.name()).collect();
        let there = format!("the space {}, {}", config.space.name(), named.join(", "));
        let command = format!("only a search finds it: `pocketnas search {}`", file.path().display());
        Ok(vec![Finding::agrees("what it names", there), Finding::unchecked("front", command)])
    }
}

//! Search spaces: whether every architecture fits together, and whether the default one is the model that the space was made
//! from.

use super::{Finding, Given, Kind, Opened, Unreadable, architecture};
use crate::export::Claim;
use crate::space::{Budget, CompileError, Space};

/// The kind of search spaces.
#[derive(Debug)]
pub(super) struct SpaceFile;

impl Kind for SpaceFile {
    fn name(&self) -> &'static str {
        "search space"
    }

    fn recognises(&self, file: &Opened) -> bool {
        file.has_key("space") && file.has_key("network")
    }

    fn verify(&self, file: &Opened, _given: &Given) -> Result<Vec<Finding>, Unreadable> {
        let document = file.document()?;
        let space = Space::from_text(&document.name, &document.text)?;
        let mut findings = vec![match space.compile(Budget::default()) {
            Ok(graph) => Finding::agrees("every architecture", format!("{} that fit together", graph.count())),
            Err(CompileError::TooLarge(_)) => {
                Finding::unchecked("every architecture", "there are too many to look at all of them")
            }
            Err(CompileError::Wrong(problems)) => return Err(problems.into()),
        }];
        let network = match space.build(&space.default_architecture()) {
            Ok(network) => network,
            Err(error) => {
                findings.push(Finding::disagrees("default architecture", "one of the space", error.to_string()));
                return Ok(findings);
            }
        };
        // A space that was made from a model bears its name.
        if let Some(name) = file.path().file_stem().and_then(|stem| stem.to_str()?.strip_suffix(".space")) {
            let claim = "default architecture";
            let model = ["yaml", "json"]
                .map(|extension| Opened::new(&file.path().with_file_name(format!("{name}.{extension}"))));
            let model = model.iter().find(|model| architecture::Architecture.recognises(model));
            findings.push(match model.map(architecture::parsed).transpose()?.map(|model| model.network.build()) {
                Some(Ok(model)) => {
                    let hashes = [&model, &network].map(|network| network.canonical_hash().to_string());
                    let [claimed, found] = hashes;
                    Claim::text(claim, claimed, found).into()
                }
                Some(Err(error)) => {
                    Finding::unchecked(claim, format!("`{name}.yaml`, the model, is no network: {error}"))
                }
                None => Finding::unchecked(
                    claim,
                    format!("`{name}.yaml`, the model that it was made from, is not beside it"),
                ),
            });
        }
        Ok(findings)
    }
}

//! Files that say nothing which could be computed again: drawings, and models that only their speed is asked of.

use super::{Finding, Given, Kind, Opened, Unreadable};

/// Endings of names, and what such files are.
const MUTE: &[(&str, &str)] = &[
    ("dot", "a drawing, and the architecture file that it would be drawn from again is not beside it"),
    (
        "svg",
        "a drawing, and the architecture file that it would be drawn from again is not beside it; those of a front are held \
         against `front.json` with their folder",
    ),
    ("png", "a drawing; those of a front are held against `front.json` with their folder"),
    ("html", "a page drawn from `front.json`, which is what can be verified; `pocketnas report DIR` draws it again"),
    ("tflite", "a model whose speed is all that matters, with weights drawn at random: it claims nothing"),
];

/// The kind of files without claims.
#[derive(Debug)]
pub(super) struct Mute;

impl Kind for Mute {
    fn name(&self) -> &'static str {
        "drawing"
    }

    fn recognises(&self, file: &Opened) -> bool {
        MUTE.iter().any(|(extension, _)| *extension == file.extension())
    }

    fn verify(&self, file: &Opened, _given: &Given) -> Result<Vec<Finding>, Unreadable> {
        std::fs::File::open(file.path())
            .map_err(|error| Unreadable::Other(format!("cannot read `{}`: {error}", file.path().display())))?;
        let why = MUTE.iter().find(|(extension, _)| *extension == file.extension()).map_or("", |(_, why)| why);
        Ok(vec![Finding::unchecked("everything", why)])
    }
}

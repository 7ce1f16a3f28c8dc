//! Files that pocketnas exported, held against what they say of themselves: every claim that can be computed again is.
//!
//! A file is read as one of the [`KINDS`], each in a file of its own. What it says becomes [`Finding`]s: what agrees, what
//! disagrees, and what could not be checked, with the reason and, where there is one, the command that would.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::fmt::Debug;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::export::{Claim, IMPORTED};
use crate::latency::LatencyTable;
use crate::space::Space;
use crate::yaml::{Diagnostics, Document};

mod architecture;
mod front;
mod measured;
mod mute;
mod onnx;
mod origin;
mod results;
mod search;
mod space;
mod table;
mod text_form;
mod written;

/// A kind of file that can be verified.
pub trait Kind: Debug + Sync {
    /// What it is called.
    fn name(&self) -> &'static str;

    /// Whether a file, or a folder, is of this kind, by its name or by a look into it.
    fn recognises(&self, file: &Opened) -> bool;

    /// Everything that the file says, held against what is so.
    ///
    /// # Errors
    /// A file that cannot be read as this kind.
    fn verify(&self, file: &Opened, given: &Given) -> Result<Vec<Finding>, Unreadable>;
}

/// Every kind, in the order in which a file is tried.
pub static KINDS: &[&dyn Kind] = &[
    &results::Results,
    &onnx::Onnx,
    &written::Written,
    &architecture::Architecture,
    &space::SpaceFile,
    &search::Search,
    &table::Table,
    &measured::Measured,
    &mute::Mute,
];

/// What a person gives besides the file.
#[derive(Debug, Default)]
pub struct Given {
    /// Latency tables with the names they were given by; they come before shipped ones.
    pub tables: Vec<(String, LatencyTable)>,
    /// Search spaces with the names they were given by; they come before shipped ones.
    pub spaces: Vec<(String, Space)>,
    /// Files that a table may have been made from.
    pub sources: Vec<PathBuf>,
}

impl Given {
    /// The space that calls itself that, with the word that the command line has for it.
    ///
    /// # Errors
    /// Why there is none.
    fn space(&self, name: &str) -> Result<(Cow<'_, Space>, &str), String> {
        if name == IMPORTED {
            return Err("an imported network comes from no space".to_owned());
        }
        let given = self.spaces.iter().find(|(_, space)| space.name() == name);
        if let Some((file, space)) = given {
            return Ok((Cow::Borrowed(space), file));
        }
        let missing = || format!("the space `{name}` does not come with pocketnas; give its file with --space FILE");
        Space::shipped_as(name).map(|(word, space)| (Cow::Owned(space), word)).ok_or_else(missing)
    }
}

/// One thing that a file says, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What it is about.
    pub claim: String,
    /// What became of it.
    #[serde(flatten)]
    pub verdict: Verdict,
}

/// What became of a claim.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "verdict", rename_all = "lowercase")]
pub enum Verdict {
    /// It is so.
    Agrees {
        /// What was found.
        found: String,
    },
    /// It is not so.
    Disagrees {
        /// What the file says.
        claimed: String,
        /// What was found.
        found: String,
    },
    /// Nobody can tell from here.
    Unchecked {
        /// Why not, and what would tell.
        why: String,
    },
}

impl Finding {
    fn agrees(claim: impl Into<String>, found: impl Into<String>) -> Self {
        Self { claim: claim.into(), verdict: Verdict::Agrees { found: found.into() } }
    }

    fn disagrees(claim: impl Into<String>, claimed: impl Into<String>, found: impl Into<String>) -> Self {
        Self { claim: claim.into(), verdict: Verdict::Disagrees { claimed: claimed.into(), found: found.into() } }
    }

    fn unchecked(claim: impl Into<String>, why: impl Into<String>) -> Self {
        Self { claim: claim.into(), verdict: Verdict::Unchecked { why: why.into() } }
    }

    /// Whether it says that the file is wrong.
    pub fn is_disagreement(&self) -> bool {
        matches!(self.verdict, Verdict::Disagrees { .. })
    }
}

impl From<Claim> for Finding {
    fn from(claim: Claim) -> Self {
        if claim.holds {
            Self::agrees(claim.what, claim.found)
        } else {
            Self::disagrees(claim.what, claim.claimed, claim.found)
        }
    }
}

/// Why nothing can be said of a file.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// Its text has problems, each with its place.
    #[error(transparent)]
    Text(#[from] Diagnostics),
    /// Anything else: what, where, and the remedy.
    #[error("{0}")]
    Other(String),
}

/// A file that is looked into at most once.
#[derive(Debug)]
pub struct Opened {
    path: PathBuf,
    document: OnceCell<Result<Document, Diagnostics>>,
}

impl Opened {
    fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), document: OnceCell::new() }
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The ending of its name.
    fn extension(&self) -> &str {
        self.path.extension().and_then(|extension| extension.to_str()).unwrap_or_default()
    }

    /// Its own name, without folders.
    fn name(&self) -> &str {
        self.path.file_name().and_then(|name| name.to_str()).unwrap_or_default()
    }

    /// Whether its name promises YAML or JSON.
    fn is_document(&self) -> bool {
        matches!(self.extension(), "yaml" | "yml" | "json")
    }

    /// The file as YAML or JSON.
    fn document(&self) -> Result<&Document, Unreadable> {
        self.document.get_or_init(|| Document::read(&self.path)).as_ref().map_err(|problems| problems.clone().into())
    }

    /// Whether it is a document with such a key.
    fn has_key(&self, key: &str) -> bool {
        self.is_document() && self.document().is_ok_and(|document| document.root.get(key).is_some())
    }
}

/// Verifies a file, or the folder of a search: the name of its kind, and everything that was found.
///
/// # Errors
/// [`Unreadable`]: a file that cannot be read, or is of no known kind.
pub fn verify(path: &Path, given: &Given) -> Result<(&'static str, Vec<Finding>), Unreadable> {
    match path.metadata() {
        Ok(there) if there.is_file() || there.is_dir() => {}
        // A pipe may never end.
        Ok(_) => return Err(Unreadable::Other(format!("`{}` is neither a file nor a folder", path.display()))),
        Err(error) => {
            return Err(Unreadable::Other(format!("cannot read `{}`: {error}; check the path", path.display())));
        }
    }
    let file = Opened::new(path);
    if let Some(kind) = KINDS.iter().find(|kind| kind.recognises(&file)) {
        return Ok((kind.name(), kind.verify(&file, given)?));
    }
    if file.is_document() {
        // What is wrong with its text is worth more than that it is of no known kind.
        file.document()?;
    }
    let kinds: Vec<&str> = KINDS.iter().map(|kind| kind.name()).collect();
    let message =
        format!("`{}` is nothing that pocketnas exports; give one of these: {}", path.display(), kinds.join(", "));
    Err(Unreadable::Other(message))
}

/// Lists of findings where many say the same: those that agree become one line, others stay.
fn gathered(claim: &str, findings: Vec<Finding>) -> Vec<Finding> {
    let agreeing = findings.iter().filter(|finding| matches!(finding.verdict, Verdict::Agrees { .. })).count();
    let mut gathered: Vec<Finding> = Vec::new();
    if agreeing > 0 {
        gathered.push(Finding::agrees(claim, format!("{agreeing} agree")));
    }
    gathered.extend(findings.into_iter().filter(Finding::is_disagreement));
    gathered
}

/// The BLAKE3 of a file.
fn blake3_of(path: &Path) -> std::io::Result<String> {
    if !path.metadata()?.is_file() {
        return Err(std::io::Error::other("it is no file"));
    }
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(std::fs::File::open(path)?)?;
    Ok(hasher.finalize().to_hex().to_string())
}

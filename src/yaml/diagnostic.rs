//! Problems in a file, each with its place, and how they are shown: file, line,
//! column, the line itself, the path inside the document, and the remedy.

use std::fmt;
use std::sync::Arc;

use miette::{LabeledSpan, NamedSource, SourceCode};

use super::{Node, Span};

/// Longer lines than this are not printed with a problem, only its place.
const SHOWN_LINE: usize = 400;

/// One problem at one place.
#[derive(Clone, Debug)]
struct Problem {
    message: String,
    path: String,
    span: Span,
    help: Option<String>,
}

/// Everything that is wrong with one file.
#[derive(Clone)]
pub struct Diagnostics {
    name: String,
    text: Arc<str>,
    problems: Vec<Problem>,
}

impl Diagnostics {
    /// A single problem about a file as a whole, such as one that cannot be read.
    pub fn file(name: &str, message: impl Into<String>, help: impl Into<String>) -> Self {
        let problem = Problem {
            message: message.into(),
            path: String::new(),
            span: Span::default(),
            help: Some(help.into()).filter(|h: &String| !h.is_empty()),
        };
        Self { name: name.to_owned(), text: Arc::from(""), problems: vec![problem] }
    }

    /// How many problems there are.
    pub fn len(&self) -> usize {
        self.problems.len()
    }

    /// Whether there are none; never true of an error.
    pub fn is_empty(&self) -> bool {
        self.problems.is_empty()
    }

    fn line_column(&self, offset: usize) -> (usize, usize) {
        let before = &self.text.as_bytes()[..offset.min(self.text.len())];
        let line = before.iter().filter(|&&b| b == b'\n').count() + 1;
        let start = before.iter().rposition(|&b| b == b'\n').map_or(0, |p| p + 1);
        let column = String::from_utf8_lossy(&before[start..]).chars().count() + 1;
        (line, column)
    }

    fn headline(&self, problem: &Problem) -> String {
        if self.text.is_empty() {
            return format!("{}: {}", self.name, problem.message);
        }
        let (line, column) = self.line_column(problem.span.offset);
        format!("{}:{line}:{column}: {}", self.name, problem.message)
    }

    fn located(&self, problem: &Problem) -> Located {
        let offset = problem.span.offset.min(self.text.len());
        let start = self.text[..offset].rfind('\n').map_or(0, |at| at + 1);
        let end = self.text[offset..].find('\n').map_or(self.text.len(), |at| offset + at);
        Located {
            headline: self.headline(problem),
            source: NamedSource::new(&self.name, Arc::clone(&self.text)),
            label: if problem.path.is_empty() { "here".to_owned() } else { format!("at {}", problem.path) },
            // A mapping or a long text is pointed at by its first line.
            span: Span { offset, len: problem.span.len.min(end - offset) },
            help: problem.help.clone(),
            shown: !self.text.is_empty() && end - start <= SHOWN_LINE,
        }
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.problems[..] {
            [only] => f.write_str(&self.headline(only)),
            many => write!(f, "{}: {} problems", self.name, many.len()),
        }
    }
}

impl fmt::Debug for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            let separator = if index == 0 { "" } else { "\n" };
            write!(f, "{separator}{}", self.headline(problem))?;
            if let Some(help) = &problem.help {
                write!(f, " ({help})")?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for Diagnostics {}

impl miette::Diagnostic for Diagnostics {
    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn miette::Diagnostic> + 'a>> {
        None
    }
}

impl Diagnostics {
    /// Ready to print: every problem with its line and its remedy.
    pub fn into_report(self) -> miette::Report {
        let count = self.problems.len();
        // A flood of follow-up problems helps nobody, and finding the line of each takes a walk through the text.
        let mut located: Vec<Located> = self.problems.iter().take(20).map(|p| self.located(p)).collect();
        if count == 1 {
            return miette::Report::new(located.swap_remove(0));
        }
        miette::Report::new(Many { headline: format!("{}: {count} problems", self.name), located })
    }
}

/// One problem in the form that the renderer wants.
#[derive(Debug)]
struct Located {
    headline: String,
    source: NamedSource<Arc<str>>,
    label: String,
    span: Span,
    help: Option<String>,
    shown: bool,
}

impl fmt::Display for Located {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.headline)
    }
}

impl std::error::Error for Located {}

impl miette::Diagnostic for Located {
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.help.as_ref().map(|h| Box::new(h) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.shown.then_some(&self.source as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let label = LabeledSpan::new(Some(self.label.clone()), self.span.offset, self.span.len);
        Some(Box::new(std::iter::once(label)))
    }
}

#[derive(Debug)]
struct Many {
    headline: String,
    located: Vec<Located>,
}

impl fmt::Display for Many {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.headline)
    }
}

impl std::error::Error for Many {}

impl miette::Diagnostic for Many {
    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn miette::Diagnostic> + 'a>> {
        Some(Box::new(self.located.iter().map(|l| l as &dyn miette::Diagnostic)))
    }
}

/// Collects problems while a document is checked, so that all are told in one go.
#[derive(Debug)]
pub struct Problems {
    name: String,
    text: Arc<str>,
    problems: Vec<Problem>,
}

impl Problems {
    /// None yet, for the file of that name and text.
    pub fn new(name: &str, text: Arc<str>) -> Self {
        Self { name: name.to_owned(), text, problems: Vec::new() }
    }

    /// Adds a problem at a place. `path` is the place inside the document, `help` the remedy; either may be empty.
    pub fn add(&mut self, span: Span, path: impl Into<String>, message: impl Into<String>, help: impl Into<String>) {
        self.problems.push(Problem {
            message: message.into(),
            path: path.into(),
            span,
            help: Some(help.into()).filter(|h| !h.is_empty()),
        });
    }

    /// Adds a problem at a node.
    pub fn at(&mut self, node: &Node, path: &str, message: impl Into<String>, help: impl Into<String>) {
        self.add(node.span, path, message, help);
    }

    /// Whether any were found.
    pub fn any(&self) -> bool {
        !self.problems.is_empty()
    }

    /// `value` if nothing was found.
    ///
    /// # Errors
    /// Everything that was found, in the order of the file.
    pub fn or<T>(self, value: T) -> Result<T, Diagnostics> {
        if self.any() { Err(self.into_diagnostics()) } else { Ok(value) }
    }

    /// Everything that was found, in the order of the file.
    pub fn into_diagnostics(mut self) -> Diagnostics {
        self.problems.sort_by_key(|p| p.span.offset);
        self.problems.dedup_by(|a, b| a.span == b.span && a.message == b.message);
        Diagnostics { name: self.name, text: self.text, problems: self.problems }
    }
}

/// The valid name closest to what was written, if one is close enough to be a slip of the pen,
/// as a remedy: "did you mean `depth`?", otherwise the list of valid names.
pub fn nearest<'a>(written: &str, valid: impl IntoIterator<Item = &'a str>) -> String {
    let valid: Vec<&str> = valid.into_iter().collect();
    let close = valid
        .iter()
        .map(|name| (edit_distance(written, name), name))
        .min()
        .filter(|(distance, name)| *distance <= 1 + name.len().max(written.len()) / 4);
    match close {
        Some((_, name)) => format!("did you mean `{name}`?"),
        None if valid.is_empty() => String::new(),
        None => {
            let shown: Vec<String> = valid.iter().take(24).map(|name| format!("`{name}`")).collect();
            let more = if valid.len() > 24 { format!(" and {} more", valid.len() - 24) } else { String::new() };
            format!("valid here: {}{more}", shown.join(", "))
        }
    }
}

/// Insertions, deletions, substitutions and swaps of neighbours between two words.
fn edit_distance(a: &str, b: &str) -> usize {
    let a: Vec<char> = a.chars().take(64).collect();
    let b: Vec<char> = b.chars().take(64).collect();
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    for i in 0..=a.len() {
        for j in 0..=b.len() {
            rows[i][j] = if i == 0 || j == 0 {
                i + j
            } else {
                let substitution = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
                let mut best = substitution.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
                if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                    best = best.min(rows[i - 2][j - 2] + 1);
                }
                best
            };
        }
    }
    rows[a.len()][b.len()]
}

//! The known accuracies: a CSV file with a column of architecture texts and one
//! of numbers.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use crate::yaml::nearest;

/// One architecture with what is known of it.
#[derive(Clone, Debug, PartialEq)]
pub struct TruthRow {
    /// The architecture's text form.
    pub id: String,
    /// The known value, finite; higher is better.
    pub value: f64,
    /// Line of the file, from 1.
    pub line: u64,
}

/// The rows of a truth file.
#[derive(Clone, Debug, PartialEq)]
pub struct Truth {
    /// The rows with a finite value.
    pub rows: Vec<TruthRow>,
    /// Rows left out because their value is missing, NaN or infinite.
    pub skipped: usize,
}

/// Why a truth file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TruthError {
    /// The file cannot be opened or read.
    #[error("{path}: cannot be read: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The file is not CSV, or not UTF-8.
    #[error("{path}: not a CSV file: {source}")]
    Csv {
        /// The file.
        path: PathBuf,
        /// What the reader says, with the line.
        source: csv::Error,
    },
    /// A column is missing.
    #[error("{path}:1: there is no column `{column}`; {help}")]
    Column {
        /// The file.
        path: PathBuf,
        /// The column asked for.
        column: String,
        /// The nearest column, and all there are.
        help: String,
    },
    /// A value is not a number.
    #[error("{path}:{line}: `{text}` in column `{column}` is not a number; leave it empty if it is not known")]
    Number {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// The column.
        column: String,
        /// What stands there.
        text: String,
    },
    /// An architecture occurs twice.
    #[error("{path}:{line}: `{id}` stands on line {first} already; give each architecture one row")]
    Duplicate {
        /// The file.
        path: PathBuf,
        /// The second line, from 1.
        line: u64,
        /// The architecture.
        id: String,
        /// The first line.
        first: u64,
    },
    /// Too few rows to correlate anything.
    #[error("{path}: {rows} row(s) with a value in column `{column}`; a correlation needs at least 2")]
    TooFew {
        /// The file.
        path: PathBuf,
        /// The column.
        column: String,
        /// Rows with a finite value.
        rows: usize,
    },
}

/// Names the column that was probably meant, and all that there are.
fn columns(name: &str, headers: &csv::StringRecord) -> String {
    if headers.is_empty() {
        return "the file is empty".to_owned();
    }
    let present = format!("the columns are {}", headers.iter().collect::<Vec<_>>().join(", "));
    match nearest(name, headers.iter()) {
        slip if slip.starts_with("did you mean") => format!("{slip} {present}"),
        _ => present,
    }
}

impl Truth {
    /// Reads the two named columns of a CSV file whose first line names its columns.
    ///
    /// # Errors
    /// [`TruthError`] names the file, the line and the column.
    pub fn read(path: &Path, id_column: &str, truth_column: &str) -> Result<Self, TruthError> {
        let text = std::fs::read(path).map_err(|source| TruthError::Read { path: path.to_path_buf(), source })?;
        Self::parse(path, &text, id_column, truth_column)
    }

    /// As [`Truth::read`], from the text of the file; `path` is what messages call it.
    ///
    /// # Errors
    /// [`TruthError`] names the file, the line and the column.
    pub fn parse(path: &Path, text: &[u8], id_column: &str, truth_column: &str) -> Result<Self, TruthError> {
        let csv_error = |source| TruthError::Csv { path: path.to_path_buf(), source };
        let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text);
        let headers = reader.headers().map_err(csv_error)?.clone();
        let column = |name: &str| {
            headers.iter().position(|header| header == name).ok_or_else(|| TruthError::Column {
                path: path.to_path_buf(),
                column: name.to_owned(),
                help: columns(name, &headers),
            })
        };
        let (id_at, value_at) = (column(id_column)?, column(truth_column)?);
        let mut truth = Self { rows: Vec::new(), skipped: 0 };
        let mut seen: HashMap<String, u64> = HashMap::new();
        let (mut line, mut counted) = (1, 0);
        for record in reader.records() {
            let record = record.map_err(csv_error)?;
            // The reader's own line is one short where lines end in CR LF: it stops between the two.
            let start = record.position().map_or(0, |position| position.byte() as usize).min(text.len());
            let start = start + text[start..].iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
            line += text[counted..start].iter().filter(|&&byte| byte == b'\n').count() as u64;
            counted = start;
            let (id, text) = (&record[id_at], &record[value_at]);
            if let Some(first) = seen.insert(id.to_owned(), line) {
                return Err(TruthError::Duplicate { path: path.to_path_buf(), line, id: id.to_owned(), first });
            }
            let value = if text.is_empty() { Ok(f64::NAN) } else { text.parse::<f64>() };
            match value {
                Ok(value) if value.is_finite() => truth.rows.push(TruthRow { id: id.to_owned(), value, line }),
                Ok(_) => truth.skipped += 1,
                Err(_) => {
                    return Err(TruthError::Number {
                        path: path.to_path_buf(),
                        line,
                        column: truth_column.to_owned(),
                        text: text.to_owned(),
                    });
                }
            }
        }
        if truth.rows.len() < 2 {
            let (path, column) = (path.to_path_buf(), truth_column.to_owned());
            return Err(TruthError::TooFew { path, column, rows: truth.rows.len() });
        }
        Ok(truth)
    }

    /// Keeps a uniform sample of at most `limit` rows, in the order of the file.
    pub fn sample(&mut self, limit: usize, seed: u64) {
        let drawn = self.drawn(limit, seed);
        let mut drawn = drawn.into_iter();
        self.rows.retain(|_| drawn.next().unwrap_or_default());
    }

    /// Keeps the rows that [`sample`](Self::sample) of as many with that seed would not.
    pub fn leave_out_sample(&mut self, limit: usize, seed: u64) {
        let drawn = self.drawn(limit, seed);
        let mut drawn = drawn.into_iter();
        self.rows.retain(|_| !drawn.next().unwrap_or_default());
    }

    /// Whether each row is in the sample.
    fn drawn(&self, limit: usize, seed: u64) -> Vec<bool> {
        use rand::SeedableRng;
        let mut drawn = vec![limit >= self.rows.len(); self.rows.len()];
        if limit < self.rows.len() {
            let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
            rand::seq::index::sample(&mut rng, self.rows.len(), limit).iter().for_each(|row| drawn[row] = true);
        }
        drawn
    }
}

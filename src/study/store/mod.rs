//! The store of a study: one SQLite file, `study.sqlite`, to which one process adds what happens, and which any other
//! may read meanwhile. A run resumes by folding the events into a [`Record`].
//!
//! *Format.* `application_id` is `0x706b6e73`, `user_version` the version of the schema. Table `study` (key, value) holds
//! the JSON of an [`Identity`] under `identity` and the time of creation under `created`. Table `event` (id, time in unix
//! seconds, kind, trial, body) holds the JSON of an [`Event`]; rows are only ever added, as triggers see to. The views
//! `trial` and `reading` are for the sqlite3 shell.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use std::{fs, io};

use rusqlite::{Connection, OpenFlags, params};

mod event;
mod identity;
mod record;
mod schema;

pub use event::{Event, Taken, ToldOutcome};
pub use identity::{Change, Goal, Identity, describe, difference};
pub use record::{Record, State, Told};

/// The name of the file in the output folder.
pub const STORE: &str = "study.sqlite";

/// Why a store cannot be used. Nothing was deleted.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// There is no such file.
    #[error("there is no study at `{0}`: give a folder that `pocketnas search` has filled")]
    Missing(PathBuf),
    /// There is a file already.
    #[error("there is a study at `{0}` already: continue it, or choose another folder")]
    Exists(PathBuf),
    /// The file is of another program.
    #[error("`{0}` is not a study of pocketnas: choose another folder, or move the file away")]
    Foreign(PathBuf),
    /// The file is of a later version of this program.
    #[error("`{path}` has schema version {found}, but this pocketnas knows {known} at most: use a later pocketnas")]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: i32,
        /// The latest version known.
        known: i32,
    },
    /// The file is damaged.
    #[error("`{path}` is damaged: {what}; restore it from a backup, or start over with --new")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// How.
        what: String,
    },
    /// An event holds a number that is not finite.
    #[error("an event `{0}` holds a number that is not finite; this is a fault in pocketnas, please report it")]
    NotFinite(&'static str),
    /// Reading or writing failed.
    #[error("cannot use `{path}`: {what}; see that the disk has room and the folder can be written, then run again")]
    Unusable {
        /// The file.
        path: PathBuf,
        /// Why.
        what: String,
    },
}

/// An open store.
#[derive(Debug)]
pub struct Store {
    path: PathBuf,
    connection: Connection,
    identity: Identity,
}

impl Store {
    /// Creates the store of a new study, under another name until it is whole: whenever the program is killed, there is
    /// either a study or none.
    ///
    /// # Errors
    /// [`StoreError::Exists`] where there is a file, [`StoreError::Unusable`] where none can be made.
    pub fn create(path: &Path, identity: &Identity) -> Result<Self, StoreError> {
        let told = |error| explain(path, error);
        let unusable = |error: io::Error| StoreError::Unusable { path: path.to_owned(), what: error.to_string() };
        // An empty file holds nothing.
        if fs::metadata(path).is_ok_and(|file| file.len() > 0) {
            return Err(StoreError::Exists(path.to_owned()));
        }
        let partial = path.with_extension("partial");
        for left in [path, &partial] {
            remove(left).map_err(unusable)?;
        }
        let mut connection = Connection::open(&partial).map_err(told)?;
        configure(&connection).map_err(told)?;
        let transaction = connection.transaction().map_err(told)?;
        transaction.pragma_update(None, "application_id", schema::APPLICATION).map_err(told)?;
        transaction.pragma_update(None, "user_version", schema::VERSION).map_err(told)?;
        schema::MIGRATIONS.iter().try_for_each(|step| transaction.execute_batch(step)).map_err(told)?;
        let text = serde_json::to_string(identity).map_err(|error| damaged(path, error))?;
        for (key, value) in [("identity", text), ("created", now().to_string())] {
            transaction.execute("INSERT INTO study VALUES (?1, ?2)", params![key, value]).map_err(told)?;
        }
        transaction.commit().map_err(told)?;
        // Closed, the file is all there is of it.
        connection.close().map_err(|(_, error)| told(error))?;
        fs::rename(&partial, path).map_err(unusable)?;
        let store = Self::connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        configure(&store.connection).map_err(told)?;
        Ok(store)
    }

    /// Opens a store to go on with it. A file of an earlier version is upgraded, after a copy was put beside it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn open(path: &Path) -> Result<(Self, Record), StoreError> {
        let mut store = Self::connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        configure(&store.connection).map_err(|error| explain(path, error))?;
        store.upgrade(&schema::MIGRATIONS)?;
        let record = store.fold()?;
        Ok((store, record))
    }

    /// Reads a store, even while another process adds to it, or where nothing may be written.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn read(path: &Path) -> Result<(Self, Record), StoreError> {
        let mut store = Self::connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        let record = store.fold()?;
        Ok((store, record))
    }

    /// Adds events, all or none.
    ///
    /// # Errors
    /// [`StoreError::NotFinite`], or [`StoreError::Unusable`], on a full disk for example.
    pub fn record(&mut self, events: &[Event]) -> Result<(), StoreError> {
        let path = &self.path;
        let told = |error| explain(path, error);
        let transaction = self.connection.transaction().map_err(told)?;
        for event in events {
            let body = serde_json::to_string(event).map_err(|error| damaged(path, error))?;
            // JSON has no word for numbers that are not finite, and writes what would not be read again.
            if serde_json::from_str::<Event>(&body).ok().as_ref() != Some(event) {
                return Err(StoreError::NotFinite(event.kind()));
            }
            let mut insert = transaction
                .prepare_cached("INSERT INTO event (time, kind, trial, body) VALUES (?1, ?2, ?3, ?4)")
                .map_err(told)?;
            let trial = event.trial().map(|trial| trial as i64);
            insert.execute(params![now(), event.kind(), trial, body]).map_err(told)?;
        }
        transaction.commit().map_err(told)
    }

    /// All events in order, with their times in unix seconds.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] where one cannot be read.
    pub fn events(&self) -> Result<Vec<(f64, Event)>, StoreError> {
        let told = |error| explain(&self.path, error);
        let mut query = self.connection.prepare("SELECT id, time, body FROM event ORDER BY id").map_err(told)?;
        let mut rows = query.query([]).map_err(told)?;
        let mut events = Vec::new();
        while let Some(row) = rows.next().map_err(told)? {
            let id: i64 = row.get(0).map_err(told)?;
            let body: String = row.get(2).map_err(told)?;
            let event = serde_json::from_str(&body).map_err(|e| damaged(&self.path, format!("event {id}: {e}")))?;
            events.push((row.get(1).map_err(told)?, event));
        }
        Ok(events)
    }

    /// What was fixed when the study was created; [`Record::identity`] has the extensions too.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    fn connect(path: &Path, access: OpenFlags) -> Result<Self, StoreError> {
        if !path.is_file() {
            return Err(StoreError::Missing(path.to_owned()));
        }
        let told = |error| explain(path, error);
        let flags = access | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = Connection::open_with_flags(path, flags).map_err(told)?;
        connection.busy_timeout(Duration::from_secs(5)).map_err(told)?;
        let probe = |c: &Connection| c.query_row("PRAGMA application_id", [], |row| row.get::<_, i32>(0));
        let read_only = access == OpenFlags::SQLITE_OPEN_READ_ONLY;
        let mut application = probe(&connection);
        if read_only
            && matches!(&application, Err(error) if is_shut(error))
            && !path.with_extension("sqlite-wal").exists()
        {
            // A file in WAL mode cannot be opened where its companions cannot be made, unless nobody writes to it.
            let name = path.to_string_lossy().replace('%', "%25").replace('?', "%3f").replace('#', "%23");
            let uri = format!("file:{name}?immutable=1");
            connection = Connection::open_with_flags(uri, flags | OpenFlags::SQLITE_OPEN_URI).map_err(told)?;
            application = probe(&connection);
        }
        if application.map_err(told)? != schema::APPLICATION {
            return Err(StoreError::Foreign(path.to_owned()));
        }
        let text: String = connection
            .query_row("SELECT value FROM study WHERE key = 'identity'", [], |row| row.get(0))
            .map_err(|error| match newer(&connection) {
                Some(found) => StoreError::Newer { path: path.to_owned(), found, known: schema::VERSION },
                None => damaged(path, error),
            })?;
        if let Some(found) = newer(&connection) {
            return Err(StoreError::Newer { path: path.to_owned(), found, known: schema::VERSION });
        }
        let identity = serde_json::from_str(&text).map_err(|error| damaged(path, error))?;
        Ok(Self { path: path.to_owned(), connection, identity })
    }

    /// Brings a file of an earlier version to that of all `migrations`, in one step, after a copy was put beside it.
    fn upgrade(&mut self, migrations: &[&str]) -> Result<(), StoreError> {
        let found = self.number("user_version")?;
        let Some(steps) = migrations.get(found.max(0) as usize..).filter(|steps| !steps.is_empty()) else {
            return Ok(());
        };
        let path = &self.path;
        let told = |error| explain(path, error);
        let backup = path.with_extension(format!("v{found}.sqlite"));
        if !backup.exists() {
            // A copy that a crash cut short must not pass for one.
            let partial = path.with_extension("partial");
            let unusable = |error: io::Error| StoreError::Unusable { path: backup.clone(), what: error.to_string() };
            remove(&partial).map_err(unusable)?;
            self.connection.execute("VACUUM INTO ?1", [partial.to_string_lossy()]).map_err(told)?;
            fs::rename(&partial, &backup).map_err(unusable)?;
        }
        let transaction = self.connection.transaction().map_err(told)?;
        steps.iter().try_for_each(|step| transaction.execute_batch(step)).map_err(told)?;
        transaction.pragma_update(None, "user_version", migrations.len() as i32).map_err(told)?;
        transaction.commit().map_err(told)
    }

    fn number(&self, pragma: &str) -> Result<i32, StoreError> {
        self.connection.pragma_query_value(None, pragma, |row| row.get(0)).map_err(|error| explain(&self.path, error))
    }

    fn fold(&mut self) -> Result<Record, StoreError> {
        let mut record = Record::new(self.identity.fingerprint.clone());
        for (_, event) in self.events()? {
            record.push(event).map_err(|what| damaged(&self.path, what))?;
        }
        Ok(record)
    }
}

/// The version of a file that is of a later version of this program.
fn newer(connection: &Connection) -> Option<i32> {
    let found = connection.pragma_query_value(None, "user_version", |row| row.get(0)).ok()?;
    (found > schema::VERSION).then_some(found)
}

/// Readers never wait for the writer, and a crash of this program loses nothing that was recorded.
fn configure(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(Duration::from_secs(5))?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "NORMAL")
}

/// A file, and what SQLite keeps beside it: what has not reached the file itself stands there.
pub(in crate::study) fn with_companions(path: &Path) -> [PathBuf; 4] {
    ["", "-journal", "-wal", "-shm"].map(|end| {
        let mut name = path.as_os_str().to_owned();
        name.push(end);
        name.into()
    })
}

/// Removes a file and its companions, where there are any.
fn remove(path: &Path) -> io::Result<()> {
    for file in with_companions(path) {
        match fs::remove_file(file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

fn is_shut(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode::{CannotOpen, ReadOnly};
    matches!(error.sqlite_error_code(), Some(CannotOpen | ReadOnly))
}

fn explain(path: &Path, error: rusqlite::Error) -> StoreError {
    use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase, Unknown};
    match error.sqlite_error_code() {
        Some(NotADatabase) => StoreError::Foreign(path.to_owned()),
        Some(DatabaseCorrupt) => damaged(path, error),
        Some(Unknown) if error.to_string().contains("no such") => damaged(path, error),
        None => damaged(path, error),
        _ => StoreError::Unusable { path: path.to_owned(), what: error.to_string() },
    }
}

fn damaged(path: &Path, what: impl ToString) -> StoreError {
    StoreError::Damaged { path: path.to_owned(), what: what.to_string() }
}

fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |time| time.as_secs_f64())
}

#[cfg(test)]
mod tests;

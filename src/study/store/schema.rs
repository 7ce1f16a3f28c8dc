//! The tables of a study's file, version by version.

/// Says that a SQLite file is a study of this program: `pkns`.
pub(super) const APPLICATION: i32 = 0x706b_6e73;

/// The schema that this program writes.
pub(super) const VERSION: i32 = MIGRATIONS.len() as i32;

/// What leads from each version to the next; the first makes version 1 of an empty file.
pub(super) const MIGRATIONS: [&str; 1] = ["
CREATE TABLE study (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE event (
    id INTEGER PRIMARY KEY, time REAL NOT NULL, kind TEXT NOT NULL, trial INTEGER, body TEXT NOT NULL
);
CREATE TRIGGER event_is_never_changed BEFORE UPDATE ON event
BEGIN SELECT RAISE(ABORT, 'events are only added'); END;
CREATE TRIGGER event_is_never_deleted BEFORE DELETE ON event
BEGIN SELECT RAISE(ABORT, 'events are only added'); END;
CREATE VIEW trial AS SELECT
    trial, datetime(time, 'unixepoch') AS told, body ->> '$.outcome.as' AS outcome,
    body ->> '$.architecture' AS architecture, body ->> '$.hash' AS hash, body ->> '$.fidelity' AS fidelity,
    body ->> '$.cached' AS cached, body -> '$.values' AS \"values\"
    FROM event WHERE kind = 'told' ORDER BY trial;
CREATE VIEW reading AS SELECT
    trial, r.value ->> 0 AS objective, r.value ->> 1 AS definition, body ->> '$.hash' AS hash,
    body ->> '$.fidelity' AS fidelity, body ->> '$.seed' AS seed, r.value ->> 2 AS value, r.value ->> 3 AS seconds
    FROM event, json_each(body, '$.readings') AS r WHERE kind = 'evaluated' ORDER BY event.id;
"];

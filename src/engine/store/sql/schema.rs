//! The tables, and how they come up to date by themselves.
//!
//! Each step is done once, in one transaction with the note that it was, under a lock that other hosts
//! wait for. `sqlx`'s own migrations take no such lock on SQLite. A step that was released is never
//! changed; another is added.

use sqlx::{AnyConnection, Executor, Row};

use crate::engine::error::Result;
use crate::engine::store::sql::dialect::Dialect;
use crate::engine::store::sql::{Operation, SqlStore};

struct Step {
    sqlite: &'static [&'static str],
    postgres: &'static [&'static str],
}

/// Step n is at index n - 1.
const STEPS: &[Step] = &[Step {
    sqlite: &[
        "CREATE TABLE isoseed_epoch (value INTEGER NOT NULL)",
        "INSERT INTO isoseed_epoch (value) VALUES (0)",
        "CREATE TABLE isoseed_session (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            id TEXT NOT NULL UNIQUE,
            created_at INTEGER NOT NULL,
            newest INTEGER NOT NULL DEFAULT 0,
            epoch INTEGER NOT NULL DEFAULT 0,
            holder TEXT,
            token TEXT,
            lease_until INTEGER NOT NULL DEFAULT 0)",
        "CREATE TABLE isoseed_revision (
            session INTEGER NOT NULL REFERENCES isoseed_session (number),
            revision INTEGER NOT NULL,
            created_at INTEGER NOT NULL,
            schema_version INTEGER NOT NULL,
            snapshot_key TEXT NOT NULL,
            hash TEXT NOT NULL,
            bytes INTEGER NOT NULL,
            stored_bytes INTEGER NOT NULL,
            chunks BLOB NOT NULL,
            head BLOB NOT NULL,
            PRIMARY KEY (session, revision))",
        "CREATE TABLE isoseed_chunk (
            session INTEGER NOT NULL REFERENCES isoseed_session (number),
            key BLOB NOT NULL,
            data BLOB NOT NULL,
            PRIMARY KEY (session, key))",
    ],
    postgres: &[
        "CREATE SEQUENCE isoseed_epoch",
        // Bytes decide the order of ids, not a language: `list` walks the index by ranges.
        "CREATE TABLE isoseed_session (
            number BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            id TEXT COLLATE \"C\" NOT NULL UNIQUE,
            created_at BIGINT NOT NULL,
            newest BIGINT NOT NULL DEFAULT 0,
            epoch BIGINT NOT NULL DEFAULT 0,
            holder TEXT,
            token TEXT,
            lease_until BIGINT NOT NULL DEFAULT 0)",
        "CREATE TABLE isoseed_revision (
            session BIGINT NOT NULL REFERENCES isoseed_session (number),
            revision BIGINT NOT NULL,
            created_at BIGINT NOT NULL,
            schema_version BIGINT NOT NULL,
            snapshot_key TEXT NOT NULL,
            hash TEXT NOT NULL,
            bytes BIGINT NOT NULL,
            stored_bytes BIGINT NOT NULL,
            chunks BYTEA NOT NULL,
            head BYTEA NOT NULL,
            PRIMARY KEY (session, revision))",
        "CREATE TABLE isoseed_chunk (
            session BIGINT NOT NULL REFERENCES isoseed_session (number),
            key BYTEA NOT NULL,
            data BYTEA NOT NULL,
            PRIMARY KEY (session, key))",
        // It is compressed already, or can't be.
        "ALTER TABLE isoseed_chunk ALTER COLUMN data SET STORAGE EXTERNAL",
    ],
}];

/// What all hosts lock while they change tables: «isoseed» in ASCII.
const LOCK: &str = "SELECT pg_advisory_xact_lock(29681795069207908)";

/// Brings the tables up to date.
pub(super) async fn migrate(store: &SqlStore) -> Result<()> {
    // First without a lock and without the right to make tables, which a host need not have.
    let version = match store.run(&Version).await {
        Ok(version) if version == STEPS.len() => return Ok(()),
        Ok(version) if version > STEPS.len() => version,
        // Not there yet, or older. If it is something else, this says so, too.
        _ => store.run(&Migrate).await?,
    };
    if version > STEPS.len() {
        let why = format!(
            "its tables are those of a newer isoseed (version {version}, this one knows {})",
            STEPS.len()
        );
        return Err(store.failed("be opened", &why));
    }
    Ok(())
}

/// Looks for damage where it would look as if a session had never been there: in SQLite's table of sessions and
/// its index. What else is damaged shows itself when it is read. PostgreSQL has checksums for its pages.
///
/// # Errors
/// `Store`, with what SQLite found.
pub(super) async fn verify(store: &SqlStore) -> Result<()> {
    if store.dialect == Dialect::Postgres {
        return Ok(());
    }
    let found = store.run(&Verify).await?;
    if found == "ok" { Ok(()) } else { Err(store.failed("be opened", &format!("it is damaged: {found}"))) }
}

struct Verify;

impl Operation for Verify {
    type Output = String;
    const NAME: &'static str = "be opened";
    const WRITES: bool = false;

    async fn run(
        &self,
        connection: &mut AnyConnection,
        _dialect: Dialect,
        _again: bool,
    ) -> sqlx::Result<String> {
        connection.fetch_one("PRAGMA integrity_check(isoseed_session)").await?.try_get(0)
    }
}

struct Version;

impl Operation for Version {
    type Output = usize;
    const NAME: &'static str = "be opened";
    const WRITES: bool = false;

    async fn run(
        &self,
        connection: &mut AnyConnection,
        _dialect: Dialect,
        _again: bool,
    ) -> sqlx::Result<usize> {
        version(connection).await
    }
}

struct Migrate;

impl Operation for Migrate {
    type Output = usize;
    const NAME: &'static str = "be opened";
    const WRITES: bool = true;

    async fn run(
        &self,
        connection: &mut AnyConnection,
        dialect: Dialect,
        _again: bool,
    ) -> sqlx::Result<usize> {
        if dialect == Dialect::Postgres {
            connection.execute(LOCK).await?;
        }
        let notes = "CREATE TABLE IF NOT EXISTS isoseed_migration \
                     (version BIGINT PRIMARY KEY, applied_at BIGINT NOT NULL)";
        connection.execute(notes).await?;
        // Another host may have been faster.
        let done = version(connection).await?;
        for (index, step) in STEPS.iter().enumerate().skip(done) {
            let statements = match dialect {
                Dialect::Sqlite => step.sqlite,
                Dialect::Postgres => step.postgres,
            };
            for statement in statements {
                connection.execute(*statement).await?;
            }
            let number = index + 1;
            let note = format!("INSERT INTO isoseed_migration VALUES ({number}, {})", dialect.now());
            connection.execute(note.as_str()).await?;
        }
        Ok(done.max(STEPS.len()))
    }
}

async fn version(connection: &mut AnyConnection) -> sqlx::Result<usize> {
    let row = connection.fetch_one("SELECT CAST(COALESCE(max(version), 0) AS BIGINT) FROM isoseed_migration");
    let version: i64 = row.await?.try_get(0)?;
    Ok(usize::try_from(version).unwrap_or(0))
}

//! Where a store is, and the pools of connections to it.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Once};
use std::time::Duration;

use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::{AnyPool, ConnectOptions, Executor};
use url::Url;

use crate::engine::error::{EngineError, Result};
use crate::engine::store::sql::SqlStore;
use crate::engine::store::sql::dialect::Dialect;

/// Reads of SQLite that go on at once. Each has a thread.
const SQLITE_READERS: u32 = 4;

/// A page, which a database has at least.
const SHORTEST_FILE: u64 = 4096;

/// Where a store is.
#[derive(Debug, Clone)]
pub enum Location {
    /// In this process's memory, gone with the store.
    Memory,
    /// In this file.
    Sqlite(PathBuf),
    /// On a server.
    Postgres(Box<Url>),
}

/// What an acknowledged write survives, in SQLite.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Synchronous {
    /// A power cut.
    Full,
    /// The end of the process; a power cut may take the last writes, and nothing else.
    Normal,
}

/// How a store is opened.
#[derive(Debug, Clone, Copy)]
pub struct OpenOptions {
    /// SQLite's.
    pub synchronous: Synchronous,
    /// PostgreSQL's: at most so many connections.
    pub max_connections: u32,
    /// Attempts begin for so long.
    pub retry: Duration,
    /// One attempt takes at most so long.
    pub timeout: Duration,
}

impl Location {
    /// From `memory:`, `sqlite:<absolute path>`, `postgres://…`.
    ///
    /// # Errors
    /// `Store` for anything else.
    pub fn parse(text: &str) -> Result<Self> {
        if text == "memory:" {
            return Ok(Self::Memory);
        }
        if let Some(path) = text.strip_prefix("sqlite:") {
            return Ok(Self::Sqlite(path.into()));
        }
        let wrong = |why: &str| EngineError::store(format!("the store can't be opened: {why}"));
        // The text is not in the message: it may have a password.
        let url = Url::parse(text).map_err(|error| wrong(&error.to_string()))?;
        if !matches!(url.scheme(), "postgres" | "postgresql") {
            return Err(wrong("it must begin with memory:, sqlite: or postgres:"));
        }
        Ok(Self::Postgres(Box::new(url)))
    }

    fn dialect(&self) -> Dialect {
        match self {
            Self::Memory | Self::Sqlite(_) => Dialect::Sqlite,
            Self::Postgres(_) => Dialect::Postgres,
        }
    }

    /// For error messages: without a password.
    fn name(&self) -> String {
        match self {
            Self::Memory => "memory:".to_owned(),
            Self::Sqlite(path) => format!("sqlite:{}", path.display()),
            Self::Postgres(url) => {
                let user = if url.username().is_empty() { "" } else { "@" };
                let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
                let host = url.host_str().unwrap_or_default();
                format!("postgres://{}{user}{host}{port}{}", url.username(), url.path())
            }
        }
    }

    fn options(&self) -> AnyConnectOptions {
        let url = match self {
            Self::Memory => Url::parse("sqlite::memory:"),
            Self::Sqlite(path) => Url::parse(&format!("sqlite:{}?mode=rwc", escape(&path.to_string_lossy()))),
            Self::Postgres(url) => Ok(Url::clone(url)),
        };
        let url = url.expect("invariant: what is escaped is a URL");
        AnyConnectOptions::from_url(&url)
            .expect("invariant: any URL is taken before it is connected to")
            .disable_statement_logging()
    }
}

/// A path within a URL: everything but letters, digits and a few signs as `%XX`.
fn escape(path: &str) -> String {
    use std::fmt::Write as _;
    path.bytes().fold(String::new(), |mut escaped, byte| {
        if byte.is_ascii_alphanumeric() || b"/-_.~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            // Writing to a string does not fail.
            let _ = write!(escaped, "%{byte:02X}");
        }
        escaped
    })
}

/// The pools. Nothing is connected before it is needed.
///
/// # Errors
/// `Store` when the file was cut short.
pub(super) fn connect(location: &Location, options: OpenOptions) -> Result<SqlStore> {
    static DRIVERS: Once = Once::new();
    DRIVERS.call_once(sqlx::any::install_default_drivers);
    let at = location.options();
    let pool = AnyPoolOptions::new()
        .acquire_timeout(options.timeout)
        // A connection that died meanwhile shows itself before anything was done, and is replaced.
        .test_before_acquire(false);
    let writer_is_durable = Arc::new(AtomicBool::new(true));
    let (writers, readers): (AnyPool, AnyPool) = match location {
        Location::Memory => {
            // One connection, and never another: the data is its own.
            let pool = pool.max_connections(1).min_connections(1).idle_timeout(None).max_lifetime(None);
            let pool = prepare_sqlite(pool, Synchronous::Normal, None).connect_lazy_with(at);
            (pool.clone(), pool)
        }
        Location::Sqlite(path) => {
            check_length(path)?;
            make_private(path);
            let writers = prepare_sqlite(pool.clone(), options.synchronous, Some(&writer_is_durable));
            let writers = writers.max_connections(1).connect_lazy_with(at.clone());
            let pool = prepare_sqlite(pool, options.synchronous, None);
            (writers, pool.max_connections(SQLITE_READERS).connect_lazy_with(at))
        }
        Location::Postgres(_) => {
            let pool = prepare_postgres(pool.max_connections(options.max_connections), options.timeout);
            let pool = pool.connect_lazy_with(at);
            (pool.clone(), pool)
        }
    };
    Ok(SqlStore {
        dialect: location.dialect(),
        writers,
        readers,
        name: location.name(),
        synchronous: match location {
            Location::Memory | Location::Postgres(_) => Synchronous::Normal,
            Location::Sqlite(_) => options.synchronous,
        },
        writer_is_durable,
        retry: options.retry,
        timeout: options.timeout,
    })
}

/// `durable` is set when a connection is made: it begins with the level that was asked for.
fn prepare_sqlite(
    pool: AnyPoolOptions,
    synchronous: Synchronous,
    durable: Option<&Arc<AtomicBool>>,
) -> AnyPoolOptions {
    let durable = durable.cloned();
    let level = match synchronous {
        Synchronous::Full => "PRAGMA synchronous = FULL",
        Synchronous::Normal => "PRAGMA synchronous = NORMAL",
    };
    pool.after_connect(move |connection, _| {
        let durable = durable.clone();
        Box::pin(async move {
            if let Some(durable) = durable {
                durable.store(true, Ordering::Relaxed);
            }
            for setting in [
                // First: the others may have to wait for another process that does the same.
                "PRAGMA busy_timeout = 10000",
                "PRAGMA journal_mode = WAL",
                level,
                // The file is not trusted more than need be.
                "PRAGMA trusted_schema = OFF",
                "PRAGMA cell_size_check = ON",
            ] {
                // What is wrong with the file the first statement tells, too; an error here would be tried again
                // until the time is up. Without WAL, SQLite is slower and as safe; FULL is its default.
                if connection.execute(setting).await.is_err() {
                    break;
                }
            }
            Ok(())
        })
    })
}

fn prepare_postgres(pool: AnyPoolOptions, timeout: Duration) -> AnyPoolOptions {
    let prepare = format!(
        // What is acknowledged is on disk, even where the server's setting says otherwise.
        "SELECT CASE current_setting('synchronous_commit') WHEN 'off' \
           THEN set_config('synchronous_commit', 'on', false) END, \
         CASE current_setting('idle_in_transaction_session_timeout') WHEN '0' \
           THEN set_config('idle_in_transaction_session_timeout', '{}', false) END",
        // A host that stands still, or that nobody hears of any more, may have a session's row locked. What it has
        // begun ends when it would have given up itself: or nobody could take the session over.
        timeout.as_millis().clamp(1, i32::MAX.unsigned_abs().into())
    );
    let prepare: Arc<str> = prepare.into();
    pool.after_connect(move |connection, _| {
        let prepare = Arc::clone(&prepare);
        Box::pin(async move {
            connection.execute(&*prepare).await?;
            Ok(())
        })
    })
}

/// SQLite takes a file that is shorter than its first page for a new one. A new one has no byte, or a journal
/// beside it that undoes what was begun.
fn check_length(path: &std::path::Path) -> Result<()> {
    let length = std::fs::metadata(path).map_or(0, |file| if file.is_file() { file.len() } else { 0 });
    let journal = std::fs::metadata(format!("{}-journal", path.display())).map_or(0, |file| file.len());
    if length == 0 || length >= SHORTEST_FILE || journal > 0 {
        return Ok(());
    }
    let message = format!("the store sqlite:{} was cut short: it has {length} bytes", path.display());
    Err(EngineError::store(message))
}

/// Makes the file if it is not there, for its owner alone; SQLite gives the files beside it the same
/// rights. Where that fails SQLite says why.
fn make_private(path: &std::path::Path) {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    drop(options.open(path));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_is_one_of_three_and_its_name_has_no_password() {
        let name = |text: &str| Location::parse(text).map(|location| location.name());
        assert_eq!(name("memory:").expect("memory"), "memory:");
        assert_eq!(name("sqlite:/tmp/a b%.db").expect("SQLite"), "sqlite:/tmp/a b%.db");
        let server = "postgres://me:secret@db.example:5433/app?sslmode=require&password=secret";
        assert_eq!(name(server).expect("PostgreSQL"), "postgres://me@db.example:5433/app");
        for wrong in ["mysql://me:secret@db/app", "postgres://me:secret@[db/app", "", "/tmp/a.db"] {
            let error = Location::parse(wrong).expect_err("refused");
            assert_eq!(error.code(), "ERR_STORE");
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }

    #[test]
    fn a_path_of_any_signs_is_a_url() {
        assert_eq!(escape("/tmp/a b?c#d%é.db"), "/tmp/a%20b%3Fc%23d%25%C3%A9.db");
    }
}

//! Where SQLite and PostgreSQL differ.

use sqlx::Error;

/// Which database it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// SQLite.
    Sqlite,
    /// PostgreSQL.
    Postgres,
}

impl Dialect {
    /// Begins a transaction that writes. SQLite's waits for the write lock here: one that has read
    /// before it writes would be refused when somebody else wrote meanwhile.
    pub(super) fn begin(self) -> &'static str {
        match self {
            Self::Sqlite => "BEGIN IMMEDIATE",
            Self::Postgres => "BEGIN",
        }
    }

    /// What follows a `SELECT` of a row that is to stay as it is until the transaction ends.
    pub(super) fn lock(self) -> &'static str {
        match self {
            Self::Sqlite => "",
            Self::Postgres => " FOR UPDATE",
        }
    }

    /// The database's clock now (not when the transaction began): milliseconds since 1970. Hosts compare
    /// leases by this clock alone.
    pub(super) fn now(self) -> &'static str {
        match self {
            Self::Sqlite => "CAST(unixepoch('subsec') * 1000 AS INTEGER)",
            Self::Postgres => "CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)",
        }
    }

    /// A number that is greater than each one before, of all sessions: so that one who held a session
    /// that was deleted can't write to its successor. Asked while the session's row is locked.
    pub(super) fn next_epoch(self) -> &'static str {
        match self {
            Self::Sqlite => "(SELECT value FROM isoseed_epoch)",
            Self::Postgres => "nextval('isoseed_epoch')",
        }
    }

    /// What has to be done before `next_epoch` is one.
    pub(super) fn count_epoch(self) -> Option<&'static str> {
        (self == Self::Sqlite).then_some("UPDATE isoseed_epoch SET value = value + 1")
    }

    /// Another attempt may succeed: the connection or the server was lost, or somebody was in the way.
    pub(super) fn is_passing(self, error: &Error) -> bool {
        match error {
            Error::Io(_) | Error::Protocol(_) | Error::PoolTimedOut | Error::WorkerCrashed => true,
            Error::Database(database) => {
                let code = database.code().unwrap_or_default();
                match self {
                    // BUSY and LOCKED, with what SQLite puts in the upper bits.
                    Self::Sqlite => matches!(code.parse().unwrap_or(0) & 0xff, 5 | 6),
                    Self::Postgres => {
                        // Connection exceptions; serialization, deadlock; too many connections; shutdown, crash,
                        // not yet up; a server that became a standby.
                        code.starts_with("08")
                            || matches!(
                                &*code,
                                "40001" | "40P01" | "53300" | "57P01" | "57P02" | "57P03" | "25006" | "25P03"
                            )
                    }
                }
            }
            _ => false,
        }
    }

    /// The database itself says that it did not do it: then a commit was not done either.
    pub(super) fn is_refusal(self, error: &Error) -> bool {
        let Error::Database(database) = error else { return false };
        match self {
            Self::Sqlite => true,
            // A server that shuts down may have committed before.
            Self::Postgres => {
                matches!(database.code().as_deref(), Some("40001" | "40P01" | "53300" | "25006"))
            }
        }
    }
}

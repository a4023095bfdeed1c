//! Sessions in SQLite or PostgreSQL: the same tables, the same statements, through `sqlx`'s `Any`.
//!
//! What differs between the two is in `dialect` and `connect`. Each operation of a store is a type of its
//! own that implements `Operation`; `SqlStore::run` gives it a transaction and decides about another
//! attempt when the connection is lost.
//!
//! A session's row is locked by every operation that changes anything of it: SQLite takes its one write
//! lock when a transaction begins, PostgreSQL locks the row (`Dialect::lock`).

mod connect;
mod dialect;
mod lease;
mod list;
mod prune;
mod revision;
mod schema;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use sqlx::{AnyConnection, AnyPool, Connection, Executor};

pub use self::connect::{Location, OpenOptions, Synchronous};
use self::dialect::Dialect;
pub use self::lease::{Acquire, Held, Release, Renew};
pub use self::list::{Find, History, List};
pub use self::prune::{Delete, Prune};
pub use self::revision::{ChunksOf, Read, ReadAnswer, Write, WriteAnswer};
use crate::engine::error::{EngineError, Result};

/// The first wait before another attempt; each is twice the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(25);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Something a store is asked for.
pub trait Operation: Sync {
    /// What it comes to.
    type Output: Send;
    /// What it is called in an error message: «read a revision».
    const NAME: &'static str;
    /// Whether it changes anything.
    const WRITES: bool;
    /// Whether doing it again, after it was done without our knowing, comes to the same.
    const REPEATABLE: bool = true;
    /// Whether it has to survive a power cut. On SQLite a lease need not: the cut ends who has it, too.
    const DURABLE: bool = true;

    /// Whether each of its statements may be done without the others: it needs no transaction around them.
    const SINGLE: bool = false;

    /// Does it, in a transaction if it writes. `again` if an attempt before may have done it.
    fn run<'a>(
        &'a self,
        connection: &'a mut AnyConnection,
        dialect: Dialect,
        again: bool,
    ) -> impl Future<Output = sqlx::Result<Self::Output>> + Send + 'a;
}

/// A store in a database.
#[derive(Debug)]
pub struct SqlStore {
    dialect: Dialect,
    /// SQLite has one writer at a time: who waits for it waits here, in order, and not in SQLite.
    writers: AnyPool,
    readers: AnyPool,
    /// What error messages call it: the location without a password.
    name: String,
    synchronous: Synchronous,
    /// Whether SQLite's one writer waits for the disk now.
    writer_is_durable: Arc<AtomicBool>,
    retry: Duration,
    timeout: Duration,
}

/// Why an attempt failed.
struct Failure {
    error: String,
    /// The connection was lost, or somebody else was in the way: another attempt may succeed.
    passing: bool,
    /// The transaction was told to commit, and no answer came.
    maybe_done: bool,
}

impl Failure {
    fn new(dialect: Dialect, error: &sqlx::Error, committing: bool) -> Self {
        let passing = dialect.is_passing(error);
        let maybe_done = committing && passing && !dialect.is_refusal(error);
        let error = match error {
            sqlx::Error::PoolTimedOut => "there was no connection within timeoutMs".to_owned(),
            sqlx::Error::PoolClosed => "it is closed".to_owned(),
            other => other.to_string(),
        };
        Self { error, passing, maybe_done }
    }
}

impl SqlStore {
    /// Connects, and brings the tables up to date.
    ///
    /// # Errors
    /// `Store` when there is no connection, the tables are of a newer isoseed, or those of SQLite are damaged.
    pub async fn open(location: &Location, options: OpenOptions) -> Result<Self> {
        let store = connect::connect(location, options)?;
        schema::migrate(&store).await?;
        schema::verify(&store).await?;
        Ok(store)
    }

    /// Does it, again if that is safe and the connection was lost, for as long as `retryMs` says.
    ///
    /// # Errors
    /// `Store`: what the database says, and whether it may have been done.
    pub async fn run<O: Operation>(&self, operation: &O) -> Result<O::Output> {
        let started = Instant::now();
        let mut pause = FIRST_PAUSE;
        let mut maybe_done = false;
        loop {
            let failure = match self.attempt(operation, maybe_done).await {
                Ok(output) => return Ok(output),
                Err(failure) => failure,
            };
            maybe_done |= failure.maybe_done;
            let again = failure.passing && (O::REPEATABLE || !maybe_done);
            if !again || started.elapsed() + pause > self.retry {
                let doubt = if maybe_done { "; whether it was done is not known" } else { "" };
                return Err(self.failed(O::NAME, &format!("{}{doubt}", failure.error)));
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Ends all connections; waits for operations that are under way.
    pub async fn close(&self) {
        // Twice: a connection that comes back while a pool is being closed is left in it by sqlx 0.8.
        for pool in [&self.readers, &self.readers, &self.writers, &self.writers] {
            pool.close().await;
        }
    }

    async fn attempt<O: Operation>(
        &self,
        operation: &O,
        again: bool,
    ) -> std::result::Result<O::Output, Failure> {
        let fail = |error: &sqlx::Error| Failure::new(self.dialect, error, false);
        let pool = if O::WRITES { &self.writers } else { &self.readers };
        let mut connection = pool.acquire().await.map_err(|error| fail(&error))?;
        let mut committing = false;
        let work = async {
            if !O::WRITES {
                return operation.run(&mut connection, self.dialect, again).await;
            }
            self.set_synchronous(&mut connection, O::DURABLE).await?;
            if O::SINGLE {
                committing = true;
                return operation.run(&mut connection, self.dialect, again).await;
            }
            let mut transaction = connection.begin_with(self.dialect.begin()).await?;
            let output = operation.run(&mut transaction, self.dialect, again).await?;
            committing = true;
            transaction.commit().await?;
            Ok(output)
        };
        let outcome = tokio::time::timeout(self.timeout, work).await;
        let failure = match outcome {
            Ok(Ok(output)) => return Ok(output),
            Ok(Err(error)) => Failure::new(self.dialect, &error, committing),
            Err(_) => Failure {
                error: format!("no answer within timeoutMs of {}", self.timeout.as_millis()),
                passing: true,
                maybe_done: committing,
            },
        };
        if failure.passing {
            // Nobody knows what is still on its way through it.
            drop(connection.detach());
        }
        Err(failure)
    }

    /// Tells SQLite to wait for the disk, or not to, where that is not always the same.
    async fn set_synchronous(&self, connection: &mut AnyConnection, durable: bool) -> sqlx::Result<()> {
        let changes = self.dialect == Dialect::Sqlite && self.synchronous == Synchronous::Full;
        if !changes || self.writer_is_durable.load(Ordering::Relaxed) == durable {
            return Ok(());
        }
        let setting = if durable { "PRAGMA synchronous = FULL" } else { "PRAGMA synchronous = NORMAL" };
        connection.execute(setting).await?;
        self.writer_is_durable.store(durable, Ordering::Relaxed);
        Ok(())
    }

    fn failed(&self, what: &str, why: &str) -> EngineError {
        EngineError::store(format!("the store {} failed to {what}: {why}", self.name))
    }
}

/// A count as the database has it. What is counted here, and times, stay far below 2^63.
fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// A count from the database. Ours are never negative; what is was changed, and fits no checksum.
fn unsigned(count: i64) -> u64 {
    u64::try_from(count).unwrap_or(0)
}

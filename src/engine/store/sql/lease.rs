//! Who may write to a session: acquired, renewed, released.

use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Executor, Row, query};

use crate::engine::store::record::Lease;
use crate::engine::store::sql::dialect::Dialect;
use crate::engine::store::sql::{Operation, signed, unsigned};

/// Whether a lease is the caller's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Held {
    /// It is.
    Yes(Lease),
    /// It is not; with the lease of who has it, if it has not ended.
    No(Option<Lease>),
}

/// A session's row, locked.
pub(super) struct Locked {
    pub(super) number: i64,
    pub(super) newest: i64,
    pub(super) epoch: i64,
    /// None after a release.
    pub(super) holder: Option<String>,
    token: Option<String>,
    lease_until: i64,
    now: i64,
}

impl Locked {
    /// Reads and locks a session's row; none if there is no such session.
    pub(super) async fn read(
        connection: &mut AnyConnection,
        dialect: Dialect,
        session: &str,
    ) -> sqlx::Result<Option<Self>> {
        // The time is asked for outside, where the lock is there: waiting for it takes time.
        let read = format!(
            "SELECT number, newest, epoch, holder, token, lease_until, {} \
             FROM (SELECT * FROM isoseed_session WHERE id = $1{}) AS s",
            dialect.now(),
            dialect.lock()
        );
        let row = query(&read).bind(session).fetch_optional(connection).await?;
        row.map(|row| {
            Ok(Self {
                number: row.try_get(0)?,
                newest: row.try_get(1)?,
                epoch: row.try_get(2)?,
                holder: row.try_get(3)?,
                token: row.try_get(4)?,
                lease_until: row.try_get(5)?,
                now: row.try_get(6)?,
            })
        })
        .transpose()
    }

    /// The lease, if it has not ended.
    pub(super) fn lease(&self) -> Option<Lease> {
        let holder = self.holder.clone().filter(|_| self.lease_until > self.now)?;
        Some(Lease { holder, epoch: unsigned(self.epoch), expires_at: unsigned(self.lease_until) })
    }

    /// Whether who has this epoch may write: nobody took over since, even if the lease has ended.
    pub(super) fn is_held_under(&self, epoch: u64) -> bool {
        self.holder.is_some() && self.epoch == signed(epoch)
    }
}

/// Takes a session's lease, if nobody has it.
pub struct Acquire {
    /// The session's id.
    pub session: String,
    /// How the holder calls itself.
    pub holder: String,
    /// For how long, in milliseconds.
    pub ttl_ms: u64,
    /// Never the same for two calls: tells that an attempt before took it.
    pub token: String,
}

impl Operation for Acquire {
    type Output = Held;
    const NAME: &'static str = "acquire a lease";
    const WRITES: bool = true;
    const DURABLE: bool = false;

    async fn run(&self, connection: &mut AnyConnection, dialect: Dialect, again: bool) -> sqlx::Result<Held> {
        let insert = format!(
            "INSERT INTO isoseed_session (id, created_at) VALUES ($1, {}) ON CONFLICT (id) DO NOTHING",
            dialect.now()
        );
        // Again, if it is deleted between the two.
        let locked = loop {
            if let Some(locked) = Locked::read(connection, dialect, &self.session).await? {
                break locked;
            }
            query(&insert).bind(&self.session).execute(&mut *connection).await?;
        };
        if let Some(lease) = locked.lease() {
            let ours = again && locked.token.as_deref() == Some(&self.token);
            return Ok(if ours { Held::Yes(lease) } else { Held::No(Some(lease)) });
        }
        if let Some(count) = dialect.count_epoch() {
            connection.execute(count).await?;
        }
        let take = format!(
            "UPDATE isoseed_session SET epoch = {}, holder = $2, token = $3, lease_until = {} + $4 \
             WHERE number = $1 RETURNING lease_until, epoch",
            dialect.next_epoch(),
            dialect.now()
        );
        let row = query(&take)
            .bind(locked.number)
            .bind(&self.holder)
            .bind(&self.token)
            .bind(signed(self.ttl_ms))
            .fetch_one(connection)
            .await?;
        Ok(Held::Yes(lease(self.holder.clone(), row.try_get(1)?, &row)?))
    }
}

/// Moves a lease's end, as long as nobody took over.
pub struct Renew {
    /// The session's id.
    pub session: String,
    /// The lease's.
    pub epoch: u64,
    /// For how long from now on, in milliseconds.
    pub ttl_ms: u64,
}

impl Operation for Renew {
    type Output = Held;
    const NAME: &'static str = "renew a lease";
    const WRITES: bool = true;
    const SINGLE: bool = true;
    const DURABLE: bool = false;

    async fn run(
        &self,
        connection: &mut AnyConnection,
        dialect: Dialect,
        _again: bool,
    ) -> sqlx::Result<Held> {
        let renew = format!(
            "UPDATE isoseed_session SET lease_until = {} + $3 \
             WHERE id = $1 AND epoch = $2 AND holder IS NOT NULL RETURNING lease_until, holder",
            dialect.now()
        );
        let row = query(&renew)
            .bind(&self.session)
            .bind(signed(self.epoch))
            .bind(signed(self.ttl_ms))
            .fetch_optional(&mut *connection)
            .await?;
        if let Some(row) = row {
            return Ok(Held::Yes(lease(row.try_get(1)?, signed(self.epoch), &row)?));
        }
        let locked = Locked::read(connection, dialect, &self.session).await?;
        Ok(Held::No(locked.and_then(|locked| locked.lease())))
    }
}

/// Ends a lease, if it is still there. A session without a revision goes with it.
pub struct Release {
    /// The session's id.
    pub session: String,
    /// The lease's.
    pub epoch: u64,
}

impl Operation for Release {
    type Output = ();
    const NAME: &'static str = "release a lease";
    const WRITES: bool = true;
    const SINGLE: bool = true;
    const DURABLE: bool = false;

    async fn run(&self, connection: &mut AnyConnection, _dialect: Dialect, _again: bool) -> sqlx::Result<()> {
        let release = "UPDATE isoseed_session SET holder = NULL, token = NULL, lease_until = 0 \
                       WHERE id = $1 AND epoch = $2 RETURNING number, newest";
        let row = query(release).bind(&self.session).bind(signed(self.epoch));
        let Some(row) = row.fetch_optional(&mut *connection).await? else { return Ok(()) };
        let (number, newest): (i64, i64) = (row.try_get(0)?, row.try_get(1)?);
        if newest == 0 {
            // Unless somebody has taken it meanwhile.
            let forget = "DELETE FROM isoseed_session WHERE number = $1 AND newest = 0 AND holder IS NULL";
            query(forget).bind(number).execute(connection).await?;
        }
        Ok(())
    }
}

fn lease(holder: String, epoch: i64, row: &AnyRow) -> sqlx::Result<Lease> {
    let until: i64 = row.try_get(0)?;
    Ok(Lease { holder, epoch: unsigned(epoch), expires_at: unsigned(until) })
}

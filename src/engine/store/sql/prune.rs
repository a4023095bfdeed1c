//! What is removed: old revisions with the chunks that only they have, and whole sessions.

use std::collections::HashSet;

use sqlx::{AnyConnection, Row, query};

use crate::engine::store::record::{ChunkKey, Lease, Pruned};
use crate::engine::store::sql::dialect::Dialect;
use crate::engine::store::sql::lease::Locked;
use crate::engine::store::sql::revision::{chunk_list, key_parameters};
use crate::engine::store::sql::{Operation, signed, unsigned};

/// Lists of chunks in memory at once; one of a large state has some kilobytes.
const LISTS_AT_ONCE: i64 = 100;
/// Keys in one statement.
const KEYS_AT_ONCE: usize = 100;

/// Removes revisions that are both old and not among the newest. The newest one stays, whatever is asked.
pub struct Prune {
    /// The session's id.
    pub session: String,
    /// So many stay; at least one does.
    pub keep: u64,
    /// Only revisions made before this: milliseconds since 1970, by their writers' clocks.
    pub before: u64,
    /// Only counts.
    pub dry_run: bool,
}

impl Operation for Prune {
    type Output = Pruned;
    const NAME: &'static str = "prune a session";
    const WRITES: bool = true;
    // The report would not have what an attempt before removed.
    const REPEATABLE: bool = false;

    async fn run(
        &self,
        connection: &mut AnyConnection,
        dialect: Dialect,
        _again: bool,
    ) -> sqlx::Result<Pruned> {
        let mut pruned = Pruned::default();
        let Some(locked) = Locked::read(connection, dialect, &self.session).await? else {
            return Ok(pruned);
        };
        let session = locked.number;
        // The oldest that stays because of its number.
        let boundary = "SELECT revision FROM isoseed_revision WHERE session = $1 \
                        ORDER BY revision DESC LIMIT 1 OFFSET $2";
        let boundary = query(boundary).bind(session).bind(signed(self.keep.max(1) - 1));
        let Some(boundary) = boundary.fetch_optional(&mut *connection).await? else { return Ok(pruned) };
        let boundary: i64 = boundary.try_get(0)?;

        let mut from = 0;
        loop {
            let old = "SELECT revision, chunks, CAST(length(head) AS BIGINT) FROM isoseed_revision \
                       WHERE session = $1 AND revision > $2 AND revision < $3 AND created_at < $4 \
                       ORDER BY revision LIMIT $5";
            let rows = query(old)
                .bind(session)
                .bind(from)
                .bind(boundary)
                .bind(signed(self.before))
                .bind(LISTS_AT_ONCE)
                .fetch_all(&mut *connection)
                .await?;
            let mut revisions: Vec<i64> = Vec::new();
            let mut only_theirs = HashSet::new();
            for row in &rows {
                revisions.push(row.try_get(0)?);
                only_theirs.extend(chunk_list(row.try_get::<&[u8], _>(1)?));
                pruned.bytes += unsigned(row.try_get(2)?);
            }
            let Some(&last) = revisions.last() else { return Ok(pruned) };
            from = last;
            pruned.revisions += revisions.len() as u64;
            self.keep_shared(connection, session, boundary, &revisions, &mut only_theirs).await?;
            pruned.bytes += self.remove_chunks(connection, session, only_theirs).await?;
            self.remove_revisions(connection, session, &revisions).await?;
        }
    }
}

impl Prune {
    /// Takes out of `keys` what other revisions have: those that stay, and, as nothing is removed in a dry
    /// run, older ones that would be gone.
    async fn keep_shared(
        &self,
        connection: &mut AnyConnection,
        session: i64,
        boundary: i64,
        removed: &[i64],
        keys: &mut HashSet<ChunkKey>,
    ) -> sqlx::Result<()> {
        let mut from = 0;
        while !keys.is_empty() {
            let others = "SELECT revision, chunks, created_at FROM isoseed_revision \
                          WHERE session = $1 AND revision > $2 ORDER BY revision LIMIT $3";
            let rows = query(others).bind(session).bind(from).bind(LISTS_AT_ONCE);
            let rows = rows.fetch_all(&mut *connection).await?;
            if rows.is_empty() {
                return Ok(());
            }
            for row in &rows {
                from = row.try_get(0)?;
                let goes = from < boundary && row.try_get::<i64, _>(2)? < signed(self.before);
                // A chunk that only revisions which go have is removed with the last of them.
                let removed_later = goes && removed.last().is_some_and(|last| from > *last);
                if !goes || removed_later {
                    for key in chunk_list(row.try_get::<&[u8], _>(1)?) {
                        keys.remove(&key);
                    }
                }
            }
        }
        Ok(())
    }

    async fn remove_chunks(
        &self,
        connection: &mut AnyConnection,
        session: i64,
        keys: HashSet<ChunkKey>,
    ) -> sqlx::Result<u64> {
        let keys: Vec<ChunkKey> = keys.into_iter().collect();
        let mut bytes = 0;
        for batch in keys.chunks(KEYS_AT_ONCE) {
            let these = format!("WHERE session = $1 AND key IN ({})", key_parameters(batch.len()));
            let weigh =
                format!("SELECT CAST(COALESCE(sum(length(data)), 0) AS BIGINT) FROM isoseed_chunk {these}");
            let remove = format!("DELETE FROM isoseed_chunk {these}");
            let bind = |statement| {
                batch
                    .iter()
                    .fold(query(statement).bind(session), |statement, key| statement.bind(key.0.as_slice()))
            };
            bytes += unsigned(bind(&weigh).fetch_one(&mut *connection).await?.try_get(0)?);
            if !self.dry_run {
                bind(&remove).execute(&mut *connection).await?;
            }
        }
        Ok(bytes)
    }

    async fn remove_revisions(
        &self,
        connection: &mut AnyConnection,
        session: i64,
        revisions: &[i64],
    ) -> sqlx::Result<()> {
        if self.dry_run {
            return Ok(());
        }
        for batch in revisions.chunks(KEYS_AT_ONCE) {
            let remove = format!(
                "DELETE FROM isoseed_revision WHERE session = $1 AND revision IN ({})",
                key_parameters(batch.len())
            );
            let mut remove = query(&remove).bind(session);
            for revision in batch {
                remove = remove.bind(*revision);
            }
            remove.execute(&mut *connection).await?;
        }
        Ok(())
    }
}

/// Removes a session that nobody has a lease on.
pub struct Delete {
    /// The session's id.
    pub session: String,
}

impl Operation for Delete {
    /// The lease that is in the way; none if the session is gone.
    type Output = Option<Lease>;
    const NAME: &'static str = "delete a session";
    const WRITES: bool = true;

    async fn run(
        &self,
        connection: &mut AnyConnection,
        dialect: Dialect,
        _again: bool,
    ) -> sqlx::Result<Option<Lease>> {
        let Some(locked) = Locked::read(connection, dialect, &self.session).await? else {
            return Ok(None);
        };
        if let Some(lease) = locked.lease() {
            return Ok(Some(lease));
        }
        for remove in [
            "DELETE FROM isoseed_chunk WHERE session = $1",
            "DELETE FROM isoseed_revision WHERE session = $1",
            "DELETE FROM isoseed_session WHERE number = $1",
        ] {
            query(remove).bind(locked.number).execute(&mut *connection).await?;
        }
        Ok(None)
    }
}

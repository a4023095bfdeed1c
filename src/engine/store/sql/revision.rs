//! Revisions and their chunks: read and written.

use std::collections::HashSet;

use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Executor, Row, query};

use crate::engine::store::record::{ChunkKey, Lease, Revision, RevisionMeta};
use crate::engine::store::sql::dialect::Dialect;
use crate::engine::store::sql::lease::Locked;
use crate::engine::store::sql::{Operation, signed, unsigned};

/// Chunks in one statement. Each takes three parameters, and is at most 128 KiB.
const CHUNKS_AT_ONCE: usize = 50;

/// The columns of `RevisionMeta`, in the order that `meta` reads them.
pub(super) const META_COLUMNS: &str =
    "r.revision, r.created_at, r.schema_version, r.snapshot_key, r.hash, r.bytes, r.stored_bytes";

/// From columns beginning at `at`.
pub(super) fn meta(row: &AnyRow, at: usize) -> sqlx::Result<RevisionMeta> {
    let number = |index: usize| row.try_get(at + index).map(unsigned);
    Ok(RevisionMeta {
        revision: number(0)?,
        created_at: number(1)?,
        schema: number(2)?,
        snapshot_key: row.try_get(at + 3)?,
        hash: row.try_get(at + 4)?,
        bytes: number(5)?,
        stored_bytes: number(6)?,
    })
}

/// A list of chunks as one value.
pub(super) fn chunk_list(bytes: &[u8]) -> Vec<ChunkKey> {
    // What is left over was cut off, and fits no checksum.
    bytes.as_chunks().0.iter().map(|key| ChunkKey(*key)).collect()
}

/// `$2, $3, …` for so many keys behind the session's number.
pub(super) fn key_parameters(count: usize) -> String {
    (2..count + 2).map(|index| format!("${index}")).collect::<Vec<_>>().join(", ")
}

/// Reads a revision without its chunks.
pub struct Read {
    /// The session's id.
    pub session: String,
    /// Its number; the newest if none is named.
    pub revision: Option<u64>,
}

/// What there is of a revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadAnswer {
    /// The number of the newest revision that there was; 0 if there was none.
    pub newest: u64,
    /// When the session was first opened.
    pub created_at: u64,
    /// The revision that was asked for. Not there though `newest` says so: it was lost.
    pub revision: Option<Revision>,
}

impl Operation for Read {
    type Output = ReadAnswer;
    const NAME: &'static str = "read a revision";
    const WRITES: bool = false;

    async fn run(
        &self,
        connection: &mut AnyConnection,
        _dialect: Dialect,
        _again: bool,
    ) -> sqlx::Result<ReadAnswer> {
        // The newest is known from two places, so that neither a lost row nor a changed number makes an
        // older revision pass for it.
        let which = if self.revision.is_some() { "$2" } else { "n.newest" };
        let read = format!(
            "SELECT n.newest, n.created_at, r.chunks, r.head, {META_COLUMNS} FROM (\
               SELECT number, created_at, CASE WHEN newest >= last THEN newest ELSE last END AS newest FROM (\
                 SELECT number, created_at, newest, COALESCE((SELECT max(revision) FROM isoseed_revision \
                   WHERE session = number), 0) AS last FROM isoseed_session WHERE id = $1) AS s) AS n \
             LEFT JOIN isoseed_revision r ON r.session = n.number AND r.revision = {which}"
        );
        let mut read = query(&read).bind(&self.session);
        if let Some(revision) = self.revision {
            read = read.bind(signed(revision));
        }
        let Some(row) = read.fetch_optional(connection).await? else {
            return Ok(ReadAnswer { newest: 0, created_at: 0, revision: None });
        };
        let newest = unsigned(row.try_get(0)?);
        let created_at = unsigned(row.try_get(1)?);
        let chunks: Option<Vec<u8>> = row.try_get(2)?;
        let revision = match chunks {
            None => None,
            Some(chunks) => {
                Some(Revision { meta: meta(&row, 4)?, chunks: chunk_list(&chunks), head: row.try_get(3)? })
            }
        };
        Ok(ReadAnswer { newest, created_at, revision })
    }
}

/// Reads chunks: one for each key, in their order, empty where there is none.
pub struct ChunksOf {
    /// The session's id.
    pub session: String,
    /// Their names; at most so many as fit in memory together.
    pub keys: Vec<ChunkKey>,
}

impl Operation for ChunksOf {
    type Output = Vec<Vec<u8>>;
    const NAME: &'static str = "read chunks";
    const WRITES: bool = false;

    async fn run(
        &self,
        connection: &mut AnyConnection,
        _dialect: Dialect,
        _again: bool,
    ) -> sqlx::Result<Vec<Vec<u8>>> {
        let mut chunks = vec![Vec::new(); self.keys.len()];
        let Some(number) = number_of(connection, &self.session).await? else { return Ok(chunks) };
        for (batch, places) in self.keys.chunks(CHUNKS_AT_ONCE).zip(chunks.chunks_mut(CHUNKS_AT_ONCE)) {
            let read = format!(
                "SELECT key, data FROM isoseed_chunk WHERE session = $1 AND key IN ({})",
                key_parameters(batch.len())
            );
            let mut read = query(&read).bind(number);
            for key in batch {
                read = read.bind(key.0.as_slice());
            }
            for row in read.fetch_all(&mut *connection).await? {
                let key: Vec<u8> = row.try_get(0)?;
                if let Some(place) = batch.iter().position(|wanted| wanted.0 == *key) {
                    places[place] = row.try_get(1)?;
                }
            }
        }
        Ok(chunks)
    }
}

/// Writes a revision with its new chunks, whole or not at all.
pub struct Write {
    /// The session's id.
    pub session: String,
    /// The lease's.
    pub epoch: u64,
    /// The revision.
    pub revision: Revision,
    /// Chunks of it. One that is there already is replaced: it may be damaged.
    pub fresh: Vec<(ChunkKey, Vec<u8>)>,
}

/// What became of a write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WriteAnswer {
    /// The revision is there.
    Written,
    /// The epoch is an old one. With the lease of who has the session now, if it has not ended.
    Fenced(Option<Lease>),
    /// The revision's number does not follow this one, the newest.
    Conflict(u64),
    /// These chunks are neither there nor among the new ones.
    Missing(Vec<ChunkKey>),
}

impl Operation for Write {
    type Output = WriteAnswer;
    const NAME: &'static str = "write a revision";
    const WRITES: bool = true;

    async fn run(
        &self,
        connection: &mut AnyConnection,
        dialect: Dialect,
        _again: bool,
    ) -> sqlx::Result<WriteAnswer> {
        let Some(locked) = Locked::read(connection, dialect, &self.session).await? else {
            return Ok(WriteAnswer::Fenced(None));
        };
        if !locked.is_held_under(self.epoch) {
            return Ok(WriteAnswer::Fenced(locked.lease()));
        }
        let number = signed(self.revision.meta.revision);
        // The newest that is there, and what it consists of.
        let newest = "SELECT revision, chunks, head FROM isoseed_revision WHERE session = $1 \
                      ORDER BY revision DESC LIMIT 1";
        let newest = query(newest).bind(locked.number).fetch_optional(&mut *connection).await?;
        let mut there = HashSet::new();
        let mut last = locked.newest;
        if let Some(row) = newest {
            let chunks: Vec<u8> = row.try_get(1)?;
            let head: Vec<u8> = row.try_get(2)?;
            last = last.max(row.try_get(0)?);
            if last == number && head == self.revision.head {
                // An attempt before wrote it.
                return Ok(WriteAnswer::Written);
            }
            there.extend(chunk_list(&chunks));
        }
        if number != last + 1 {
            return Ok(WriteAnswer::Conflict(unsigned(last)));
        }
        there.extend(self.fresh.iter().map(|(key, _)| *key));
        let missing = self.missing(connection, locked.number, &there).await?;
        if !missing.is_empty() {
            return Ok(WriteAnswer::Missing(missing));
        }
        self.write(connection, locked.number, number).await?;
        Ok(WriteAnswer::Written)
    }
}

impl Write {
    /// Chunks of this revision that are neither in `there` nor in the store.
    async fn missing(
        &self,
        connection: &mut AnyConnection,
        session: i64,
        there: &HashSet<ChunkKey>,
    ) -> sqlx::Result<Vec<ChunkKey>> {
        let mut missing: Vec<ChunkKey> = Vec::new();
        let asked: Vec<ChunkKey> =
            self.revision.chunks.iter().copied().filter(|key| !there.contains(key)).collect();
        for batch in asked.chunks(CHUNKS_AT_ONCE) {
            let ask = format!(
                "SELECT key FROM isoseed_chunk WHERE session = $1 AND key IN ({})",
                key_parameters(batch.len())
            );
            let mut ask = query(&ask).bind(session);
            for key in batch {
                ask = ask.bind(key.0.as_slice());
            }
            let rows = ask.fetch_all(&mut *connection).await?;
            let found: Vec<Vec<u8>> = rows.iter().map(|row| row.try_get(0)).collect::<sqlx::Result<_>>()?;
            missing.extend(batch.iter().filter(|key| !found.iter().any(|found| *found == key.0)));
        }
        Ok(missing)
    }

    async fn write(&self, connection: &mut AnyConnection, session: i64, number: i64) -> sqlx::Result<()> {
        for batch in self.fresh.chunks(CHUNKS_AT_ONCE) {
            let places =
                (0..batch.len()).map(|index| format!("($1, ${}, ${})", 2 * index + 2, 2 * index + 3));
            let insert = format!(
                "INSERT INTO isoseed_chunk (session, key, data) VALUES {} \
                 ON CONFLICT (session, key) DO UPDATE SET data = excluded.data",
                places.collect::<Vec<_>>().join(", ")
            );
            let mut insert = query(&insert).bind(session);
            for (key, data) in batch {
                insert = insert.bind(key.0.as_slice()).bind(data.as_slice());
            }
            insert.execute(&mut *connection).await?;
        }
        let meta = &self.revision.meta;
        let chunks: Vec<u8> = self.revision.chunks.iter().flat_map(|key| key.0).collect();
        query(
            "INSERT INTO isoseed_revision (session, revision, created_at, schema_version, snapshot_key, \
             hash, bytes, stored_bytes, chunks, head) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        )
        .bind(session)
        .bind(number)
        .bind(signed(meta.created_at))
        .bind(signed(meta.schema))
        .bind(&meta.snapshot_key)
        .bind(&meta.hash)
        .bind(signed(meta.bytes))
        .bind(signed(meta.stored_bytes))
        .bind(chunks)
        .bind(self.revision.head.as_slice())
        .execute(&mut *connection)
        .await?;
        let point = query("UPDATE isoseed_session SET newest = $2 WHERE number = $1");
        connection.execute(point.bind(session).bind(number)).await?;
        Ok(())
    }
}

/// How the other tables name a session.
pub(super) async fn number_of(connection: &mut AnyConnection, session: &str) -> sqlx::Result<Option<i64>> {
    let row = query("SELECT number FROM isoseed_session WHERE id = $1").bind(session);
    row.fetch_optional(connection).await?.map(|row| row.try_get(0)).transpose()
}

//! What there is: sessions and revisions, page by page.

use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row, query};

use crate::engine::store::record::{Lease, RevisionMeta, SessionRecord};
use crate::engine::store::sql::dialect::Dialect;
use crate::engine::store::sql::revision::{META_COLUMNS, meta};
use crate::engine::store::sql::{Operation, signed, unsigned};

/// Lists sessions that have been saved, in the order of their ids' bytes.
pub struct List {
    /// What their ids begin with.
    pub prefix: String,
    /// The last id of the page before; empty for the first page.
    pub after: String,
    /// The page's length.
    pub limit: u32,
}

impl Operation for List {
    type Output = Vec<SessionRecord>;
    const NAME: &'static str = "list sessions";
    const WRITES: bool = false;

    async fn run(
        &self,
        connection: &mut AnyConnection,
        dialect: Dialect,
        _again: bool,
    ) -> sqlx::Result<Vec<SessionRecord>> {
        let list = format!(
            "{} WHERE s.id > $1 AND s.id >= $2 AND s.id < $3 AND s.newest > 0 ORDER BY s.id LIMIT $4",
            select(dialect)
        );
        let rows = query(&list)
            .bind(&self.after)
            .bind(&self.prefix)
            .bind(behind(&self.prefix))
            .bind(i64::from(self.limit))
            .fetch_all(connection)
            .await?;
        rows.iter().map(session).collect()
    }
}

/// Finds one session that has been saved.
pub struct Find {
    /// The session's id.
    pub session: String,
}

impl Operation for Find {
    type Output = Option<SessionRecord>;
    const NAME: &'static str = "find a session";
    const WRITES: bool = false;

    async fn run(
        &self,
        connection: &mut AnyConnection,
        dialect: Dialect,
        _again: bool,
    ) -> sqlx::Result<Option<SessionRecord>> {
        let find = format!("{} WHERE s.id = $1 AND s.newest > 0", select(dialect));
        let row = query(&find).bind(&self.session).fetch_optional(connection).await?;
        row.as_ref().map(session).transpose()
    }
}

/// Lists a session's revisions, the newest first.
pub struct History {
    /// The session's id.
    pub session: String,
    /// The last number of the page before; none for the first page.
    pub before: Option<u64>,
    /// The page's length.
    pub limit: u32,
}

impl Operation for History {
    type Output = Vec<RevisionMeta>;
    const NAME: &'static str = "list revisions";
    const WRITES: bool = false;

    async fn run(
        &self,
        connection: &mut AnyConnection,
        _dialect: Dialect,
        _again: bool,
    ) -> sqlx::Result<Vec<RevisionMeta>> {
        let list = format!(
            "SELECT {META_COLUMNS} FROM isoseed_session s JOIN isoseed_revision r ON r.session = s.number \
             WHERE s.id = $1 AND r.revision < $2 ORDER BY r.revision DESC LIMIT $3"
        );
        let rows = query(&list)
            .bind(&self.session)
            .bind(self.before.map_or(i64::MAX, signed))
            .bind(i64::from(self.limit))
            .fetch_all(connection)
            .await?;
        rows.iter().map(|row| meta(row, 0)).collect()
    }
}

fn select(dialect: Dialect) -> String {
    format!(
        "SELECT s.id, s.created_at, s.epoch, s.lease_until, \
           CASE WHEN s.lease_until > {} THEN s.holder END, \
           (SELECT count(*) FROM isoseed_revision WHERE session = s.number), \
           (SELECT CAST(COALESCE(sum(stored_bytes), 0) AS BIGINT) FROM isoseed_revision \
             WHERE session = s.number), {META_COLUMNS} \
         FROM isoseed_session s \
         LEFT JOIN isoseed_revision r ON r.session = s.number AND r.revision = s.newest",
        dialect.now()
    )
}

fn session(row: &AnyRow) -> sqlx::Result<SessionRecord> {
    let number = |index: usize| row.try_get(index).map(unsigned);
    let holder: Option<String> = row.try_get(4)?;
    let newest: Option<i64> = row.try_get(7)?;
    Ok(SessionRecord {
        id: row.try_get(0)?,
        created_at: number(1)?,
        newest: newest.map(|_| meta(row, 7)).transpose()?,
        revisions: number(5)?,
        stored_bytes: number(6)?,
        lease: match holder {
            Some(holder) => Some(Lease { holder, epoch: number(2)?, expires_at: number(3)? }),
            None => None,
        },
    })
}

/// A text that comes behind all that begin with a prefix, and before all others that do.
fn behind(prefix: &str) -> String {
    let mut text = prefix.to_owned();
    while let Some(last) = text.pop() {
        // Behind the last character before the surrogates comes the first one after them.
        let next = if last == '\u{D7FF}' { Some('\u{E000}') } else { char::from_u32(last as u32 + 1) };
        if let Some(next) = next {
            text.push(next);
            return text;
        }
    }
    // No prefix: behind every id, which is at most 512 bytes long.
    "\u{10FFFF}".repeat(129)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_behind_a_prefix_comes_behind_all_that_begin_with_it() {
        for (prefix, expected) in [
            ("a", "b"),
            ("user:", "user;"),
            ("\u{D7FF}", "\u{E000}"),
            ("é", "ê"),
            ("a\u{10FFFF}", "b"),
            ("a\u{10FFFF}\u{10FFFF}", "b"),
        ] {
            assert_eq!(behind(prefix), expected);
            assert!(format!("{prefix}\u{10FFFF}\u{10FFFF}").as_bytes() < expected.as_bytes());
        }
        assert!("\u{10FFFF}".repeat(128) < behind(""));
        assert!("\u{10FFFF}".repeat(128) < behind("\u{10FFFF}"));
    }
}

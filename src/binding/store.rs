//! Stores in JavaScript's hands: requests in as JSON and buffers, answers out the same way.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use napi::bindgen_prelude::Uint8Array;
use napi_derive::napi;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::event::{Answer, Events};
use crate::engine::error::{EngineError, Result};
use crate::engine::runtime::runtime;
use crate::engine::store::pack::{self, Compression, Keys, Order};
use crate::engine::store::record::{ChunkKey, Revision, RevisionMeta, hex};
use crate::engine::store::sql::{
    Acquire, ChunksOf, Delete, Find, Held, History, List, Location, OpenOptions, Operation, Prune, Read,
    Release, Renew, SqlStore, Synchronous, Write, WriteAnswer,
};

/// How a store is opened.
#[napi(object, object_to_js = false)]
pub struct NativeStoreOptions {
    /// `memory:`, `sqlite:` with an absolute path, or `postgres://…`.
    pub location: String,
    /// SQLite's: whether an acknowledged write survives a power cut.
    pub full: bool,
    /// PostgreSQL's: at most so many connections.
    pub max_connections: u32,
    /// Attempts begin for so long.
    pub retry_ms: u32,
    /// One attempt takes at most so long.
    pub timeout_ms: u32,
}

/// A store that is open.
#[napi]
pub struct NativeStore {
    store: Arc<SqlStore>,
    events: Events,
}

/// What a store is asked for. Chunks and heads are in the buffers beside it.
#[derive(Deserialize)]
#[serde(tag = "op", rename_all = "camelCase", rename_all_fields = "camelCase")]
enum Request {
    Acquire {
        session: String,
        holder: String,
        ttl_ms: u64,
    },
    Renew {
        session: String,
        epoch: u64,
        ttl_ms: u64,
    },
    Release {
        session: String,
        epoch: u64,
    },
    Read {
        session: String,
        revision: Option<u64>,
    },
    Chunks {
        session: String,
        keys: Vec<String>,
    },
    /// The first buffer is the head, the others are new chunks with these keys.
    Write {
        session: String,
        epoch: u64,
        revision: RevisionJson,
        keys: Vec<String>,
    },
    History {
        session: String,
        before: Option<u64>,
        limit: u32,
    },
    Find {
        session: String,
    },
    List {
        prefix: String,
        after: String,
        limit: u32,
    },
    Delete {
        session: String,
    },
    Prune {
        session: String,
        keep: u64,
        before: u64,
        dry_run: bool,
    },
    Close,
}

/// A revision without its head.
#[derive(Serialize, Deserialize)]
struct RevisionJson {
    #[serde(flatten)]
    meta: RevisionMeta,
    chunks: Vec<String>,
}

/// A state that is to be packed, without its bytes.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PackRequest {
    session: String,
    revision: u64,
    created_at: u64,
    schema: u64,
    snapshot_key: String,
    known: Vec<String>,
    sha256: Option<String>,
    unless: Option<String>,
    compressed: bool,
}

/// A state that is to be put together, without its head and chunks.
#[derive(Deserialize)]
struct UnpackRequest {
    session: String,
    revision: RevisionJson,
}

#[napi]
impl NativeStore {
    /// Does what `request` says; answered with JSON and buffers.
    #[napi]
    pub fn ask(&self, id: f64, request: String, buffers: Vec<Uint8Array>) {
        let buffers = copies(&buffers);
        let store = Arc::clone(&self.store);
        answer(self.events.clone(), id, async move { ask(&store, parse(&request)?, buffers).await });
    }
}

/// Opens a store; answered with it.
pub(super) fn open(events: Events, id: f64, options: NativeStoreOptions) {
    let events_of_store = events.clone();
    answer(events, id, async move {
        let location = Location::parse(&options.location)?;
        let options = OpenOptions {
            synchronous: if options.full { Synchronous::Full } else { Synchronous::Normal },
            max_connections: options.max_connections,
            retry: Duration::from_millis(options.retry_ms.into()),
            timeout: Duration::from_millis(options.timeout_ms.into()),
        };
        let store = Arc::new(SqlStore::open(&location, options).await?);
        Ok(Answer::Store(NativeStore { store, events: events_of_store }))
    });
}

/// Packs a state: JSON, and the head followed by the new chunks; the JSON `null` if nothing changed.
pub(super) fn pack(state: &[u8], request: &str, key: Option<&[u8]>) -> Result<Answer> {
    let request: PackRequest = parse(request)?;
    let keys = key.map(|key| Keys::derive(key, &request.session)).transpose()?;
    let known: HashSet<ChunkKey> = chunk_keys(&request.known)?.into_iter().collect();
    let order = Order {
        session: &request.session,
        revision: request.revision,
        created_at: request.created_at,
        schema: request.schema,
        snapshot_key: &request.snapshot_key,
        known: &known,
        sha256: request.sha256.as_deref().and_then(digest),
        unless: request.unless.as_deref().and_then(digest),
        compression: if request.compressed { Compression::Zstd } else { Compression::None },
    };
    let Some(packed) = pack::pack(state, &order, keys.as_ref())? else {
        return Ok(Answer::Parts("null".to_owned(), Vec::new()));
    };
    let (keys, fresh): (Vec<String>, Vec<Vec<u8>>) =
        packed.fresh.into_iter().map(|(key, bytes)| (key.to_hex(), bytes)).unzip();
    let (revision, head) = revision_json(packed.revision);
    let json = json!({ "revision": revision, "sha256": hex(&packed.sha256), "keys": keys });
    Ok(Answer::Parts(json.to_string(), std::iter::once(head).chain(fresh).collect()))
}

/// Puts a state together from the head followed by the chunks.
pub(super) fn unpack(request: &str, mut parts: Vec<Vec<u8>>, keys: &[Vec<u8>]) -> Result<Answer> {
    let request: UnpackRequest = parse(request)?;
    let keys: Vec<Keys> =
        keys.iter().map(|key| Keys::derive(key, &request.session)).collect::<Result<_>>()?;
    let chunks = parts.split_off(1.min(parts.len()));
    let revision = revision(request.revision, parts.pop().unwrap_or_default())?;
    let unpacked = pack::unpack(&request.session, &revision, &chunks, &keys)?;
    let json = json!({ "sha256": hex(&unpacked.sha256), "underOldKey": unpacked.under_old_key });
    Ok(Answer::Parts(json.to_string(), vec![unpacked.state]))
}

/// JavaScript may change its buffers meanwhile.
pub(super) fn copies(buffers: &[Uint8Array]) -> Vec<Vec<u8>> {
    buffers.iter().map(|buffer| buffer.to_vec()).collect()
}

async fn ask(store: &SqlStore, request: Request, mut buffers: Vec<Vec<u8>>) -> Result<Answer> {
    Ok(match request {
        Request::Acquire { session, holder, ttl_ms } => {
            held(store.run(&Acquire { session, holder, ttl_ms, token: token()? }).await?)
        }
        Request::Renew { session, epoch, ttl_ms } => {
            held(store.run(&Renew { session, epoch, ttl_ms }).await?)
        }
        Request::Release { session, epoch } => nothing(store, &Release { session, epoch }).await?,
        Request::Read { session, revision } => {
            let answer = store.run(&Read { session, revision }).await?;
            let mut json = json!({ "newest": answer.newest });
            if answer.newest > 0 {
                json["createdAt"] = json!(answer.created_at);
            }
            let Some((revision, head)) = answer.revision.map(revision_json) else {
                return Ok(Answer::Json(json.to_string()));
            };
            json["revision"] = json!(revision);
            Answer::Parts(json.to_string(), vec![head])
        }
        Request::Chunks { session, keys } => {
            let chunks = store.run(&ChunksOf { session, keys: chunk_keys(&keys)? }).await?;
            Answer::Parts(String::new(), chunks)
        }
        Request::Write { session, epoch, revision: json, keys } => {
            let fresh = buffers.split_off(1.min(buffers.len()));
            let fresh = chunk_keys(&keys)?.into_iter().zip(fresh).collect();
            let revision = revision(json, buffers.pop().unwrap_or_default())?;
            written(store.run(&Write { session, epoch, revision, fresh }).await?)
        }
        Request::History { session, before, limit } => {
            to_json(&store.run(&History { session, before, limit }).await?)
        }
        Request::Find { session } => to_json(&store.run(&Find { session }).await?),
        Request::List { prefix, after, limit } => to_json(&store.run(&List { prefix, after, limit }).await?),
        Request::Delete { session } => to_json(&store.run(&Delete { session }).await?),
        Request::Prune { session, keep, before, dry_run } => {
            to_json(&store.run(&Prune { session, keep, before, dry_run }).await?)
        }
        Request::Close => {
            store.close().await;
            Answer::Nothing
        }
    })
}

async fn nothing(store: &SqlStore, operation: &impl Operation<Output = ()>) -> Result<Answer> {
    store.run(operation).await.map(|()| Answer::Nothing)
}

fn held(held: Held) -> Answer {
    let json = match held {
        Held::Yes(lease) => json!({ "held": true, "lease": lease }),
        Held::No(Some(lease)) => json!({ "held": false, "lease": lease }),
        Held::No(None) => json!({ "held": false }),
    };
    Answer::Json(json.to_string())
}

fn written(answer: WriteAnswer) -> Answer {
    let json = match answer {
        WriteAnswer::Written => json!({ "status": "written" }),
        WriteAnswer::Fenced(Some(lease)) => json!({ "status": "fenced", "lease": lease }),
        WriteAnswer::Fenced(None) => json!({ "status": "fenced" }),
        WriteAnswer::Conflict(newest) => json!({ "status": "conflict", "newest": newest }),
        WriteAnswer::Missing(keys) => {
            let keys: Vec<String> = keys.into_iter().map(ChunkKey::to_hex).collect();
            json!({ "status": "missing", "keys": keys })
        }
    };
    Answer::Json(json.to_string())
}

fn to_json(value: &impl Serialize) -> Answer {
    // Plain structs of strings and numbers: serializing them can't fail.
    Answer::Json(serde_json::to_string(value).unwrap_or_default())
}

fn revision_json(revision: Revision) -> (RevisionJson, Vec<u8>) {
    let chunks = revision.chunks.into_iter().map(ChunkKey::to_hex).collect();
    (RevisionJson { meta: revision.meta, chunks }, revision.head)
}

fn revision(json: RevisionJson, head: Vec<u8>) -> Result<Revision> {
    Ok(Revision { meta: json.meta, chunks: chunk_keys(&json.chunks)?, head })
}

fn chunk_keys(keys: &[String]) -> Result<Vec<ChunkKey>> {
    let key = |text: &String| {
        ChunkKey::from_hex(text).ok_or_else(|| EngineError::store(format!("{text:?} is no name of a chunk")))
    };
    keys.iter().map(key).collect()
}

fn digest(text: &str) -> Option<[u8; 32]> {
    let (front, back) = text.split_at_checked(32)?;
    let halves = [ChunkKey::from_hex(front)?.0, ChunkKey::from_hex(back)?.0];
    halves.concat().try_into().ok()
}

fn parse<'a, T: Deserialize<'a>>(request: &'a str) -> Result<T> {
    serde_json::from_str(request)
        .map_err(|error| EngineError::store(format!("a store can't be asked for this: {error}")))
}

/// Names one call.
fn token() -> Result<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)
        .map_err(|error| EngineError::store(format!("the system has no random numbers: {error}")))?;
    Ok(hex(&bytes))
}

/// Answers with what `work` comes to, even if it panics.
fn answer(events: Events, id: f64, work: impl Future<Output = Result<Answer>> + Send + 'static) {
    runtime().spawn(async move {
        let outcome = runtime().spawn(work).await;
        let outcome = outcome.unwrap_or_else(|_| Err(EngineError::store("isoseed panicked, which is a bug")));
        events.done(id, outcome);
    });
}

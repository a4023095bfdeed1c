//! How one snapshot comes into being: from the directory, or built and put there.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;

use super::disk::{Directory, KeyLock};
use crate::engine::error::{EngineError, Result};
use crate::engine::snapshot::Snapshot;
use crate::engine::snapshot::helper::{self, BuildOrder, HelperProgram, Progress};

/// Between two looks at a lock that another process holds.
const LOCK_POLL: Duration = Duration::from_millis(20);

/// A snapshot that was made, and how.
#[derive(Debug, Clone)]
pub struct Built {
    /// The snapshot.
    pub snapshot: Arc<Snapshot>,
    /// Why it could not be kept in the directory.
    pub warning: Option<String>,
}

/// What the directory has to say before a build.
enum Claim {
    Found(Arc<Snapshot>),
    /// To be built, and written if there is a lock.
    Missing(Option<KeyLock>, Option<String>),
}

/// What a build needs.
pub(super) struct Production {
    pub(super) helper: HelperProgram,
    pub(super) order: BuildOrder,
    pub(super) key: String,
    pub(super) directory: Option<Directory>,
    pub(super) directory_limit: u64,
}

/// What happens on the way, for who counts.
pub(super) enum Step<'a> {
    FoundInDirectory,
    BuildBegins,
    Progress(&'a Progress),
}

/// Takes the snapshot from the directory, or waits for the process that builds it, or builds it. The
/// time limit is over all of that.
pub(super) async fn produce(
    production: Production,
    cancelled: oneshot::Receiver<()>,
    tell: impl Fn(Step<'_>) + Send + Sync,
) -> Result<Built> {
    let Production { helper, order, key, directory, directory_limit } = production;
    let timeout = order.limits.timeout;
    let mut ended = pin!(async {
        tokio::select! {
            () = tokio::time::sleep(timeout) => {}
            _ = cancelled => {}
        }
    });
    let claim = tokio::select! {
        claim = claim(directory.as_ref(), &key) => claim,
        () = &mut ended => return Err(waited_too_long(timeout, directory.as_ref())),
    };
    let (lock, mut warning) = match claim {
        Claim::Found(snapshot) => {
            tell(Step::FoundInDirectory);
            return Ok(Built { snapshot, warning: None });
        }
        Claim::Missing(lock, warning) => (lock, warning),
    };
    tell(Step::BuildBegins);
    let (stop, stopped) = oneshot::channel();
    let mut build = pin!(helper::build(&helper, order, key, stopped, |progress| {
        tell(Step::Progress(&progress));
    }));
    let bytes = tokio::select! {
        bytes = &mut build => bytes,
        () = &mut ended => {
            drop(stop);
            // It ends the helper first.
            build.await
        }
    }?;
    // Hashing megabytes would hold up the deadlines that share this thread.
    let (snapshot, problem) = blocking(move || {
        let snapshot = Snapshot::from_bytes(bytes)?;
        let written = lock.map(|lock| lock.write(&snapshot, directory_limit));
        Ok((snapshot, written.and_then(std::io::Result::err)))
    })
    .await??;
    if let (Some(directory), Some(problem)) = (&directory, problem) {
        warning = Some(unusable(directory, &problem));
    }
    Ok(Built { snapshot, warning })
}

/// Keeps in a directory what was found elsewhere. Returns why that is not possible.
pub(super) async fn keep(directory: Directory, snapshot: Arc<Snapshot>, limit: u64) -> Option<String> {
    let kept =
        blocking(move || directory.keep(&snapshot, limit).map_err(|error| unusable(&directory, &error)));
    kept.await.map_or_else(|error| Some(error.to_string()), Result::err)
}

async fn claim(directory: Option<&Directory>, key: &str) -> Claim {
    let Some(directory) = directory else { return Claim::Missing(None, None) };
    let search = {
        let (directory, key) = (directory.clone(), key.to_owned());
        move || directory.find(&key)
    };
    if let Ok(Some(snapshot)) = blocking(search).await {
        return Claim::Found(snapshot);
    }
    loop {
        let (own, key) = (directory.clone(), key.to_owned());
        let claimed = blocking(move || own.try_lock(&key).map(|lock| lock.map(|lock| (lock.find(), lock))));
        match claimed.await {
            Ok(Ok(Some((Some(snapshot), _)))) => return Claim::Found(snapshot),
            Ok(Ok(Some((None, lock)))) => return Claim::Missing(Some(lock), None),
            Ok(Ok(None)) => tokio::time::sleep(LOCK_POLL).await,
            Ok(Err(error)) => return Claim::Missing(None, Some(unusable(directory, &error))),
            Err(error) => return Claim::Missing(None, Some(error.to_string())),
        }
    }
}

/// Runs what may block off the runtime's thread. A panic in it is an error.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| EngineError::build(format!("looking after the snapshot failed: {error}")))
}

fn unusable(directory: &Directory, error: &std::io::Error) -> String {
    format!("the snapshot can't be kept in the cache directory {}: {error}", directory.path().display())
}

fn waited_too_long(timeout: Duration, directory: Option<&Directory>) -> EngineError {
    let place = directory.map_or_else(String::new, |directory| format!(" in {}", directory.path().display()));
    EngineError::build(format!(
        "the build passed its timeoutMs of {} while it waited for another process that builds the same snapshot{place}",
        timeout.as_millis()
    ))
}

//! What a process for isolates gives up when it starts, and how much memory it may take.
//!
//! Not a sandbox: the process keeps its user's rights to files and to the network. It is cheap, and it
//! keeps what goes wrong there from spreading: no dump of a guest's memory, no set-user-id program,
//! and when the system runs out of memory it takes this process first. `RLIMIT_NPROC` is not among it: it
//! counts the threads of all the user's processes.

/// Gives up what the process never needs. What the system refuses is left as it is: nothing depends
/// on it.
pub(super) fn confine(parent: u32) {
    #[cfg(target_os = "linux")]
    linux::confine(parent);
    #[cfg(unix)]
    {
        set_limit(libc::RLIMIT_CORE, 0);
        // Nothing here writes to a file: what comes of an isolate goes to the host.
        set_limit(libc::RLIMIT_FSIZE, 0);
    }
    let _ = parent;
}

/// By how much a process's data may grow for a session, in bytes.
#[derive(Clone, Copy)]
pub(super) struct Data {
    /// What an isolate takes when it is made.
    pub(super) isolate: u64,
    /// What the guest may take beyond it.
    pub(super) guest: u64,
}

/// See `child::limit_data`.
pub(super) fn limit_data(session: Option<Data>) -> bool {
    #[cfg(target_os = "linux")]
    return linux::limit_data(session);
    #[cfg(not(target_os = "linux"))]
    {
        let _ = session.map(|Data { isolate, guest }| isolate + guest);
        false
    }
}

/// This process's private writable memory, in bytes; none where the system does not tell.
pub(super) fn data_bytes() -> Option<u64> {
    #[cfg(target_os = "linux")]
    return linux::data_bytes();
    #[cfg(not(target_os = "linux"))]
    None
}

/// A frame of so many bytes is about to be taken from the host: what the host sends is not what the guest
/// takes, so the bound of the session that runs makes room for it.
pub(super) fn make_room(frame_bytes: u64) {
    #[cfg(target_os = "linux")]
    linux::make_room(frame_bytes);
    let _ = frame_bytes;
}

#[cfg(target_os = "linux")]
type Resource = libc::__rlimit_resource_t;
#[cfg(all(unix, not(target_os = "linux")))]
type Resource = libc::c_int;

/// For good: soft and hard limit.
#[cfg(unix)]
fn set_limit(resource: Resource, most: libc::rlim_t) {
    let limit = libc::rlimit { rlim_cur: most, rlim_max: most };
    // SAFETY: `limit` is valid for reads; a refusal is reported as -1.
    unsafe { libc::setrlimit(resource, &raw const limit) };
}

#[cfg(target_os = "linux")]
mod linux {
    use std::fs;
    use std::sync::{Mutex, PoisonError};

    use super::Data;
    use crate::engine::process::last_words;
    use crate::engine::process::stdio::end_process;

    pub(super) fn confine(parent: u32) {
        // The pipe's end tells the same, but not to a process that is stopped.
        // SAFETY: takes numbers only.
        unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
        // SAFETY: takes nothing, returns a number.
        let now = unsafe { libc::getppid() };
        // A parent outside of this process's namespace is number 0.
        if now != 0 && u32::try_from(now) != Ok(parent) {
            end_process();
        }
        // SAFETY: takes numbers only.
        unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) };
        // Raising it needs no right.
        let _ = fs::write("/proc/self/oom_score_adj", "1000");
        last_words::speak();
    }

    /// The bound of the session that runs.
    static BOUND: Mutex<Option<Bound>> = Mutex::new(None);

    struct Bound {
        /// The process's data when the session began, with an isolate.
        start: u64,
        /// By how much it may grow for the guest.
        guest: u64,
        /// And for the largest frame that came from the host.
        frame: u64,
    }

    /// Private writable mappings, touched or not: V8 reserves its heaps without write access, so they
    /// count as they are taken into use. Only the soft limit, so that the next session has its own.
    pub(super) fn limit_data(session: Option<Data>) -> bool {
        let mut bound = BOUND.lock().unwrap_or_else(PoisonError::into_inner);
        *bound = session.and_then(|Data { isolate, guest }| {
            Some(Bound { start: data_bytes()?.saturating_add(isolate), guest, frame: 0 })
        });
        last_words::begin(bound.as_ref().map(|bound| bound.start));
        set(bound.as_ref()) && bound.is_some() == session.is_some()
    }

    pub(super) fn make_room(frame_bytes: u64) {
        let mut bound = BOUND.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(bound) = bound.as_mut() else { return };
        // As it comes, and once more as it is handed on.
        let bytes = frame_bytes.saturating_mul(2);
        if bytes > bound.frame {
            bound.frame = bytes;
            // Refused, it stays as it was: then the frame may be too much.
            set(Some(bound));
        }
    }

    fn set(bound: Option<&Bound>) -> bool {
        let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        // SAFETY: `limit` is a valid place for the result.
        if unsafe { libc::getrlimit(libc::RLIMIT_DATA, &raw mut limit) } != 0 {
            return false;
        }
        limit.rlim_cur = bound.map_or(limit.rlim_max, |bound| {
            let bytes = bound.start.saturating_add(bound.guest).saturating_add(bound.frame);
            bytes.min(limit.rlim_max)
        });
        // SAFETY: `limit` is valid for reads; a refusal is reported as -1.
        unsafe { libc::setrlimit(libc::RLIMIT_DATA, &raw const limit) == 0 }
    }

    pub(super) fn data_bytes() -> Option<u64> {
        let status = fs::read_to_string("/proc/self/status").ok()?;
        let kib = status.lines().find_map(|line| line.strip_prefix("VmData:"))?;
        Some(kib.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
    }
}

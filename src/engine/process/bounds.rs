//! What a process for isolates gives up when it starts, and how much memory it may take.
//!
//! Not a sandbox: the process keeps its user's rights to files and to the network. It is cheap, and it
//! keeps what goes wrong there from spreading: no dump of a guest's memory, no file that grows without
//! end, no set-user-id program, and when the system runs out of memory it takes this process first.
//! `RLIMIT_NPROC` is not among it: it counts the threads of all the user's processes.

/// Gives up what the process never needs. What the system refuses is left as it is: nothing depends
/// on it.
pub(super) fn confine(parent: u32) {
    #[cfg(target_os = "linux")]
    linux::confine(parent);
    #[cfg(unix)]
    {
        set_limit(libc::RLIMIT_CORE, 0);
        set_limit(libc::RLIMIT_FSIZE, 0);
    }
    let _ = parent;
}

/// See `child::limit_data`.
pub(super) fn limit_data(bytes: Option<u64>) -> bool {
    #[cfg(target_os = "linux")]
    return linux::limit_data(bytes);
    #[cfg(not(target_os = "linux"))]
    {
        let _ = bytes;
        false
    }
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
        // A write past the limit is an error then, and no signal.
        // SAFETY: `SIG_IGN` is a valid disposition for this signal.
        unsafe { libc::signal(libc::SIGXFSZ, libc::SIG_IGN) };
        // Raising it needs no right.
        let _ = fs::write("/proc/self/oom_score_adj", "1000");
        last_words::speak();
    }

    /// Private writable mappings, touched or not: V8 reserves its heaps without write access, so they
    /// count as they are taken into use. Only the soft limit, so that the next session has its own.
    pub(super) fn limit_data(bytes: Option<u64>) -> bool {
        last_words::begin(bytes.is_some());
        let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        // SAFETY: `limit` is a valid place for the result.
        if unsafe { libc::getrlimit(libc::RLIMIT_DATA, &raw mut limit) } != 0 {
            return false;
        }
        limit.rlim_cur = match bytes {
            None => limit.rlim_max,
            Some(bytes) => {
                let Some(now) = data_bytes() else { return false };
                now.saturating_add(bytes).min(limit.rlim_max)
            }
        };
        // SAFETY: `limit` is valid for reads; a refusal is reported as -1.
        unsafe { libc::setrlimit(libc::RLIMIT_DATA, &raw const limit) == 0 }
    }

    fn data_bytes() -> Option<u64> {
        let status = fs::read_to_string("/proc/self/status").ok()?;
        let kib = status.lines().find_map(|line| line.strip_prefix("VmData:"))?;
        Some(kib.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
    }
}

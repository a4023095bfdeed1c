//! The standard streams of a process that talks to its parent over them.

use std::fs::File;

/// The standard output as a file of its own; what V8 prints goes to the standard error from now on.
#[cfg(unix)]
pub(crate) fn private_stdout() -> Option<File> {
    use std::os::fd::FromRawFd;
    // SAFETY: descriptor 1 may be duplicated in any state; a failure is reported as -1.
    let copy = unsafe { libc::dup(1) };
    // SAFETY: as above, for both descriptors.
    let redirected = unsafe { libc::dup2(2, 1) };
    if copy < 0 || redirected < 0 {
        return None;
    }
    // SAFETY: `copy` was just made and belongs to nobody else.
    Some(unsafe { File::from_raw_fd(copy) })
}

/// The standard output as a file of its own. V8 writes to the C runtime's handles, which are not
/// this one.
#[cfg(windows)]
pub(crate) fn private_stdout() -> Option<File> {
    use std::os::windows::io::AsHandle;
    let copy = std::io::stdout().as_handle().try_clone_to_owned().ok()?;
    // SAFETY: descriptors 1 and 2 may be duplicated in any state; a failure is reported as -1.
    let redirected = unsafe { libc::dup2(2, 1) };
    (redirected >= 0).then(|| File::from(copy))
}

/// Ends at once: V8's threads may be anywhere, and nothing of this process is needed any more.
pub(crate) fn end_process() -> ! {
    // SAFETY: `_exit` takes any status and does not return.
    unsafe { libc::_exit(0) }
}

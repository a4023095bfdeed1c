//! The signal that V8's CPU profiler samples with, which the process has only once.
//!
//! V8 installs a handler of SIGPROF for the whole process when its first profile starts, and puts back
//! what was there when its last one ends. Node.js's own V8 does the same. When their profiles overlap,
//! the one that ends first takes the other's handler away; were the default action below both, the
//! other's next sample would end the process. So a handler that does nothing goes below ours before V8
//! installs its own, and no profile begins on top of a foreign one, below which nobody can reach.

#[cfg(not(unix))]
pub(super) fn prepare() -> Result<(), &'static str> {
    Ok(())
}

#[cfg(unix)]
pub(super) use unix::prepare;

#[cfg(unix)]
mod unix {
    use std::ffi::c_void;
    use std::mem::MaybeUninit;
    use std::ptr;

    /// Makes SIGPROF harmless, whoever takes V8's handler away later.
    ///
    /// # Errors
    /// Another profiler of the process uses the signal: words for the client.
    pub(in super::super) fn prepare() -> Result<(), &'static str> {
        let now = disposition()?;
        if now == libc::SIG_IGN || (now != libc::SIG_DFL && is_ours(now)) {
            return Ok(());
        }
        if now != libc::SIG_DFL {
            return Err(FOREIGN);
        }
        install_nothing()
    }

    const FOREIGN: &str = "another CPU profiler runs in this process, such as Node.js's own";
    const FAILED: &str = "the system does not tell how SIGPROF is handled";

    fn disposition() -> Result<libc::sighandler_t, &'static str> {
        let mut action = MaybeUninit::<libc::sigaction>::zeroed();
        // SAFETY: without a new action nothing is changed, and the place for the old one is valid.
        let status = unsafe { libc::sigaction(libc::SIGPROF, ptr::null(), action.as_mut_ptr()) };
        if status != 0 {
            return Err(FAILED);
        }
        // SAFETY: all zero is a valid `sigaction`, and the call has filled it in.
        let action = unsafe { action.assume_init() };
        Ok(action.sa_sigaction)
    }

    fn install_nothing() -> Result<(), &'static str> {
        // SAFETY: all zero is a valid `sigaction`: no flags, an empty mask.
        let mut action: libc::sigaction = unsafe { MaybeUninit::zeroed().assume_init() };
        action.sa_sigaction = do_nothing as *const () as libc::sighandler_t;
        action.sa_flags = libc::SA_RESTART;
        // SAFETY: the handler touches nothing, so it may run anywhere at any time.
        let status = unsafe { libc::sigaction(libc::SIGPROF, &raw const action, ptr::null_mut()) };
        if status == 0 { Ok(()) } else { Err(FAILED) }
    }

    extern "C" fn do_nothing(_signal: libc::c_int) {}

    /// Whether a handler is code of this library: the one above, or V8's, whose profiles share it.
    fn is_ours(handler: libc::sighandler_t) -> bool {
        let ours = library(do_nothing as *const () as usize);
        ours.is_some() && library(handler) == ours
    }

    /// Where the library is loaded that an address lies in.
    fn library(address: usize) -> Option<usize> {
        let mut info = MaybeUninit::<libc::Dl_info>::zeroed();
        // SAFETY: `dladdr` takes any address, and the place for the result is valid.
        let found = unsafe { libc::dladdr(address as *const c_void, info.as_mut_ptr()) };
        // SAFETY: all zero is a valid `Dl_info`; the call has filled it in if it found something.
        let info = unsafe { info.assume_init() };
        (found != 0).then_some(info.dli_fbase as usize)
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn nothing_is_put_below_and_counts_as_ours() {
            assert_eq!(prepare(), Ok(()));
            let now = disposition().expect("it can be read");
            assert!(is_ours(now));
            assert_eq!(prepare(), Ok(()));
            // SAFETY: its handler does nothing.
            assert_eq!(unsafe { libc::raise(libc::SIGPROF) }, 0);
            assert!(!is_ours(libc::getpid as *const () as usize));
        }
    }
}

//! CPU time of one thread, readable from any other.
//!
//! A limit on it is enforced without polling (`engine::lifecycle`): a thread can't use more CPU time than
//! wall time passes, so while a turn runs an alarm looks again at the earliest moment at which the limit
//! could be reached. An idle isolate has no alarm. V8's helper threads (concurrent marking and sweeping,
//! optimising compilers) serve all isolates of the process, and their time is nobody's.

use std::time::Duration;

/// The CPU clock of one thread, which may have served another isolate before.
pub(crate) struct ThreadClock {
    clock: sys::Clock,
    begun: Duration,
}

impl ThreadClock {
    /// Of the calling thread; `None` when the system has no such clock.
    pub(crate) fn of_this_thread() -> Option<Self> {
        let clock = sys::Clock::of_this_thread()?;
        let begun = clock.read()?;
        Some(Self { clock, begun })
    }

    /// What the thread has used since the clock was made; `None` when it has ended.
    pub(crate) fn read(&self) -> Option<Duration> {
        Some(self.clock.read()?.saturating_sub(self.begun))
    }
}

#[cfg(target_os = "linux")]
mod sys {
    use std::time::Duration;

    pub(super) struct Clock(libc::clockid_t);

    impl Clock {
        pub(super) fn of_this_thread() -> Option<Self> {
            // SAFETY: takes no argument and always succeeds.
            let this_thread = unsafe { libc::pthread_self() };
            let mut clock = libc::CLOCK_THREAD_CPUTIME_ID;
            // SAFETY: the thread is alive, being this one, and `clock` is a valid place for the result.
            let status = unsafe { libc::pthread_getcpuclockid(this_thread, &raw mut clock) };
            (status == 0).then_some(Self(clock))
        }

        pub(super) fn read(&self) -> Option<Duration> {
            let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
            // SAFETY: `time` is a valid place for the result; the clock of a thread that has ended is an error.
            let status = unsafe { libc::clock_gettime(self.0, &raw mut time) };
            let seconds = u64::try_from(time.tv_sec).ok()?;
            let nanoseconds = u32::try_from(time.tv_nsec).ok()?;
            (status == 0).then(|| Duration::new(seconds, nanoseconds))
        }
    }
}

#[cfg(target_os = "macos")]
mod sys {
    use std::time::Duration;

    pub(super) struct Clock(libc::mach_port_t);

    impl Clock {
        pub(super) fn of_this_thread() -> Option<Self> {
            // SAFETY: takes no argument and always succeeds.
            let this_thread = unsafe { libc::pthread_self() };
            // SAFETY: the thread is alive, being this one; its port is valid for as long as it lives.
            let port = unsafe { libc::pthread_mach_thread_np(this_thread) };
            (port != 0).then_some(Self(port))
        }

        pub(super) fn read(&self) -> Option<Duration> {
            // SAFETY: all of its fields are integers, for which zero is a value.
            let mut info: libc::thread_basic_info = unsafe { std::mem::zeroed() };
            let mut count = libc::THREAD_BASIC_INFO_COUNT;
            // SAFETY: `info` has room for what the flavour writes, `count` says how much; the port of a
            // thread that has ended is an error.
            let status = unsafe {
                libc::thread_info(
                    self.0,
                    libc::THREAD_BASIC_INFO as libc::thread_flavor_t,
                    (&raw mut info).cast(),
                    &raw mut count,
                )
            };
            let of = |time: libc::time_value_t| {
                let seconds = u64::try_from(time.seconds).ok()?;
                let microseconds = u64::try_from(time.microseconds).ok()?;
                Some(Duration::from_secs(seconds) + Duration::from_micros(microseconds))
            };
            (status == libc::KERN_SUCCESS).then_some(())?;
            Some(of(info.user_time)? + of(info.system_time)?)
        }
    }
}

#[cfg(windows)]
mod sys {
    use std::ffi::c_void;
    use std::ptr;
    use std::time::Duration;

    const DUPLICATE_SAME_ACCESS: u32 = 2;

    #[repr(C)]
    #[derive(Default)]
    struct FileTime {
        low: u32,
        high: u32,
    }

    impl FileTime {
        /// In units of 100 nanoseconds.
        fn ticks(&self) -> u64 {
            u64::from(self.high) << 32 | u64::from(self.low)
        }
    }

    #[link(name = "kernel32")]
    unsafe extern "system" {
        fn GetCurrentProcess() -> *mut c_void;
        fn GetCurrentThread() -> *mut c_void;
        fn DuplicateHandle(
            from_process: *mut c_void,
            from: *mut c_void,
            to_process: *mut c_void,
            to: *mut *mut c_void,
            access: u32,
            inherit: i32,
            options: u32,
        ) -> i32;
        fn CloseHandle(handle: *mut c_void) -> i32;
        fn GetThreadTimes(
            thread: *mut c_void,
            created: *mut FileTime,
            exited: *mut FileTime,
            kernel: *mut FileTime,
            user: *mut FileTime,
        ) -> i32;
    }

    pub(super) struct Clock(*mut c_void);

    // SAFETY: a thread's handle may be used and closed on any thread.
    unsafe impl Send for Clock {}
    // SAFETY: reading its times changes nothing.
    unsafe impl Sync for Clock {}

    impl Clock {
        pub(super) fn of_this_thread() -> Option<Self> {
            // SAFETY: takes no argument and returns a pseudo handle that needs no closing.
            let process = unsafe { GetCurrentProcess() };
            // SAFETY: takes no argument and returns a pseudo handle that needs no closing.
            let thread = unsafe { GetCurrentThread() };
            let mut handle = ptr::null_mut();
            // SAFETY: the pseudo handles are valid on this thread, and `handle` is a place for the result.
            let done = unsafe {
                DuplicateHandle(process, thread, process, &raw mut handle, 0, 0, DUPLICATE_SAME_ACCESS)
            };
            (done != 0).then_some(Self(handle))
        }

        pub(super) fn read(&self) -> Option<Duration> {
            let (mut created, mut exited) = (FileTime::default(), FileTime::default());
            let (mut kernel, mut user) = (FileTime::default(), FileTime::default());
            // SAFETY: the handle is open until `drop`, and all four places are valid for writes.
            let done = unsafe {
                GetThreadTimes(self.0, &raw mut created, &raw mut exited, &raw mut kernel, &raw mut user)
            };
            (done != 0).then(|| Duration::from_nanos((kernel.ticks() + user.ticks()) * 100))
        }
    }

    impl Drop for Clock {
        fn drop(&mut self) {
            // SAFETY: the handle was made by `of_this_thread` and is closed once.
            unsafe { CloseHandle(self.0) };
        }
    }
}

#[cfg(not(any(target_os = "linux", target_os = "macos", windows)))]
mod sys {
    use std::time::Duration;

    pub(super) enum Clock {}

    impl Clock {
        pub(super) fn of_this_thread() -> Option<Self> {
            None
        }

        pub(super) fn read(&self) -> Option<Duration> {
            match *self {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::thread;
    use std::time::Instant;

    use super::*;

    #[test]
    fn another_threads_work_counts_and_its_waiting_does_not() {
        let (sender, clocks) = mpsc::channel();
        let (go, wait) = mpsc::channel::<()>();
        let (worked, done) = mpsc::channel();
        let thread = thread::spawn(move || {
            sender.send(ThreadClock::of_this_thread().expect("the system has one")).expect("heard");
            wait.recv().expect("told");
            let began = Instant::now();
            while began.elapsed() < Duration::from_millis(30) {}
            worked.send(()).expect("heard");
            wait.recv().expect("told");
        });
        let clock = clocks.recv().expect("sent");
        // It does nothing but wait meanwhile.
        let idle = clock.read().expect("it lives");
        thread::sleep(Duration::from_millis(30));
        let still_idle = clock.read().expect("it lives");
        assert!(still_idle < idle + Duration::from_millis(10), "{idle:?} {still_idle:?}");
        go.send(()).expect("heard");
        done.recv().expect("worked");
        let busy = clock.read().expect("it lives");
        assert!(busy > still_idle, "{still_idle:?} {busy:?}");
        assert!(busy < Duration::from_secs(10), "{busy:?}");
        go.send(()).expect("heard");
        thread.join().expect("no panic");
    }
}

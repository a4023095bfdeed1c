//! What a process says when a signal ends it: by how much its memory had grown. C++ code that is refused
//! memory says nothing and aborts, or goes on with a null pointer, and its host could not tell why.
//!
//! The handler runs on whatever thread the signal hit, in whatever state: it calls only what POSIX names
//! async-signal-safe.

use std::ffi::{c_int, c_void};
use std::sync::atomic::{AtomicU64, Ordering};

/// What the host looks for; the number of bytes follows.
const BEGINNING: &[u8] = b"\nisoseed: its memory had grown by bytes: ";

/// The data of the process when its session began, in bytes; the largest number while none runs.
static START: AtomicU64 = AtomicU64::new(u64::MAX);
static PAGE_BYTES: AtomicU64 = AtomicU64::new(0);

/// A session begins with so many bytes of data, or none runs any more.
pub(super) fn begin(start: Option<u64>) {
    START.store(start.unwrap_or(u64::MAX), Ordering::Relaxed);
}

/// From now on the process says so when one of the signals ends it that its own faults raise.
pub(super) fn speak() {
    // SAFETY: takes a name, returns a number.
    let page_bytes = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    PAGE_BYTES.store(u64::try_from(page_bytes).unwrap_or(4096), Ordering::Relaxed);
    for signal in [libc::SIGABRT, libc::SIGSEGV, libc::SIGBUS, libc::SIGILL, libc::SIGTRAP, libc::SIGFPE] {
        let handler: extern "C" fn(c_int) = on_signal;
        // SAFETY: the handler has the signature of one, and is as careful as it must be.
        unsafe { libc::signal(signal, handler as *const () as libc::sighandler_t) };
    }
}

extern "C" fn on_signal(signal: c_int) {
    if let Some(grown) = grown_bytes() {
        let mut digits = [0; 20];
        write(BEGINNING);
        write(decimal(grown, &mut digits));
        write(b"\n");
    }
    // SAFETY: `SIG_DFL` is a valid disposition for each of these signals.
    unsafe { libc::signal(signal, libc::SIG_DFL) };
    // Delivered when this handler returns, and then it ends the process.
    // SAFETY: takes the number of a signal that exists.
    unsafe { libc::raise(signal) };
}

fn grown_bytes() -> Option<u64> {
    let start = START.load(Ordering::Relaxed);
    if start == u64::MAX {
        return None;
    }
    Some(data_pages()?.saturating_mul(PAGE_BYTES.load(Ordering::Relaxed)).saturating_sub(start))
}

/// Data and stack in pages: the sixth number of `statm`. Takes no memory.
fn data_pages() -> Option<u64> {
    // SAFETY: the path is NUL-terminated; a failure is reported as -1.
    let file = unsafe { libc::open(c"/proc/self/statm".as_ptr(), libc::O_RDONLY | libc::O_CLOEXEC) };
    let mut text = [0_u8; 256];
    // SAFETY: the buffer is valid for writes of its length; a bad descriptor is reported as -1.
    let length = unsafe { libc::read(file, text.as_mut_ptr().cast::<c_void>(), text.len()) };
    // SAFETY: the descriptor is ours, or -1, which is refused.
    unsafe { libc::close(file) };
    let text = text.get(..usize::try_from(length).ok()?)?;
    let digits = text.split(|byte| *byte == b' ').nth(5)?;
    digits
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .try_fold(0_u64, |number, digit| number.checked_mul(10)?.checked_add(u64::from(digit - b'0')))
}

fn decimal(mut number: u64, digits: &mut [u8; 20]) -> &[u8] {
    let mut at = digits.len();
    loop {
        at -= 1;
        // Below ten: it fits.
        digits[at] = b'0' + u8::try_from(number % 10).unwrap_or(0);
        number /= 10;
        if number == 0 || at == 0 {
            return &digits[at..];
        }
    }
}

fn write(bytes: &[u8]) {
    // SAFETY: the bytes are valid for reads of their length; a failure is of no interest any more.
    unsafe { libc::write(libc::STDERR_FILENO, bytes.as_ptr().cast::<c_void>(), bytes.len()) };
}

#[cfg(test)]
mod tests {
    use super::{data_pages, decimal};

    #[test]
    fn numbers_are_written_without_taking_memory() {
        for number in [0, 7, 10, 4096, u64::MAX] {
            assert_eq!(decimal(number, &mut [0; 20]), number.to_string().as_bytes());
        }
    }

    #[test]
    fn the_system_says_how_much_data_there_is() {
        let status = std::fs::read_to_string("/proc/self/status").expect("the system has /proc");
        let kib = |name: &str| -> u64 {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("every status has it");
            line.trim().trim_end_matches("kB").trim().parse().expect("it is a number")
        };
        let expected = (kib("VmData:") + kib("VmStk:")) / 4;
        let pages = data_pages().expect("the system has /proc");
        // Other tests take and free memory meanwhile.
        assert!(pages.abs_diff(expected) < expected / 10, "{pages} pages, expected about {expected}");
    }
}

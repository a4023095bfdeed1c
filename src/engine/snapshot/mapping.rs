//! Files in memory without a copy, where nobody can change them.
//!
//! A mapping shows what happens to its file: who cuts the file short ends this process at the next
//! access (SIGBUS), and who writes to it changes what V8 restores from after it was verified. Neither
//! may be, so only a file that the kernel itself keeps as it is gets mapped: one that is immutable
//! (`chattr +i`) or sealed by fs-verity. All others are read.

use std::fs::File;
use std::ops::Deref;

use memmap2::Mmap;

/// A whole file, mapped for reading.
#[derive(Debug)]
pub(super) struct Mapping(Mmap);

impl Deref for Mapping {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

/// Maps the file if it can't change; none if it can, or the system does not map it.
pub(super) fn map_unchangeable(file: &File) -> Option<Mapping> {
    if is_unchangeable(file) { map(file) } else { None }
}

fn map(file: &File) -> Option<Mapping> {
    // SAFETY: the kernel refuses to write to the file or to cut it, as `is_unchangeable` found.
    let mapping = unsafe { Mmap::map(file) };
    mapping.ok().map(Mapping)
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn is_unchangeable(file: &File) -> bool {
    use std::mem::MaybeUninit;
    use std::os::fd::AsRawFd;

    let mut status = MaybeUninit::<libc::statx>::zeroed();
    let (here, flags) = (c"".as_ptr(), libc::AT_EMPTY_PATH);
    // SAFETY: an open descriptor, a string that ends, and room for what is written.
    let result = unsafe { libc::statx(file.as_raw_fd(), here, flags, 0, status.as_mut_ptr()) };
    if result != 0 {
        return false;
    }
    // SAFETY: zeros are a valid `statx`, and the call that filled it has succeeded.
    let status = unsafe { status.assume_init() };
    let kept = (libc::STATX_ATTR_IMMUTABLE | libc::STATX_ATTR_VERITY) as u64;
    status.stx_attributes & status.stx_attributes_mask & kept != 0
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn is_unchangeable(_: &File) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ordinary_file_can_change_and_is_not_mapped() {
        let file = File::open(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")).expect("readable");
        assert!(map_unchangeable(&file).is_none());
    }

    #[test]
    fn a_mapping_is_what_the_file_holds() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
        let mapping = map(&File::open(path).expect("readable")).expect("mapped");
        assert_eq!(&*mapping, std::fs::read(path).expect("readable"));
    }
}

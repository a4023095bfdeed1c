//! Links the addon as Node.js expects it, and keeps its symbols to itself.

use std::env;
use std::path::Path;

/// Functions whose calls are sent to `__wrap_<name>`, in every program that the engine is linked into.
const WRAPPED: &[&str] = &[
    "malloc",
    "calloc",
    "realloc",
    "free",
    "posix_memalign",
    "aligned_alloc",
    "malloc_usable_size",
    "mmap64",
    "munmap",
    "mprotect",
    "_ZN2v88internal9StubCache10InitializeEv",
    "_ZN2v88internal9StubCache5ClearEv",
    "_ZN2v88internal4wasm19WasmCodeLookupCache5FlushEv",
    "abort",
    "_ZN2v84base2OS5AbortEv",
    "_ZN2v84base8FatalOOMENS0_7OOMTypeEPKc",
    "_ZN2v88internal2V823FatalProcessOutOfMemoryEPNS0_7IsolateEPKcRKNS_10OOMDetailsE",
];

fn main() {
    napi_build::setup();
    if env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("linux") {
        // What is taken from the system goes through `engine::limits::native`.
        for name in WRAPPED {
            println!("cargo::rustc-link-arg=-Wl,--wrap={name}");
        }
        // Our V8 calls our V8, whatever else in the process has the same names.
        println!("cargo::rustc-cdylib-link-arg=-Wl,-Bsymbolic");
        // rustc exports every C symbol of every dependency; only lld lets a second script overrule
        // that, and rustc links with it by default on x86-64 Linux.
        if env::var("CARGO_CFG_TARGET_ARCH").as_deref() == Ok("x86_64") {
            let root = env::var("CARGO_MANIFEST_DIR").expect("cargo sets this for build scripts");
            let script = Path::new(&root).join("src/hidden-symbols.map");
            println!("cargo::rustc-cdylib-link-arg=-Wl,--version-script={}", script.display());
            println!("cargo::rerun-if-changed={}", script.display());
        }
    }
}

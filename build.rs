//! Links the addon as Node.js expects it, and keeps its symbols to itself.

use std::env;
use std::path::Path;

fn main() {
    napi_build::setup();
    if env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("linux") {
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

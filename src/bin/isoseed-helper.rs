//! The snapshot helper as a program of its own, for hosts without Node.js: the engine's tests.

fn main() {
    isoseed::engine::snapshot::build::run_helper()
}

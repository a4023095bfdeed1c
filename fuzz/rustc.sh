#!/bin/sh
# Cargo's RUSTC_WRAPPER for the fuzz targets: only isoseed and the targets are instrumented, as `cargo fuzz` does it for
# everything, and their arithmetic is checked. So all other crates are those of the last release build.
rustc=$1
shift
case " $* " in
*" --crate-name isoseed "* | *" --crate-name state "* | *" --crate-name container "*)
  exec "$rustc" "$@" --cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares -Cdebug-assertions=yes -Coverflow-checks=yes -Ccodegen-units=1
  ;;
esac
exec "$rustc" "$@"

// The engine's tests under a sanitizer of LLVM: `npm run sanitize`, or `npm run sanitize -- thread`.
//
// It needs a nightly toolchain, so CI does not run it. What is instrumented is our Rust and every use of the C
// library's allocator, by V8, too; V8's own code comes compiled and is not. For addresses that is no loss of truth:
// nothing is reported that did not happen. The thread sanitizer has to know all synchronisation, so Rust's standard
// library is compiled with it (component rust-src); V8's mutexes it sees, V8's atomics it does not.
import { Failure, ask, cargoEnv, duration, main, root, run, say } from './common.mjs'
import { join } from 'node:path'

const SANITIZERS = {
  address: {
    flags: '-Zsanitizer=address',
    environment: { ASAN_OPTIONS: 'detect_leaks=0:detect_odr_violation=0:allocator_may_return_null=1:allow_user_poisoning=0' },
    build: [],
  },
  thread: {
    flags: '-Zsanitizer=thread',
    environment: { TSAN_OPTIONS: `allocator_may_return_null=1:suppressions=${join(root, 'scripts/thread-sanitizer.suppressions')}` },
    build: ['-Zbuild-std'],
  },
}

await main(async () => {
  const name = process.argv[2] ?? 'address'
  const sanitizer = SANITIZERS[name]
  if (sanitizer === undefined) throw new Failure(`there is no sanitizer ${JSON.stringify(name)}: address or thread`)
  if (ask('cargo', ['+nightly', '--version']) === undefined) throw new Failure('it needs a nightly toolchain of Rust: rustup toolchain install nightly')
  const env = {
    ...cargoEnv(),
    ...sanitizer.environment,
    RUSTFLAGS: sanitizer.flags,
    CARGO_TARGET_DIR: join(root, 'target', `sanitize-${name}`),
    // For the places in its reports.
    CARGO_PROFILE_RELEASE_DEBUG: '1',
    CARGO_PROFILE_RELEASE_STRIP: 'none',
  }
  const started = performance.now()
  say(`the engine's tests under the ${name} sanitizer; all of it is compiled for that, a few minutes ...`)
  // One after the other: a sanitizer makes them slow, and their time limits are for a quiet machine.
  await run('cargo', ['+nightly', 'test', ...sanitizer.build, '--release', '--no-default-features', '--lib', '--test', 'engine', '--', '--test-threads=1'], env)
  say(`passed in ${duration(performance.now() - started)}`)
})

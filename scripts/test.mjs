// All tests: builds what is missing, then the engine's tests (Rust), then the package's (vitest).
//   --rust, --js   only these
// Further arguments go to vitest: `npm test -- --js __test__/values.test.ts`.
import { ask, cargoEnv, duration, main, requireToolchain, run, say, tool } from './common.mjs'

await main(async () => {
  const args = process.argv.slice(2)
  const only = ['--rust', '--js'].filter((flag) => args.includes(flag))
  const rest = args.filter((arg) => !only.includes(arg))
  const wanted = (flag) => only.length === 0 || only.includes(flag)

  if (wanted('--js')) await run(process.execPath, ['scripts/build.mjs'])
  if (wanted('--rust')) await step('the engine\'s tests (Rust)', rustTests)
  if (wanted('--js')) await step('the package\'s tests (vitest)', () => run(process.execPath, [tool('vitest'), 'run', ...rest]))
})

async function step(name, body) {
  const started = performance.now()
  say(`${name} ...`)
  await body()
  say(`${name}: passed in ${duration(performance.now() - started)}`)
}

/** In the release profile and for the same target as the addon, so that V8 and all dependencies are built once. */
async function rustTests() {
  requireToolchain()
  // nextest runs each test in a process of its own, and all test programs at once.
  const runner = ask('cargo', ['nextest', '--version']) === undefined ? ['test'] : ['nextest', 'run']
  say(`cargo ${runner.join(' ')}: the first time this compiles and links the test programs, a few minutes ...`)
  await run('cargo', [...runner, '--release', '--no-default-features'], cargoEnv())
}

import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const processMode = fileURLToPath(new URL('./__test__/support/process-mode.ts', import.meta.url))

/** What measures the machine, or keeps all of it busy: after everything else, one after the other. */
const alone = ['__test__/bench.test.ts', '__test__/leak/*.test.ts', '__test__/process/loaded.test.ts', '__test__/process/scale.test.ts']

export default defineConfig({
  test: {
    // A crash of the addon must fail one test file, not the runner.
    pool: 'forks',
    testTimeout: 30_000,
    hookTimeout: 60_000,
    projects: [
      {
        extends: true,
        test: {
          name: 'host',
          include: ['__test__/**/*.test.ts'],
          exclude: alone,
          typecheck: {
            enabled: true,
            include: ['__test__/**/*.test-d.ts'],
            tsconfig: './tsconfig.json',
          },
        },
      },
      {
        // The same tests of what isolates do, with each isolate in a process of its own.
        extends: true,
        resolve: { alias: [{ find: /^isoseed$/, replacement: processMode }] },
        test: {
          name: 'process',
          include: [
            'bindings',
            'codegen',
            'console',
            'cpu-limit',
            'debugger',
            'dispose',
            'fallback',
            'inspector',
            'isolate',
            'limits',
            'memory',
            'modules',
            'modules-errors',
            'modules-loader',
            'observe',
            'pollution',
            'profile',
            'remote-functions',
            'session/close',
            'session/migrate',
            'session/session',
            'streams',
            'sync-bindings',
            'transfer',
            'uncloneable',
            'unhandled',
            'value-limits',
            'values',
            'values-errors',
            'wall-time',
            'web/streams-cross',
            'web/timers',
            'web/use',
          ].map((name) => `__test__/${name}.test.ts`),
        },
      },
      {
        extends: true,
        test: { name: 'alone', include: alone, fileParallelism: false, sequence: { groupOrder: 1 } },
      },
    ],
  },
})

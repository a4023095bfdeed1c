import type { Metric } from '../bench.ts'
import { build } from './build.ts'
import { cache } from './cache.ts'
import { call, jit, values } from './calls.ts'
import { bundleSize, concurrency, sessions, snapshotSize } from './curves.ts'
import { busy, churn, loop, memory, throughput } from './load.ts'
import { changed, format, kept, visited } from './kept.ts'
import { blank, bundle, prewarmed } from './start.ts'
import { web } from './web.ts'

/** In the order in which they run. */
export const metrics: readonly Metric[] = [blank, bundle, prewarmed, call, loop, throughput, memory, build, jit, values, churn, cache, web, kept, changed, visited, format, busy, sessions, snapshotSize, bundleSize, concurrency]

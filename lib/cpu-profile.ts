import type { Connection } from './connection.js'
import { InspectorClient } from './inspector-client.js'
import type { InspectorLink } from './inspector-link.js'
import type { CpuProfile } from './inspector-types.js'

/**
 * Profiles an isolate while `work` runs, on a session of its own.
 *
 * @throws whatever `work` does
 */
export async function profile(connection: Connection, link: InspectorLink, work: () => unknown, samplingIntervalUs: number): Promise<CpuProfile> {
  const client = await InspectorClient.connect(link)
  // Nothing else may be pending while the profiler answers.
  const release = connection.hold()
  try {
    await client.post('Profiler.enable')
    await client.post('Profiler.setSamplingInterval', { interval: samplingIntervalUs })
    await client.post('Profiler.start')
    await work()
    const { profile: taken } = (await client.post('Profiler.stop')) as { profile: CpuProfile }
    return taken
  } finally {
    release()
    client.close()
  }
}

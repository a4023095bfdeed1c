import { createHash } from 'node:crypto'

/** The bytes of a sound snapshot, changed to be one of another format version. */
export function ofAnotherVersion(bytes: Uint8Array): Uint8Array {
  const copy = Uint8Array.from(bytes)
  new DataView(copy.buffer).setUint32(8, 99, true)
  // The digest covers everything but itself; see the container's layout in src/engine/snapshot/container.rs.
  const digest = createHash('sha256').update(copy.subarray(0, 24)).update(copy.subarray(56)).digest()
  copy.set(digest, 24)
  return copy
}

/** The same bytes with one bit changed. */
export function damaged(bytes: Uint8Array): Uint8Array {
  const copy = Uint8Array.from(bytes)
  copy[copy.length >> 1]! ^= 1
  return copy
}

import { createHash } from 'node:crypto'

/** The bytes of a sound snapshot, changed to be one of another format version. */
export function ofAnotherVersion(bytes: Uint8Array): Uint8Array {
  const copy = Uint8Array.from(bytes)
  const view = new DataView(copy.buffer)
  view.setUint32(8, 99, true)
  // The container's layout is in src/engine/snapshot/container.rs: the digest covers what is before it and the header.
  const header = copy.subarray(56, 56 + view.getUint32(12, true))
  const digest = createHash('sha256').update(copy.subarray(0, 24)).update(header).digest()
  copy.set(digest, 24)
  return copy
}

/** The same bytes with one bit changed. */
export function damaged(bytes: Uint8Array): Uint8Array {
  const copy = Uint8Array.from(bytes)
  copy[copy.length >> 1]! ^= 1
  return copy
}

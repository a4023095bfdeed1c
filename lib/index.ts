/**
 * V8 isolates that start already loaded: build a snapshot once from a bridge
 * and a bundle, then start isolated sessions from it.
 */

export { GuestError, IsoseedError } from './errors.js'
export type { ErrorCode, GuestErrorOptions, IsoseedErrorOptions } from './errors.js'
export type { Passed, Received, RemoteIterable, Whole } from './crossing.js'
export type { GuestBinding, GuestBindings, GuestValue } from './guest-bindings.js'
export { createIsolate, Isolate } from './isolate.js'
export type { Remote, RemoteMember } from './remote.js'
export type { RemoteFunction } from './remote-function.js'
export { buildSnapshot, Snapshot } from './snapshot.js'
export { snapshotCache } from './snapshot-cache.js'
export type { SnapshotCache } from './snapshot-cache.js'
export { verifyIsolation } from './verify.js'
export type {
  BuildProgress,
  BuildSnapshotOptions,
  CallOptions,
  CreateIsolateOptions,
  HostFunction,
  HostObject,
  IsolateStats,
  IsolationReport,
  LoadOptions,
  PrewarmOptions,
  SaveOptions,
  SnapshotCacheLimits,
  SnapshotCacheStats,
  SnapshotFinding,
  SnapshotInfo,
  SnapshotSource,
  SnapshotWarning,
  Source,
  SourceObject,
  SyncBinding,
  VerifyIsolationOptions,
} from './types.js'

/**
 * V8 isolates that start already loaded: build a snapshot once from a bridge
 * and a bundle, then start isolated sessions from it.
 */

export { ConsoleOpaque } from './console-values.js'
export type {
  CallTrace,
  DiagnosticsChannels,
  IsolateCreated,
  IsolateDisposed,
  LimitHit,
  SnapshotBuildTrace,
} from './diagnostics-types.js'
export { GuestError, IsoseedError } from './errors.js'
export type { ErrorCode, GuestErrorOptions, IsoseedErrorOptions, StateErrorDetails } from './errors.js'
export type { Passed, Received, RemoteIterable, Whole } from './crossing.js'
export type { GuestBinding, GuestBindings, GuestValue } from './guest-bindings.js'
export { createIsolate, Isolate } from './isolate.js'
export type { ConsoleEntry, ConsoleLevel, ConsoleMethod, ConsoleSink, UnhandledRejection } from './observe-types.js'
export { Inspector } from './inspect.js'
export type { CpuProfile, CpuProfileNode, CpuProfileOptions, HeapSnapshotOptions, InspectOptions, InspectorSession } from './inspector-types.js'
export type { Remote, RemoteMember } from './remote.js'
export type { RemoteFunction } from './remote-function.js'
export { openSession, Session } from './session/session.js'
export { sessions } from './session/sessions.js'
export type { Sessions } from './session/sessions.js'
export type {
  ImportStateOptions,
  InspectSessionOptions,
  ReadStateOptions,
  SessionInspection,
  StateEntry,
  StateOverview,
  StoredState,
} from './session/stored-types.js'
export type { Recovered } from './store/reading.js'
export type { PrunePolicy, PruneReport } from './store/sessions.js'
export type {
  ExportStateOptions,
  LeaseOptions,
  OpenSessionOptions,
  RevisionInfo,
  SavedState,
  SavePolicy,
  SessionImportOptions,
  SessionInfo,
  StateLimits,
  StateSchema,
  UnkeptVariable,
} from './session/types.js'
export { buildSnapshot, Snapshot } from './snapshot.js'
export { snapshotCache } from './snapshot-cache.js'
export type { SnapshotCache } from './snapshot-cache.js'
export { openStore } from './store/native-store.js'
export type { OpenStoreOptions } from './store/open-options.js'
export type {
  LeaseAnswer,
  ReadAnswer,
  RevisionMeta,
  RevisionPolicy,
  RevisionsPruned,
  SessionRecord,
  Store,
  StoreLease,
  StoredChunk,
  StoredRevision,
  WriteAnswer,
} from './store/types.js'
export { transfer } from './transfer.js'
export { verifyIsolation } from './verify.js'
export { webBridge } from './web-bridge.js'
export type { FetchRequest, FetchResponse, WebBridge, WebBridgePart } from './web-bridge.js'
export type {
  CallOptions,
  CreateIsolateOptions,
  HostFunction,
  HostObject,
  ModuleLoader,
  ModuleSource,
  ModuleSourceObject,
  SyncBinding,
  ValueLimits,
} from './isolate-types.js'
export type {
  BuildProgress,
  BuildSnapshotOptions,
  LoadOptions,
  PrewarmOptions,
  SaveOptions,
  SnapshotCacheLimits,
  SnapshotCacheStats,
  SnapshotFinding,
  SnapshotInfo,
  SnapshotSource,
  SnapshotWarning,
} from './snapshot-types.js'
export type { Source, SourceObject } from './source.js'
export type { IsolateStats, IsolationCoverage, IsolationReport, VerifyIsolationOptions } from './report-types.js'

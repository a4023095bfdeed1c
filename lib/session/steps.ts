import { AsyncLocalStorage } from 'node:async_hooks'
import type { IsolateCore } from '../isolate-core.js'

/** One call of a session, with what its bindings call. */
export interface Step {
  readonly session: object
  readonly isolate: IsolateCore
  /** The step that it was called in, of another session. */
  readonly around: Step | undefined
  isOpen: boolean
}

/**
 * The step that a binding is called in. One storage for all sessions: Node hands each storage's value on with every
 * promise, and never forgets a storage.
 */
const steps = new AsyncLocalStorage<Step>()

/** Begins a step of a session, within the one that is open where this is called. */
export function beginStep(session: object, isolate: IsolateCore): Step {
  return { session, isolate, around: openStep(() => true), isOpen: true }
}

/** Runs something as a part of a step. */
export function runInStep<T>(step: Step, run: () => T): T {
  return steps.run(step, run)
}

/** The innermost step of a session that is still open where this is called. */
export function openStepOf(session: object): Step | undefined {
  return openStep((step) => step.session === session)
}

function openStep(isMeant: (step: Step) => boolean): Step | undefined {
  let step = steps.getStore()
  while (step !== undefined && !(step.isOpen && isMeant(step))) step = step.around
  return step
}

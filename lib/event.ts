import type { NativeEvent } from '../native.js'

/** What the native side tells. */
export interface Event extends NativeEvent {
  /** A small encoded value, in place of `bytes`: text with a character for each byte. */
  packed?: string
}

/** The event that `dispatch` was called with. */
export function eventOf(event: NativeEvent | number, packed: string | null, isolate: number | null): Event {
  if (typeof event !== 'number') return event
  return { kind: 'done', id: event, packed: packed as string, ...(isolate === null ? {} : { isolate }) }
}

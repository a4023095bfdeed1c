import { cloneError } from './clone-path.js'
import { isErrorLike } from './error-parts.js'
import { show } from './errors.js'
import type { References } from './references.js'
import { rewrite } from './rewrite.js'
import type { ErrorMode } from './rewrite.js'
import { hasStreamAtTheTop } from './streams.js'
import { END_OF_DETAILS, V8_ERROR_TAG, endWith } from './wire.js'
import type { Brought } from './wire.js'
import { Refusal, Writer } from './writer.js'

/** The native scan of an encoded message for errors; a parameter, so that encoding needs no addon to be tested. */
export type ContainsError = (bytes: Uint8Array) => boolean

/**
 * Encodes a value of the host for a guest.
 *
 * @param label what the value is called in an error message, such as `args`
 * @param references takes its functions and streams; without, they are refused
 * @param beside buffers that go beside the message, by their number in it; large ones that are met are added
 * @throws `IsoseedError` with `ERR_DATA_CLONE`, naming the path of what can't cross
 */
export function encode(
  value: unknown,
  label: string,
  containsError: ContainsError,
  references?: References,
  beside?: ArrayBuffer[],
): Uint8Array {
  try {
    return references === undefined ? write(value, 'value', containsError, beside) : writeAll(value, containsError, references, beside)
  } catch (error) {
    throw cloneError(value, label, error, references !== undefined)
  }
}

/**
 * Encodes what a host function threw. Errors cross without stacks, and without
 * those of their parts that can't cross. Never throws.
 *
 * @param path the binding, for the message when the thrown value can't cross
 */
export function encodeThrown(value: unknown, path: string, containsError: ContainsError): Uint8Array {
  try {
    // Errors that V8 would not know for errors must not reach it as objects.
    if (isErrorLike(value)) return finishAll(rewrite(value, 'thrown'))
    return write(value, 'thrown', containsError)
  } catch {
    const error = new Error(`host function ${path} threw a value that can't be cloned: ${show(value)}`)
    return finishAll(rewrite(Object.assign(error, { code: 'ERR_DATA_CLONE' }), 'thrown'))
  }
}

/** V8 alone first: it is fast, nearly always enough, and checks nearly everything. */
function write(value: unknown, mode: ErrorMode, containsError: ContainsError, beside?: ArrayBuffer[]): Uint8Array {
  const writer = new Writer()
  if (beside !== undefined) writer.writeBeside(beside)
  writer.write(value)
  const bytes = finish(writer)
  if ((isFlat(value) && !bytes.includes(V8_ERROR_TAG)) || !containsError(bytes)) return bytes
  return finishAll(rewrite(value, mode, undefined, beside))
}

/** With references only where V8 refuses the value, or would take a stream for an empty object. */
function writeAll(value: unknown, containsError: ContainsError, references: References, beside: ArrayBuffer[] | undefined): Uint8Array {
  if (!hasStreamAtTheTop(value)) {
    try {
      return write(value, 'value', containsError, beside)
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
    }
  }
  return finishAll(rewrite(value, 'value', references, beside))
}

/** Most calls pass a few primitives: no need to ask the native side whether there is an error among them. */
function isFlat(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return true
  return Array.isArray(value) && value.length < 16 && value.every((item) => typeof item !== 'object' || item === null)
}

function finishAll({ writer, brought }: { writer: Writer; brought: readonly Brought[] }): Uint8Array {
  if (brought.length === 0) return finish(writer)
  writer.writeRawBytes(endWith(brought))
  return writer.releaseBuffer()
}

function finish(writer: Writer): Uint8Array {
  writer.writeUint32(END_OF_DETAILS)
  return writer.releaseBuffer()
}

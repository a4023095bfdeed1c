// https://streams.spec.whatwg.org/, by web-streams-polyfill (MIT, Mattias Buelens and contributors), which follows the
// standard's reference implementation and passes its tests.
import './parts/dom-exception.js'
import {
  ByteLengthQueuingStrategy,
  CountQueuingStrategy,
  ReadableByteStreamController,
  ReadableStream,
  ReadableStreamBYOBReader,
  ReadableStreamBYOBRequest,
  ReadableStreamDefaultController,
  ReadableStreamDefaultReader,
  TransformStream,
  TransformStreamDefaultController,
  WritableStream,
  WritableStreamDefaultController,
  WritableStreamDefaultWriter,
} from 'web-streams-polyfill'

export const streamClasses: readonly Function[] = [
  ByteLengthQueuingStrategy,
  CountQueuingStrategy,
  ReadableByteStreamController,
  ReadableStream,
  ReadableStreamBYOBReader,
  ReadableStreamBYOBRequest,
  ReadableStreamDefaultController,
  ReadableStreamDefaultReader,
  TransformStream,
  TransformStreamDefaultController,
  WritableStream,
  WritableStreamDefaultController,
  WritableStreamDefaultWriter,
]

for (const { prototype, name } of streamClasses as readonly { prototype: object; name: string }[]) system.mark(prototype, name)

export { ReadableStream, ReadableStreamDefaultReader, TransformStream, WritableStream }

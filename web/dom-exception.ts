// https://webidl.spec.whatwg.org/#idl-DOMException
import { registerCloner, throwWith } from './clone.js'
import { constants, shape } from './idl.js'

const CODES: Record<string, number> = {
  IndexSizeError: 1,
  HierarchyRequestError: 3,
  WrongDocumentError: 4,
  InvalidCharacterError: 5,
  NoModificationAllowedError: 7,
  NotFoundError: 8,
  NotSupportedError: 9,
  InUseAttributeError: 10,
  InvalidStateError: 11,
  SyntaxError: 12,
  InvalidModificationError: 13,
  NamespaceError: 14,
  InvalidAccessError: 15,
  TypeMismatchError: 17,
  SecurityError: 18,
  NetworkError: 19,
  AbortError: 20,
  URLMismatchError: 21,
  QuotaExceededError: 22,
  TimeoutError: 23,
  InvalidNodeTypeError: 24,
  DataCloneError: 25,
}

const captureStackTrace = Reflect.get(Error, 'captureStackTrace') as ((error: object, until: Function) => void) | undefined

/** What is constructed is an object that is there already: so a class below can put private fields on it. */
const Own = function (this: unknown, object: object) {
  return object
} as unknown as new (object: object) => object

class Fields extends Own {
  readonly #name: string
  readonly #message: string

  constructor(object: object, name: string, message: string) {
    super(object)
    this.#name = name
    this.#message = message
  }

  static put(error: object, name: string, message: string): void {
    Reflect.construct(Fields, [error, name, message])
  }

  static isOn(object: object): object is Fields {
    return #name in object
  }

  static nameOf(object: Fields): string {
    return object.#name
  }

  static messageOf(object: Fields): string {
    return object.#message
  }
}

/**
 * An error object in all respects: it has a stack, and crosses to the host as an error does. For that its message is a
 * property of its own, beside the prototype's.
 */
export class DOMException {
  declare readonly stack?: string
  declare cause?: unknown

  constructor(message: unknown = '', options: unknown = 'Error') {
    const isDictionary = typeof options === 'object' && options !== null
    const { name, cause } = isDictionary ? (options as { name?: unknown; cause?: unknown }) : { name: options, cause: undefined }
    const text = `${message as string}`
    const error = Reflect.construct(Error, [text], new.target) as DOMException
    Fields.put(error, name === undefined ? 'Error' : `${name as string}`, text)
    if (isDictionary && 'cause' in options) Object.defineProperty(error, 'cause', { value: cause, writable: true, configurable: true })
    // Again, now that it has a name.
    captureStackTrace?.(error, DOMException)
    return error
  }

  get name(): string {
    // While V8 writes the stack of a new error, it has no name yet.
    return Fields.isOn(this) ? Fields.nameOf(this) : 'Error'
  }

  get message(): string {
    return Fields.isOn(this) ? Fields.messageOf(this) : ''
  }

  get code(): number {
    return CODES[this.name] ?? 0
  }
}

Object.setPrototypeOf(DOMException.prototype, Error.prototype)
shape(DOMException, 'DOMException')
constants(DOMException, {
  INDEX_SIZE_ERR: 1,
  DOMSTRING_SIZE_ERR: 2,
  HIERARCHY_REQUEST_ERR: 3,
  WRONG_DOCUMENT_ERR: 4,
  INVALID_CHARACTER_ERR: 5,
  NO_DATA_ALLOWED_ERR: 6,
  NO_MODIFICATION_ALLOWED_ERR: 7,
  NOT_FOUND_ERR: 8,
  NOT_SUPPORTED_ERR: 9,
  INUSE_ATTRIBUTE_ERR: 10,
  INVALID_STATE_ERR: 11,
  SYNTAX_ERR: 12,
  INVALID_MODIFICATION_ERR: 13,
  NAMESPACE_ERR: 14,
  INVALID_ACCESS_ERR: 15,
  VALIDATION_ERR: 16,
  TYPE_MISMATCH_ERR: 17,
  SECURITY_ERR: 18,
  NETWORK_ERR: 19,
  ABORT_ERR: 20,
  URL_MISMATCH_ERR: 21,
  QUOTA_EXCEEDED_ERR: 22,
  TIMEOUT_ERR: 23,
  INVALID_NODE_TYPE_ERR: 24,
  DATA_CLONE_ERR: 25,
})

registerCloner((object) => {
  if (!Fields.isOn(object)) return undefined
  const { stack } = object as unknown as DOMException
  return () => {
    const clone = new DOMException(Fields.messageOf(object), Fields.nameOf(object))
    Object.defineProperty(clone, 'stack', { value: stack, writable: true, configurable: true })
    return clone
  }
})

throwWith(DOMException)

globalThis.self = globalThis

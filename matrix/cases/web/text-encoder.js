globalThis.TextEncoder = class TextEncoder {
  encode(text = '') {
    // Percent-encoding is UTF-8 already.
    const bytes = encodeURIComponent(String(text).toWellFormed()).replace(/%(..)/g, (_, hex) => String.fromCharCode(parseInt(hex, 16)))
    return Uint8Array.from(bytes, (character) => character.charCodeAt(0))
  }
}

{
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
  globalThis.atob = (text) => {
    let bits = 0
    let count = 0
    let result = ''
    for (const character of String(text).replace(/=+$/, '')) {
      const value = alphabet.indexOf(character)
      if (value < 0) throw new Error(`atob: ${character} is not of base64`)
      bits = ((bits << 6) | value) & 0xffff
      count += 6
      if (count >= 8) {
        count -= 8
        result += String.fromCharCode((bits >> count) & 0xff)
      }
    }
    return result
  }
}

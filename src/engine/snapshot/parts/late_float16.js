// Math.f16round and the Float16 methods of DataView.
(base) => {
  'use strict'
  const { uncurry } = base
  const { abs } = Math
  const { is } = Object
  const getUint16 = uncurry(DataView.prototype.getUint16)
  const setUint16 = uncurry(DataView.prototype.setUint16)
  const setFloat64 = uncurry(DataView.prototype.setFloat64)
  const getUint32 = uncurry(DataView.prototype.getUint32)
  const word = new DataView(new ArrayBuffer(8))

  const LARGEST_BELOW_INFINITY = 65520
  const LEAST_EXPONENT = -14
  const FRACTION_BITS = 10
  // Adding it leaves no bits for a fraction, and rounds ties to even.
  const ROUNDER = 2 ** 52

  const isNegative = (number) => number < 0 || is(number, -0)

  /** A number as float16: exponent, and fraction in units of the exponent's last place. */
  const round = (number) => {
    const magnitude = abs(number)
    setFloat64(word, 0, magnitude)
    const exponent = (getUint32(word, 0) >>> 20) - 1023
    const scale = exponent < LEAST_EXPONENT ? LEAST_EXPONENT : exponent
    const units = magnitude * 2 ** (FRACTION_BITS - scale) + ROUNDER - ROUNDER
    return { __proto__: null, scale, units }
  }

  const f16round = (number) => {
    if (number - number !== 0) return number
    if (abs(number) >= LARGEST_BELOW_INFINITY) return number < 0 ? -Infinity : Infinity
    const { scale, units } = round(number)
    const rounded = units * 2 ** (scale - FRACTION_BITS)
    return isNegative(number) ? -rounded : rounded
  }

  const encode = (number) => {
    if (number !== number) return 0x7e00
    const sign = isNegative(number) ? 0x8000 : 0
    if (abs(number) >= LARGEST_BELOW_INFINITY) return sign | 0x7c00
    const { scale, units } = round(number)
    // A normal number's leading bit adds one to the exponent field, and so does rounding up to the next power.
    return sign | (((scale - LEAST_EXPONENT) << FRACTION_BITS) + units)
  }

  const decode = (bits) => {
    const exponent = (bits >>> FRACTION_BITS) & 0x1f
    const fraction = bits & 0x3ff
    let magnitude
    if (exponent === 0x1f) magnitude = fraction === 0 ? Infinity : NaN
    else if (exponent === 0) magnitude = fraction * 2 ** (LEAST_EXPONENT - FRACTION_BITS)
    else magnitude = (fraction + 1024) * 2 ** (exponent - 15 - FRACTION_BITS)
    return bits >>> 15 ? -magnitude : magnitude
  }

  return [
    ['Math', Math, {
      f16round(number) {
        return f16round(+number)
      },
    }],
    ['DataView.prototype', DataView.prototype, {
      getFloat16(byteOffset, littleEndian = undefined) {
        return decode(getUint16(this, byteOffset, littleEndian))
      },
      setFloat16(byteOffset, value, littleEndian = undefined) {
        // An object, because the offset must be converted before the value.
        const bits = {
          __proto__: null,
          valueOf() {
            return encode(+value)
          },
        }
        setUint16(this, byteOffset, bits, littleEndian)
      },
    }],
  ]
}

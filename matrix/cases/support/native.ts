// Loaded before core-js, which puts a Function.prototype.toString of its own in place that shows its functions as native ones.
const { call, toString } = Function.prototype
const sourceOf = call.bind(toString) as (value: unknown) => string

export function isNative(value: unknown): boolean {
  return typeof value === 'function' && sourceOf(value).endsWith('{ [native code] }')
}

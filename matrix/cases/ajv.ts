import { Ajv } from 'ajv'

const ajv = new Ajv({ allErrors: true, useDefaults: true, coerceTypes: true })
ajv.addKeyword({ keyword: 'even', type: 'number', validate: (wanted: boolean, data: number) => !wanted || data % 2 === 0 })
const validate = ajv.compile({
  type: 'object',
  required: ['id', 'items'],
  additionalProperties: false,
  properties: {
    id: { type: 'string', pattern: '^[a-z]+-\\d+$' },
    note: { type: 'string', default: 'none' },
    items: { type: 'array', minItems: 1, uniqueItems: true, items: { $ref: '#/$defs/item' } },
  },
  $defs: { item: { type: 'object', required: ['sku'], properties: { sku: { type: 'string' }, count: { type: 'integer', even: true } }, if: { properties: { sku: { const: 'X' } } }, then: { required: ['count'] } } },
})

export const input = [
  { id: 'order-1', items: [{ sku: 'A', count: '4' }] },
  { id: 'Order', items: [{ sku: 'X' }, { sku: 'X' }, { count: 3 }], more: true },
]

export function answer(orders: typeof input) {
  // Compiled in this very call, too: that is `new Function`.
  const late = new Ajv().compile({ type: 'array', minItems: 2, items: [{ type: 'number' }, { enum: ['a', 'b'] }], additionalItems: false })
  return {
    orders: orders.map((order) => {
      const copy = JSON.parse(JSON.stringify(order)) as unknown
      return { ok: validate(copy), copy, errors: validate.errors?.map(({ instancePath, keyword, message, params }) => ({ instancePath, keyword, message, params })) }
    }),
    late: [late([1, 'a']), late([1, 'c'])],
  }
}

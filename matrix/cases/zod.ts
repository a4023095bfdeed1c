import { z } from 'zod'

const User = z.object({
  id: z.uuid(),
  email: z.email(),
  age: z.coerce.number().int().min(18),
  roles: z.array(z.enum(['admin', 'editor'])).min(1).transform((roles) => new Set(roles)),
  address: z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('street'), street: z.string().trim().min(1) }),
    z.object({ kind: z.literal('box'), box: z.number() }),
  ]),
  born: z.iso.date().transform((text) => new Date(text)).optional(),
}).refine(({ roles, age }) => !roles.has('admin') || age >= 21, { error: 'admins are 21 or older', path: ['roles'] })

export const input = {
  good: { id: '7f0a1f53-8ae9-4b3e-a0f6-3c5f0a3d2c11', email: 'ada@example.com', age: '36', roles: ['admin'], address: { kind: 'street', street: ' High St ' }, born: '1988-12-10' },
  bad: { id: 'x', email: 'nobody', age: 17.5, roles: ['root'], address: { kind: 'boat' } },
  young: { id: '7f0a1f53-8ae9-4b3e-a0f6-3c5f0a3d2c11', email: 'bob@example.com', age: 20, roles: ['admin'], address: { kind: 'box', box: 7 } },
}

export function answer({ good, bad, young }: typeof input) {
  const failed = User.safeParse(bad)
  return {
    good: User.parse(good),
    issues: failed.error?.issues.map(({ code, path, message }) => ({ code, path, message })),
    young: z.prettifyError(User.safeParse(young).error!),
    schema: z.toJSONSchema(z.object({ a: z.string().max(5), b: z.tuple([z.number(), z.boolean()]) })),
  }
}

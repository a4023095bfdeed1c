import * as v from 'valibot'

const Login = v.pipe(
  v.object({
    email: v.pipe(v.string(), v.trim(), v.email()),
    password: v.pipe(v.string(), v.minLength(8), v.regex(/\d/, 'needs a digit')),
    again: v.string(),
    when: v.pipe(v.string(), v.isoTimestamp(), v.transform((text) => new Date(text))),
    tags: v.optional(v.record(v.string(), v.union([v.number(), v.boolean()])), {}),
  }),
  v.forward(v.partialCheck([['password'], ['again']], ({ password, again }) => password === again, 'they differ'), ['again']),
)

export const input = [
  { email: ' a@b.co ', password: 'secret123', again: 'secret123', when: '2024-01-02T03:04:05Z' },
  { email: 'a@b', password: 'short', again: 'other', when: 'now', tags: { a: 'x' } },
]

export function answer(logins: typeof input) {
  return logins.map((login) => {
    const { success, output, issues } = v.safeParse(Login, login)
    return success ? output : v.flatten(issues)
  })
}

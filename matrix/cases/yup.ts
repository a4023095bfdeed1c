import * as yup from 'yup'

const Person = yup.object({
  name: yup.string().trim().required(),
  age: yup.number().positive().integer().required(),
  site: yup.string().url().nullable(),
  since: yup.date().min(new Date('2000-01-01T00:00:00Z')).default(() => new Date(0)),
  guardian: yup.string().when('age', { is: (age: number) => age < 18, then: (schema) => schema.required(), otherwise: (schema) => schema.strip() }),
})

export const input = [
  { name: ' Ada ', age: '36', site: 'https://example.com/', since: '2020-02-03', guardian: 'x' },
  { name: '', age: -1.5, site: 'nowhere', since: '1999-01-01' },
]

export async function answer(people: typeof input) {
  const settled = await Promise.allSettled(people.map((person) => Person.validate(person, { abortEarly: false })))
  return settled.map((one) => (one.status === 'fulfilled' ? one.value : (one.reason as yup.ValidationError).inner.map(({ path, type, message }) => ({ path, type, message }))))
}

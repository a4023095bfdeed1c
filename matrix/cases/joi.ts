import Joi from 'joi'

const schema = Joi.object({
  username: Joi.string().alphanum().min(3).max(30).required(),
  password: Joi.string().pattern(/^[a-zA-Z0-9]{3,30}$/),
  repeat: Joi.ref('password'),
  token: [Joi.string(), Joi.number()],
  year: Joi.number().integer().min(1900).max(2013),
  email: Joi.string().email({ minDomainSegments: 2, tlds: false }),
  due: Joi.date().iso().greater('2020-01-01'),
}).with('username', 'year').xor('password', 'token').with('password', 'repeat')

export const input = [
  { username: 'abc', year: '1994', password: 'abc123', repeat: 'abc123', due: '2021-01-01T00:00:00Z' },
  { username: 'a!', email: 'x@y', year: 2050, password: 'ok1', token: 't' },
]

export function answer(forms: typeof input) {
  return forms.map((form) => {
    const { error, value } = schema.validate(form, { abortEarly: false })
    return { value: value as unknown, errors: error?.details.map(({ message, path, type }) => ({ message, path, type })) }
  })
}

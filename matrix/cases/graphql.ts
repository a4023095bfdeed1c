import { buildSchema, graphql, parse, print, validate, visit } from 'graphql'

const schema = buildSchema(`
  enum Role { ADMIN USER }
  interface Node { id: ID! }
  type User implements Node { id: ID!, name(upper: Boolean = false): String!, role: Role!, friends(first: Int!): [User!]! }
  type Query { user(id: ID!): User, boom: String }
`)

export const input = {
  query: 'query Q($id: ID!, $n: Int = 2) { user(id: $id) { ...f friends(first: $n) { ...f } } boom } fragment f on User { __typename id loud: name(upper: true) role }',
  wrong: '{ user { nme } }',
}

export async function answer({ query, wrong }: typeof input) {
  const user = (id: string): object => ({
    id,
    role: id === '1' ? 'ADMIN' : 'USER',
    name: ({ upper }: { upper: boolean }) => (upper ? `USER ${id}` : `user ${id}`),
    friends: async ({ first }: { first: number }) => Array.from({ length: first }, (_, i) => user(`${id}.${i}`)),
  })
  const result = await graphql({ schema, source: query, variableValues: { id: '1' }, rootValue: { user: ({ id }: { id: string }) => user(id), boom: () => Promise.reject(new Error('no')) } })
  const fields: string[] = []
  visit(parse(query), { Field: ({ name }) => void fields.push(name.value) })
  return { result: JSON.parse(JSON.stringify(result)) as unknown, printed: print(parse(query)), fields, errors: validate(schema, parse(wrong)).map(({ message }) => message) }
}

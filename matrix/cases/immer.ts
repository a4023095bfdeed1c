import { applyPatches, current, enableMapSet, enablePatches, isDraft, produce, produceWithPatches } from 'immer'

enableMapSet()
enablePatches()

export const input = { users: [{ id: 1, tags: ['a'] }, { id: 2, tags: [] as string[] }], byId: new Map([[1, { seen: new Set(['x']) }]]) }

export function answer(base: typeof input) {
  const [next, patches, inverse] = produceWithPatches(base, (draft) => {
    draft.users[1]!.tags.push('b', 'c')
    draft.users.unshift({ id: 0, tags: [] })
    draft.byId.get(1)!.seen.add('y')
    draft.byId.set(2, { seen: new Set() })
  })
  const log: unknown[] = []
  const same = produce(base, (draft) => {
    log.push(isDraft(draft.users), current(draft.users[0]!))
  })
  let error = ''
  try {
    next.users.push({ id: 9, tags: [] })
  } catch (thrown) {
    error = (thrown as Error).name
  }
  return { next, patches, back: applyPatches(next, inverse), shared: next.users[1] === base.users[0], same: same === base, log, error }
}

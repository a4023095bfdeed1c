import { assign, createActor, createMachine, fromPromise, toPromise, waitFor } from 'xstate'

const machine = createMachine({
  id: 'order',
  initial: 'cart',
  context: ({ input: wanted }) => ({ items: [] as string[], limit: (wanted as { limit: number }).limit, receipt: '' }),
  states: {
    cart: {
      on: {
        add: { guard: ({ context }) => context.items.length < context.limit, actions: assign({ items: ({ context, event }) => [...context.items, event.item as string] }) },
        pay: { guard: ({ context }) => context.items.length > 0, target: 'paying' },
      },
    },
    paying: {
      type: 'parallel',
      states: {
        money: { initial: 'open', states: { open: { invoke: { src: fromPromise(async ({ input: items }) => `paid ${(items as string[]).length}`), input: ({ context }) => context.items, onDone: { target: 'done', actions: assign({ receipt: ({ event }) => event.output }) } } }, done: { type: 'final' } } },
        mail: { initial: 'draft', states: { draft: { on: { send: 'sent' } }, sent: { after: { 1: 'delivered' } }, delivered: { type: 'final' } } },
      },
      onDone: 'finished',
    },
    finished: { type: 'final' },
  },
  output: ({ context }) => context.receipt,
})

export const input = ['tea', 'ice', 'one too many']

export async function answer(items: typeof input) {
  const actor = createActor(machine, { input: { limit: 2 } })
  const seen: unknown[] = []
  actor.subscribe((state) => void seen.push(state.value))
  actor.start()
  actor.send({ type: 'pay' })
  for (const item of items) actor.send({ type: 'add', item })
  actor.send({ type: 'pay' })
  await waitFor(actor, (state) => state.matches({ paying: { money: 'done' } }), { timeout: Infinity })
  const saved = JSON.stringify(actor.getPersistedSnapshot())
  actor.send({ type: 'send' })
  return { output: await toPromise(actor), seen, context: actor.getSnapshot().context, saved: saved.includes('"money":"done"') }
}

import { combine, persist, subscribeWithSelector } from 'zustand/middleware'
import { createStore } from 'zustand/vanilla'

const disk = new Map<string, string>()
const storage = { getItem: (name: string) => JSON.parse(disk.get(name) ?? 'null'), setItem: (name: string, value: unknown) => void disk.set(name, JSON.stringify(value)), removeItem: (name: string) => void disk.delete(name) }
const store = createStore(
  subscribeWithSelector(persist(combine({ bears: 0, names: [] as string[] }, (set, get) => ({
    add: (name: string) => set({ bears: get().bears + 1, names: [...get().names, name] }),
    reset: () => set(store.getInitialState(), true),
  })), { name: 'bears', storage, partialize: ({ bears }) => ({ bears }) })),
)

export const input = ['Ada', 'Bob']

export function answer(names: typeof input) {
  const seen: [number, number][] = []
  const stop = store.subscribe(({ bears }) => bears, (now, before) => void seen.push([now, before]))
  for (const name of names) store.getState().add(name)
  stop()
  const { bears, names: all } = store.getState()
  const saved = disk.get('bears')
  store.getState().reset()
  return { bears, all, seen, saved, after: store.getState().bears }
}

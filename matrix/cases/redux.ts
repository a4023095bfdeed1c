import { applyMiddleware, bindActionCreators, combineReducers, createStore } from 'redux'

interface Action { type: string; id?: number; text?: string }
const todos = (state: { id: number; text: string; done: boolean }[] = [], { type, id, text }: Action) => {
  if (type === 'add') return [...state, { id: id!, text: text!, done: false }]
  return type === 'toggle' ? state.map((todo) => (todo.id === id ? { ...todo, done: !todo.done } : todo)) : state
}
const count = (state = 0, { type }: Action) => (type.startsWith('@@') ? state : state + 1)

export const input = ['tea', 'ice']

export function answer(texts: typeof input) {
  const log: string[] = []
  const logger = () => (next: (action: unknown) => unknown) => (action: unknown) => {
    log.push((action as Action).type)
    return next(action)
  }
  const store = createStore(combineReducers({ todos, count }), applyMiddleware(logger))
  const seen: number[] = []
  const stop = store.subscribe(() => void seen.push(store.getState().todos.length))
  const { add, toggle } = bindActionCreators({ add: (text: string, id: number) => ({ type: 'add', text, id }), toggle: (id: number) => ({ type: 'toggle', id }) }, store.dispatch)
  texts.forEach((text, id) => add(text, id))
  stop()
  toggle(1)
  let error = ''
  try {
    store.dispatch((() => {}) as never)
  } catch (thrown) {
    error = (thrown as Error).name
  }
  return { state: store.getState(), log: log.slice(0, 3), seen, error }
}

import { autorun, computed, makeAutoObservable, observable, reaction, runInAction, toJS, when } from 'mobx'

class Cart {
  lines = [] as { name: string; cents: number }[]
  rate = 1
  constructor() {
    makeAutoObservable(this)
  }
  get total() {
    return this.lines.reduce((sum, { cents }) => sum + cents, 0) * this.rate
  }
  add(name: string, cents: number) {
    this.lines.push({ name, cents })
  }
}

export const input = [['tea', 199], ['ice', 250]] as [string, number][]

export async function answer(lines: typeof input) {
  const cart = new Cart()
  const totals: number[] = []
  const names: string[][] = []
  const stops = [autorun(() => void totals.push(cart.total)), reaction(() => cart.lines.map(({ name }) => name), (now) => void names.push([...now]))]
  const full = when(() => cart.lines.length === lines.length)
  for (const [name, cents] of lines) cart.add(name, cents)
  await full
  runInAction(() => {
    cart.rate = 2
    cart.lines[0]!.cents = 100
  })
  for (const stop of stops) stop()
  const box = observable.map({ a: 1 })
  const size = computed(() => box.size)
  box.set('b', 2)
  return { totals, names, plain: toJS(cart.lines), size: size.get() }
}

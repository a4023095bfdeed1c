// What a model answered: TypeScript, as text. Nobody has read it before it runs.

/** Plans a trip with the tools, and returns what it found. */
export const plan = `
interface Offer { id: string; price: number; celsius: number }

const cities = ['LIS', 'MAD']
const offers: Offer[] = []
for (const city of cities) {
  const [flights, { celsius }] = await Promise.all([searchFlights({ from: 'ZRH', to: city }), weather(city)])
  console.log('%d flights to %s', flights.length, city)
  for (const { id, price } of flights) offers.push({ id, price, celsius })
}
console.table(offers)
const best = sortBy(offers.filter(({ celsius }) => celsius < 30), 'price')[0]!
const { confirmation } = await book(best.id)
export default { best, confirmation }
`

/** Handles a tool that fails. */
export const retry = `
const tried: string[] = []
for (const id of ['XX-0', 'TP-7', 'LX-1']) {
  try {
    await book(id)
    tried.push(id + ': booked')
  } catch (error) {
    tried.push(id + ': ' + (error as { code: string }).code)
  }
}
export default tried
`

/** Is wrong: the error shows the model its own lines. */
export const wrong = `
function total(flights: { price: number }[]): number {
  return flights.map((flight) => flight.fare.amount).reduce((a, b) => a + b)
}

export default total(await searchFlights({ from: 'ZRH', to: 'LIS' }))
`

/** Forgets to await a tool that fails. */
export const forgetful = `
book('XX-0')
export default 'done'
`

/** Never ends. */
export const runaway = `
for (let n = 0; ; n++) if (n % 1e6 === 0) console.log('still here', n)
`

/** Takes all the memory there is. */
export const greedy = `
const all: string[][] = []
for (;;) all.push(new Array(1e5).fill('more'))
`

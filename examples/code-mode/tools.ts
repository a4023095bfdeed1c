// What the host lets a model's program do: ordinary typed functions. The program sees them as globals.
import type { GuestBindings } from 'isoseed'

export interface Flight {
  id: string
  from: string
  to: string
  price: number
  seats: number
}

const flights: Flight[] = [
  { id: 'LX-1', from: 'ZRH', to: 'LIS', price: 240, seats: 3 },
  { id: 'TP-7', from: 'ZRH', to: 'LIS', price: 180, seats: 1 },
  { id: 'IB-4', from: 'ZRH', to: 'MAD', price: 150, seats: 9 },
]

/** An error whose code the program can act on. */
class BookingError extends Error {
  readonly code: string

  constructor(code: string, message: string) {
    super(message)
    this.code = code
  }
}

/** The tools of one conversation, and what was done with them. */
export function makeTools() {
  const booked: string[] = []
  const tools = {
    searchFlights: async ({ from, to }: { from: string; to: string }) => flights.filter((flight) => flight.from === from && flight.to === to),
    weather: async (city: string) => ({ city, celsius: city === 'LIS' ? 24 : 31 }),
    book: async (id: string) => {
      const flight = flights.find((each) => each.id === id)
      if (flight === undefined) throw new BookingError('UNKNOWN_FLIGHT', `there is no flight ${JSON.stringify(id)}`)
      if (booked.includes(id)) throw new BookingError('SOLD_OUT', `${id} has no seat left`)
      booked.push(id)
      return { confirmation: `${id}-${booked.length}`, price: flight.price }
    },
  }
  return { tools, booked }
}

/** The tools as a program sees them: what a model is shown in its prompt. */
export type Tools = GuestBindings<ReturnType<typeof makeTools>['tools']>

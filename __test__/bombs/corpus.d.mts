export interface Bomb {
  group: string
  expect: string[]
  isHeavy?: boolean
  isOnHelpers?: boolean
  isHostMade?: boolean
}

export const bombs: Record<string, Bomb>

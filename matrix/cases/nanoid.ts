import { customRandom, urlAlphabet } from 'nanoid'

export const input = { seed: 42, sizes: [5, 21, 64] }

export function answer({ seed, sizes }: typeof input) {
  let state = seed
  const bytes = (count: number) =>
    Uint8Array.from({ length: count }, () => {
      state = (state * 1_103_515_245 + 12_345) % 2_147_483_648
      return state >> 8
    })
  return sizes.map((size) => [customRandom(urlAlphabet, size, bytes)(), customRandom('abc0123', size, bytes)()])
}

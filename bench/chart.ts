// A chart of lines as SVG, without anything else: readable on light and dark pages.

export interface Series {
  name: string
  points: readonly (readonly [x: number, y: number])[]
}

export interface Axis {
  label: string
  /** Whether each step is a multiple of the last. */
  logarithmic?: boolean
}

export interface Chart {
  title: string
  /** What is below the title: when and where it was taken. */
  subtitle: string
  x: Axis
  y: Axis
  series: readonly Series[]
}

const WIDTH = 760
const HEIGHT = 460
const PLOT = { left: 76, right: 24, top: 66, bottom: 112 }
const COLOURS = ['#0969da', '#cf222e', '#1a7f37', '#9a6700', '#8250df', '#57606a', '#bf3989', '#0a7d8c']

/** Draws it. A point without a finite value, or one that a logarithm can't show, is left out. */
export function svg({ title, subtitle, x, y, series }: Chart): string {
  const shown = series.map(({ name, points }) => ({ name, points: points.filter(([a, b]) => isShown(a, x) && isShown(b, y)) }))
  const xs = shown.flatMap(({ points }) => points.map(([value]) => value))
  const ys = shown.flatMap(({ points }) => points.map(([, value]) => value))
  if (xs.length === 0) throw new RangeError(`the chart "${title}" has no points`)
  const across = scale(x, xs, PLOT.left, WIDTH - PLOT.right)
  const up = scale(y, ys, HEIGHT - PLOT.bottom, PLOT.top)
  const right = WIDTH - PLOT.right
  const bottom = HEIGHT - PLOT.bottom
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" role="img" font-family="system-ui, sans-serif" font-size="12">`,
    `<title>${escaped(title)}</title>`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#ffffff"/>`,
    text(PLOT.left, 26, title, 'font-size="16" font-weight="600" fill="#1f2328"'),
    text(PLOT.left, 46, subtitle, 'fill="#59636e"'),
  ]
  for (const tick of across.ticks) {
    const at = across.place(tick)
    parts.push(line(at, PLOT.top, at, bottom, '#d8dee4'), text(at, bottom + 18, tickText(tick), 'text-anchor="middle" fill="#59636e"'))
  }
  for (const tick of up.ticks) {
    const at = up.place(tick)
    parts.push(line(PLOT.left, at, right, at, '#d8dee4'), text(PLOT.left - 8, at + 4, tickText(tick), 'text-anchor="end" fill="#59636e"'))
  }
  parts.push(text((PLOT.left + right) / 2, bottom + 38, x.label, 'text-anchor="middle" fill="#1f2328"'))
  const middle = (PLOT.top + bottom) / 2
  parts.push(text(18, middle, y.label, `text-anchor="middle" fill="#1f2328" transform="rotate(-90 18 ${middle})"`))
  let legend = PLOT.left
  let row = 0
  for (const [index, { name, points }] of shown.entries()) {
    const colour = COLOURS[index % COLOURS.length]!
    const path = points.toSorted(([a], [b]) => a - b).map(([a, b]) => `${place(across.place(a))},${place(up.place(b))}`)
    parts.push(`<polyline points="${path.join(' ')}" fill="none" stroke="${colour}" stroke-width="2"/>`)
    for (const point of path) parts.push(`<circle cx="${point.split(',')[0]}" cy="${point.split(',')[1]}" r="3" fill="${colour}"/>`)
    const width = 34 + name.length * 6.6
    if (legend > PLOT.left && legend + width > right) [legend, row] = [PLOT.left, row + 1]
    const at = bottom + 58 + row * 18
    parts.push(line(legend, at - 4, legend + 18, at - 4, colour, 3), text(legend + 24, at, name, 'fill="#1f2328"'))
    legend += width
  }
  return `${[...parts, '</svg>'].join('\n')}\n`
}

function isShown(value: number, { logarithmic = false }: Axis): boolean {
  return Number.isFinite(value) && (!logarithmic || value > 0)
}

interface Scale {
  ticks: number[]
  place(value: number): number
}

function scale({ logarithmic = false }: Axis, values: readonly number[], from: number, to: number): Scale {
  const [least, most] = [Math.min(...values), Math.max(...values)]
  if (logarithmic) {
    const [low, high] = [Math.log10(least), Math.log10(most)]
    const [first, last] = low === high ? [low - 0.5, high + 0.5] : [low, high]
    const steps = last - first > 2.5 ? [1] : [1, 2, 5]
    const ticks: number[] = []
    for (let power = Math.floor(first); power <= Math.ceil(last); power += 1) ticks.push(...steps.map((step) => step * 10 ** power))
    return { ticks: ticks.filter((tick) => Math.log10(tick) >= first - 1e-9 && Math.log10(tick) <= last + 1e-9), place: (value) => from + ((Math.log10(value) - first) / (last - first)) * (to - from) }
  }
  // From zero, so that a line's height says what it is.
  const top = most <= 0 ? 1 : most
  const rough = top / 5
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = [1, 2, 5, 10].map((times) => times * power).find((size) => size >= rough)!
  const ceiling = Math.ceil(top / step) * step
  const count = Math.round(ceiling / step)
  return { ticks: Array.from({ length: count + 1 }, (_, index) => index * step), place: (value) => from + (value / ceiling) * (to - from) }
}

function tickText(value: number): string {
  if (value >= 1e6) return `${Number((value / 1e6).toPrecision(3))} M`
  return String(Number(value.toPrecision(6)))
}

function place(value: number): string {
  return value.toFixed(1)
}

function text(x: number, y: number, content: string, attributes: string): string {
  return `<text x="${place(x)}" y="${place(y)}" ${attributes}>${escaped(content)}</text>`
}

function line(x1: number, y1: number, x2: number, y2: number, colour: string, width = 1): string {
  return `<line x1="${place(x1)}" y1="${place(y1)}" x2="${place(x2)}" y2="${place(y2)}" stroke="${colour}" stroke-width="${width}"/>`
}

function escaped(content: string): string {
  return content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
}

import peggy from 'peggy'

export const input = {
  grammar: `
    list = "[" _ items:(@value _ ","? _)* "]" { return items }
    value = list / pair / number / word
    pair = key:word _ ":" _ value:value { return { [key]: value } }
    number "number" = digits:$[0-9]+ { return parseInt(digits, 10) }
    word "word" = $([a-z]i [a-z0-9]i*)
    _ "space" = [ \\t\\n]*`,
  texts: ['[1, a, [b:2, c:[3]], x1]', '[1, \n  ?]'],
}

export function answer({ grammar, texts }: typeof input) {
  const parser = peggy.generate(grammar)
  return texts.map((text) => {
    try {
      return parser.parse(text) as unknown
    } catch (error) {
      const { message, location } = error as Error & { location: { start: object } }
      return { message, ...location.start }
    }
  })
}

import katex from 'katex'

export const input = ['c = \\pm\\sqrt{a^2 + b^2}', '\\int_0^\\infty e^{-x^2}\\,dx = \\frac{\\sqrt{\\pi}}{2}', '\\begin{pmatrix} a & b \\\\ c & d \\end{pmatrix}^{-1}']

export function answer(formulas: typeof input) {
  let error = ''
  try {
    katex.renderToString('\\frac{a')
  } catch (thrown) {
    error = (thrown as Error).message
  }
  return { html: formulas.map((formula) => katex.renderToString(formula, { displayMode: true, macros: { '\\R': '\\mathbb{R}' } })), error }
}

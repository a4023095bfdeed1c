// The libraries of the matrix, in the order of the table. What each is asked is in cases/.
import type { WebBridgePart } from 'isoseed'

export interface Library {
  /** Its name on npm. */
  name: string
  kind: 'utility' | 'date' | 'validation' | 'parser' | 'compiler' | 'template' | 'rendering' | 'math' | 'state'
  /** What the question uses, where that is not the package's main entry. */
  entry?: string
  /** What it takes from the web platform and a bare isolate has not: parts of the web bridge. */
  web?: readonly WebBridgePart[]
  /** Whether it looks for `self`, which is in browsers and workers. */
  self?: true
}

export const libraries: readonly Library[] = [
  { name: 'core-js', kind: 'utility', entry: 'core-js/actual' },
  { name: 'i18next', kind: 'utility' },
  { name: 'intl-messageformat', kind: 'utility' },
  { name: 'lodash', kind: 'utility' },
  { name: 'nanoid', kind: 'utility' },
  { name: 'ramda', kind: 'utility' },
  { name: 'uuid', kind: 'utility' },
  { name: 'date-fns', kind: 'date' },
  { name: 'dayjs', kind: 'date' },
  { name: 'luxon', kind: 'date' },
  { name: 'moment', kind: 'date' },
  { name: 'ajv', kind: 'validation' },
  { name: 'io-ts', kind: 'validation' },
  { name: 'joi', kind: 'validation', web: ['encoding', 'url'], self: true },
  { name: 'superstruct', kind: 'validation' },
  { name: 'valibot', kind: 'validation' },
  { name: 'yup', kind: 'validation' },
  { name: 'zod', kind: 'validation' },
  { name: 'acorn', kind: 'parser' },
  { name: 'cheerio', kind: 'parser', web: ['base64'] },
  { name: 'chevrotain', kind: 'parser' },
  { name: 'espree', kind: 'parser' },
  { name: 'esprima', kind: 'parser' },
  { name: 'fast-xml-parser', kind: 'parser' },
  { name: 'filtrex', kind: 'parser' },
  { name: 'graphql', kind: 'parser' },
  { name: 'jsonata', kind: 'parser' },
  { name: 'jsonpath-plus', kind: 'parser' },
  { name: 'papaparse', kind: 'parser' },
  { name: 'peggy', kind: 'parser' },
  { name: 'smol-toml', kind: 'parser' },
  { name: 'yaml', kind: 'parser' },
  { name: '@babel/standalone', kind: 'compiler' },
  { name: 'csso', kind: 'compiler' },
  { name: 'postcss', kind: 'compiler' },
  { name: 'prettier', kind: 'compiler', entry: 'prettier/standalone' },
  { name: 'svelte', kind: 'compiler', entry: 'svelte/compiler' },
  { name: 'terser', kind: 'compiler' },
  { name: 'typescript', kind: 'compiler' },
  { name: 'ejs', kind: 'template' },
  { name: 'handlebars', kind: 'template' },
  { name: 'mustache', kind: 'template' },
  { name: 'nunjucks', kind: 'template' },
  { name: 'd3', kind: 'rendering' },
  { name: 'highlight.js', kind: 'rendering' },
  { name: 'katex', kind: 'rendering' },
  { name: 'markdown-it', kind: 'rendering' },
  { name: 'marked', kind: 'rendering' },
  { name: 'preact', kind: 'rendering' },
  { name: 'prismjs', kind: 'rendering' },
  { name: 'react-dom', kind: 'rendering', entry: 'react-dom/server', web: ['messaging', 'encoding'] },
  { name: 'three', kind: 'rendering' },
  { name: 'vue', kind: 'rendering', entry: 'vue/server-renderer' },
  { name: 'big.js', kind: 'math' },
  { name: 'bignumber.js', kind: 'math' },
  { name: 'decimal.js', kind: 'math' },
  { name: 'fraction.js', kind: 'math' },
  { name: 'mathjs', kind: 'math' },
  { name: 'effect', kind: 'state', web: ['encoding'] },
  { name: 'immer', kind: 'state' },
  { name: 'immutable', kind: 'state' },
  { name: 'mobx', kind: 'state' },
  { name: 'redux', kind: 'state' },
  { name: 'rxjs', kind: 'state' },
  { name: 'xstate', kind: 'state', web: ['abort', 'timers'] },
  { name: 'zustand', kind: 'state' },
]

/** JavaScript to evaluate: the code itself, or the code with a name. */
export type Source = string | SourceObject

/** JavaScript to evaluate, with the name that stack traces show. */
export interface SourceObject {
  /** The code. */
  code: string
  /**
   * File name in stack traces and error positions; not empty.
   *
   * @default `bridge.js`, `bundle.js` (`bundle-1.js`, `bundle-2.js`, ... if there are several), `warmup.js`, `eval.js`
   */
  name?: string
  /**
   * How to evaluate the code.
   *
   * - `'script'`: a classic script in the global scope.
   * - `'commonjs'`: a CommonJS module. It finds `module`, `exports` and `require`; `require` finds the
   *   other modules of the same snapshot or fallback by their `name`, relative ones (`./util.js`) as
   *   seen from its own name, and in a session those of `modules`. An ES module must be evaluated before.
   * - `'module'`: an ES module. Static and dynamic imports find other modules of the same snapshot or
   *   fallback by their `name`, CommonJS modules too, and in a session those of `modules`. Later code
   *   can `import(name)` it, unless `eval` was given it.
   *
   * @default 'script'
   */
  type?: 'script' | 'commonjs' | 'module'
  /**
   * Only for modules: the global under which `module.exports`, or the ES module's namespace, is
   * published. A name or a dotted path such as `'libs.parser'`, whose objects are made if missing.
   */
  global?: string
}

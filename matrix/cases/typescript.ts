import ts from 'typescript'

export const input = {
  'globals.d.ts': `
    interface Array<T> { length: number; [n: number]: T; map<U>(f: (item: T) => U): U[] }
    interface Boolean {} interface CallableFunction {} interface Function {} interface IArguments {}
    interface NewableFunction {} interface Number { toFixed(digits: number): string } interface Object {} interface RegExp {} interface String { length: number }
    type Record<K extends keyof any, T> = { [P in K]: T }`,
  'shapes.ts': `
    export type Shape = { kind: 'circle'; radius: number } | { kind: 'square'; side: number }
    export enum Unit { Metre = 'm', Inch = 'in' }
    export function area(shape: Shape): number {
      switch (shape.kind) { case 'circle': return 3 * shape.radius ** 2; case 'square': return shape.side ** 2 }
    }`,
  'main.ts': `
    import { area, Unit } from './shapes'
    import type { Shape } from './shapes'
    const shapes: Shape[] = [{ kind: 'circle', radius: 2 }, { kind: 'square', side: '3' }]
    const total: string = shapes.map((shape) => area(shape))[0]
    class Box<T extends { id: number }> { constructor(private readonly value: T) {} get id() { return this.value.id.toFixed() } }
    export const units: Record<Unit, string> = { [Unit.Metre]: 'metre' }
    export default <const T,>(value: T) => new Box({ id: value! as unknown as number })?.id ?? total`,
}

/** Type-checks and emits a program of several files, and parses and prints one. */
export function answer(files: Record<string, string>) {
  const options: ts.CompilerOptions = { target: ts.ScriptTarget.ES2017, module: ts.ModuleKind.CommonJS, strict: true, noLib: true, declaration: true, types: [] }
  const written: Record<string, string> = {}
  const host: ts.CompilerHost = {
    getSourceFile: (name, language) => (files[name] === undefined ? undefined : ts.createSourceFile(name, files[name], language)),
    writeFile: (name, text) => void (written[name] = text),
    getDefaultLibFileName: () => 'lib.d.ts',
    useCaseSensitiveFileNames: () => true,
    getCanonicalFileName: (name) => name,
    getCurrentDirectory: () => '',
    getNewLine: () => '\n',
    fileExists: (name) => name in files,
    readFile: (name) => files[name],
  }
  const program = ts.createProgram(Object.keys(files), options, host)
  const diagnostics = ts.getPreEmitDiagnostics(program).map(({ code, file, start, messageText }) => {
    const at = file && file.getLineAndCharacterOfPosition(start!)
    return `${file?.fileName}:${at && at.line + 1}:${at && at.character + 1} TS${code} ${ts.flattenDiagnosticMessageText(messageText, '\n')}`
  })
  program.emit()
  const checker = program.getTypeChecker()
  const exported = checker.getExportsOfModule(checker.getSymbolAtLocation(program.getSourceFile('shapes.ts')!)!)
  return {
    diagnostics,
    written,
    types: exported.map((symbol) => `${symbol.name}: ${checker.typeToString(checker.getTypeOfSymbol(symbol))}`),
    transpiled: ts.transpileModule('enum E { A = 1, B } @dec class C { @dec x = <any>E.A; async m() { await using a = b } }', { compilerOptions: { target: ts.ScriptTarget.ES2018, experimentalDecorators: true } }).outputText,
  }
}

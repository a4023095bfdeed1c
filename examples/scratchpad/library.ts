// What every notebook finds ready: a table, as data people have it. Evaluated once, when the snapshot is built; a kept
// state has instances of its class, and the next process finds the class by its name.

export const library = `
  class DataFrame {
    constructor(rows) {
      this.rows = rows
    }

    /** Of text with a line of names: dates and whole numbers become such. */
    static parse(csv) {
      const [names, ...lines] = csv.trim().split('\\n').map((line) => line.split(','))
      const value = (text) => /^\\d{4}-\\d\\d-\\d\\d$/.test(text) ? new Date(text) : /^\\d+$/.test(text) ? Number(text) : text
      return new DataFrame(lines.map((cells) => Object.fromEntries(names.map((name, index) => [name, value(cells[index])]))))
    }

    get shape() {
      return [this.rows.length, Object.keys(this.rows[0] ?? {}).length]
    }

    /** The rows that pass: the same rows, not copies. */
    where(test) {
      return new DataFrame(this.rows.filter(test))
    }

    sum(column) {
      return this.rows.reduce((sum, row) => sum + row[column], 0)
    }

    /** A table for each value of a column. */
    groupBy(column) {
      return new Map(Object.entries(Object.groupBy(this.rows, (row) => row[column])).map(([value, rows]) => [value, new DataFrame(rows)]))
    }
  }

  globalThis.DataFrame = DataFrame
  globalThis.readCsv = (name) => DataFrame.parse(readText(name))`

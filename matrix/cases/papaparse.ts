import Papa from 'papaparse'

export const input = 'id;name;note;score\r\n1;"O""Brien";"two\r\nlines";3.5\r\n2;Ada;;true\r\n3;short\r\n'

export function answer(text: string) {
  const { data, errors, meta } = Papa.parse(text, { header: true, dynamicTyping: true, skipEmptyLines: true, transformHeader: (name) => name.toUpperCase() })
  return { data, errors, meta, back: Papa.unparse(data as object[], { quotes: [false, true, true, false], newline: '\n' }) }
}

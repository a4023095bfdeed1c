// What every plugin can import: `import { reply } from 'sdk'`.
export const reply = (text, ...details) => ({ text, details })

import { sessions } from '../../index.js'
import type { PrunePolicy } from '../../index.js'
import { UsageError, present } from '../arguments.js'
import { EXIT, Failure } from '../command.js'
import type { Command } from '../command.js'
import { count, formatBytes } from '../format.js'
import { jsonError, printError } from '../report.js'
import { visible } from '../terminal.js'
import { STORE_OPTIONS, withStore } from './access.js'

const MOST_REVISIONS = 2 ** 31 - 1

/** `isoseed session rm`. */
export const rm: Command = {
  options: { ...STORE_OPTIONS, force: { type: 'boolean', short: 'f' } },
  async run({ args, out, err }) {
    const ids = [...new Set(args.positionals)]
    if (ids.length === 0) throw new UsageError('<id> is missing')
    const removed: string[] = []
    const failed: { id: string; error: unknown }[] = []
    await withStore(args, false, async (store) => {
      for (const id of ids) {
        try {
          const isThere = (await store.find(id)) !== undefined
          if (isThere) {
            await sessions.delete(store, id)
            removed.push(id)
          } else if (!args.flag('force')) {
            failed.push({ id, error: new Failure(`there is no session ${JSON.stringify(id)} in the store`, 'ERR_SESSION_NOT_FOUND') })
          }
        } catch (error) {
          failed.push({ id, error })
        }
      }
    })
    const ok = failed.length === 0
    if (args.flag('json')) {
      out.json({ ok, removed, failed: failed.map(({ id, error }) => ({ id, error: jsonError(error) })) })
    } else {
      for (const id of removed) out.line(`removed ${visible(id)}`)
      for (const { error } of failed) printError(err, error)
    }
    return ok ? EXIT.ok : EXIT.failed
  },
}

/** `isoseed session prune`. */
export const prune: Command = {
  options: {
    ...STORE_OPTIONS,
    'older-than': { type: 'string' },
    idle: { type: 'string' },
    keep: { type: 'string' },
    prefix: { type: 'string' },
    'dry-run': { type: 'boolean' },
  },
  async run({ args, out }) {
    const [surplus] = args.positionals
    if (surplus !== undefined) throw new UsageError(`there is no argument ${JSON.stringify(surplus)}: --prefix says which sessions are meant`)
    const rules = present({ olderThanMs: args.duration('older-than'), idleMs: args.duration('idle'), keep: args.integer('keep', [1, MOST_REVISIONS]) })
    if (Object.keys(rules).length === 0) throw new UsageError('say what is to go: --older-than, --keep or --idle')
    const dryRun = args.flag('dry-run')
    const policy: PrunePolicy = { ...rules, ...present({ prefix: args.string('prefix') }), dryRun }
    const report = await withStore(args, false, (store) => sessions.prune(store, policy))
    if (args.flag('json')) out.json({ ok: true, dryRun, ...report })
    else {
      const what = `${count(report.revisions, 'revision')} (${formatBytes(report.bytes)}), ${count(report.sessions, 'session')} of them whole`
      out.line(dryRun ? `would remove ${what}` : `removed ${what}`)
    }
    return EXIT.ok
  },
}

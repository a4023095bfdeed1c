/** The word that all commands about sessions begin with. */
export const GROUP = 'session'

/** The names of the commands about sessions. */
export type SessionCommandName = `${typeof GROUP} ${'ls' | 'show' | 'export' | 'import' | 'rm' | 'prune'}`

const STORE_OPTION = `  --store <location>
      The store: sqlite:./sessions.db or postgres://user@host/database. Default: the environment
      variable ISOSEED_STORE, which is the place for a URL with a password.`

const KEY_OPTIONS = `  --key-file <file>
      The key of an encrypted session: 32 bytes, as they are, in hex or in base64. May be given
      several times: the first encrypts, the others open what was written before. Default: the
      environment variable ISOSEED_SESSION_KEY, in hex or base64, with commas between several.
  --max-bytes <bytes>
      The largest state. Default: 24 MiB of content, 32 MiB in all.`

const STORE_ENVIRONMENT = `ENVIRONMENT
  ISOSEED_STORE        the store, unless --store is given
  PGPASSWORD, ...      what a postgres:// URL leaves out, as for psql`

const ENVIRONMENT = `${STORE_ENVIRONMENT}
  ISOSEED_SESSION_KEY  the key, unless --key-file is given`

/** The pages. */
export const SESSION_PAGES: Readonly<Record<SessionCommandName | typeof GROUP, string>> = {
  session: `NAME
  isoseed session - the sessions of a store

SYNOPSIS
  isoseed session <command> [options]
  isoseed help session <command>

COMMANDS
  ls [prefix]          list sessions
  show <id>            say what is in a session's state
  export <id>          write a session's state to a file or the standard output
  import <id> [file]   make a file, or the standard input, the state of a session
  rm <id>...           remove sessions
  prune                remove old revisions and idle sessions

DESCRIPTION
  None of them runs a guest's code. All take --store, --json and --help.

${ENVIRONMENT}

EXIT CODES
  0  the work is done
  1  the work failed; the error has a stable code, such as ERR_SESSION_LOCKED, or
     ERR_SESSION_NOT_FOUND for a session or a revision that is not there
  2  the command line is wrong

EXAMPLES
  isoseed session ls --store sqlite:./sessions.db
  isoseed session show agent-7 --store sqlite:./sessions.db
`,
  'session ls': `NAME
  isoseed session ls - list sessions

SYNOPSIS
  isoseed session ls [prefix] [--store <location>] [--json]

DESCRIPTION
  Lists the sessions whose ids begin with <prefix>; without it, all. On a terminal a table: the
  newest revision, the size of its state, what all revisions take in the store, when it was made,
  whether somebody has the session open. Elsewhere a line for each session, with tabs between:
  id, revision, bytes, bytes stored, time, held or -. Control characters are escaped, as \\x1b.

OPTIONS
${STORE_OPTION}
  --json
      Print one JSON object instead: { ok, sessions } or { ok, error }.

${STORE_ENVIRONMENT}

EXIT CODES
  0  listed
  1  the store can't be read
  2  the command line is wrong

EXAMPLES
  isoseed session ls tenant-a/ --json | jq -r '.sessions[].id'
`,
  'session show': `NAME
  isoseed session show - say what is in a session's state

SYNOPSIS
  isoseed session show <id> [options]

DESCRIPTION
  Prints sizes, hash, schema, who has the session open, and the names at the top level of the
  state and of other kept globals, each with type, size and a short preview; the code of the
  snapshot that the state needs; the newest revisions. Runs no isolate, and takes no lease. Of an
  encrypted session without its key: what the store knows.

OPTIONS
${STORE_OPTION}
${KEY_OPTIONS}
  --revision <number>
      An older revision. Default: the newest one that is sound.
  --state <name>
      The global whose properties are shown. Default: state.
  --json
      Print one JSON object instead: { ok, session, history } or { ok, error }.

${ENVIRONMENT}

EXIT CODES
  0  printed
  1  there is no such session, or it can't be read: ERR_SESSION_KEY, ERR_SESSION_DAMAGED, ...
  2  the command line is wrong

EXAMPLES
  isoseed session show agent-7
  isoseed session show agent-7 --json | jq '.session.state.properties[] | {name, bytes}'
`,
  'session export': `NAME
  isoseed session export - write a session's state to a file or the standard output

SYNOPSIS
  isoseed session export <id> [-o <file>] [options]

DESCRIPTION
  Writes the newest state that was saved, whole or not at all, in the clear: the bytes that
  session.exportState gives. Takes no lease, so the session may be open. To a terminal nothing is
  written.

OPTIONS
  -o, --out <file>
      The file to write; replaces an older one. Default: the standard output, as is -.
${STORE_OPTION}
${KEY_OPTIONS}
  --revision <number>
      An older revision. Default: the newest one that is sound.
  --json
      With -o: print one JSON object { ok, id, file, revision, schema, bytes, hash }, or
      { ok, error }.

${ENVIRONMENT}

EXIT CODES
  0  written
  1  there is no such session, or it can't be read or written
  2  the command line is wrong

EXAMPLES
  isoseed session export agent-7 -o agent-7.state
  isoseed session export agent-7 | isoseed session import agent-7 --store postgres://db/agents
`,
  'session import': `NAME
  isoseed session import - make a file, or the standard input, the state of a session

SYNOPSIS
  isoseed session import <id> [file] [options]

DESCRIPTION
  Checks the whole state and saves it as the session's next revision, or changes nothing. Makes
  the session, and a SQLite store, if there is none. A session that somebody has open is
  ERR_SESSION_LOCKED, which names the holder. Whether a snapshot has the code that the state
  refers to is found out when the session is opened. A state with kept functions is code: import
  what you would run.

OPTIONS
${STORE_OPTION}
${KEY_OPTIONS}
  --schema <number>
      The version of the state's schema. Default: the one that the session has, 0 for a new one.
  --json
      Print one JSON object instead: { ok, id, revision, bytes, hash } or { ok, error }.

${ENVIRONMENT}

EXIT CODES
  0  saved, or it was the state already
  1  nothing was changed: ERR_STATE_CORRUPT, ERR_STATE_LIMIT, ERR_SESSION_LOCKED, ...
  2  the command line is wrong

EXAMPLES
  isoseed session import agent-7 agent-7.state
`,
  'session rm': `NAME
  isoseed session rm - remove sessions

SYNOPSIS
  isoseed session rm <id>... [--force] [--store <location>] [--json]

DESCRIPTION
  Removes sessions with all their revisions. One that somebody has open stays; the others go.

OPTIONS
  -f, --force
      No failure if a session is not there. One that is open stays even so.
${STORE_OPTION}
  --json
      Print one JSON object instead: { ok, removed, failed: [{ id, error }] } or { ok, error }.

${STORE_ENVIRONMENT}

EXIT CODES
  0  all are gone
  1  one is not there, or is open
  2  the command line is wrong

EXAMPLES
  isoseed session rm agent-7 agent-8
`,
  'session prune': `NAME
  isoseed session prune - remove old revisions and idle sessions

SYNOPSIS
  isoseed session prune --older-than <time> [--keep <n>] [--idle <time>] [options]

DESCRIPTION
  At least one of --older-than, --keep and --idle says what goes. The newest revision of a session
  stays, so nothing is lost but history, unless --idle lets the whole session go. Sessions that
  somebody has open are never removed whole.

  A <time> is a number with a unit: ms, s, m, h, d or w.

OPTIONS
  --older-than <time>
      Revisions that are older, such as 24h.
  --keep <n>
      All revisions of a session but the newest <n>; with --older-than, those of them that are old.
  --idle <time>
      Whole sessions whose newest revision is older, such as 90d.
  --prefix <prefix>
      Only sessions whose ids begin with it.
  --dry-run
      Say what would go, and remove nothing.
${STORE_OPTION}
  --json
      Print one JSON object instead: { ok, dryRun, sessions, revisions, bytes } or { ok, error }.

${STORE_ENVIRONMENT}

EXIT CODES
  0  removed
  1  the store failed
  2  the command line is wrong

EXAMPLES
  isoseed session prune --older-than 24h --dry-run
  isoseed session prune --keep 10 --idle 90d
`,
}

import { GROUP, SESSION_PAGES } from './help-session.js'
import type { SessionCommandName } from './help-session.js'

export { GROUP } from './help-session.js'

type SingleName = 'build' | 'inspect' | 'verify' | 'doctor' | 'run'

/** The names of the commands, in the order of the overview. */
export type CommandName = SingleName | SessionCommandName

/** What there is a page of. */
export type PageName = CommandName | typeof GROUP

const OVERVIEW = `NAME
  isoseed - V8 isolates that start already loaded

SYNOPSIS
  isoseed <command> [options]
  isoseed help <command>

COMMANDS
  build <entry> -o <file>   bundle an entry and make a snapshot of it
  doctor <entry>            say what keeps an entry from becoming a snapshot, and where
  inspect <file>            say what is in a snapshot
  verify <file>             prove that sessions of a snapshot don't see each other
  run <file> -e <code>      evaluate code in an isolate that starts from a snapshot
  session <command>         list, show, export, import and remove the sessions of a store

OPTIONS
  -h, --help      show this page, or the page of a command
  -v, --version   show the version

EXIT CODES
  0  the work is done
  1  the work failed: the build failed, there are findings, a leak was found, the guest threw
  2  the command line is wrong

  A command that is ended by a signal, such as Ctrl-C, ends by that signal.

ENVIRONMENT
  NO_COLOR      no colours
  FORCE_COLOR   colours even where the output is not a terminal; 0 for none

EXAMPLES
  isoseed build lodash -o lodash.snap --global _
  isoseed run lodash.snap -e '_.chunk([1, 2, 3, 4], 2)'
  isoseed doctor src/app.ts --json
  isoseed session ls --store sqlite:./sessions.db
`

const SOURCE_OPTIONS = `  --global <name>
      The global, as a name or a dotted path, under which the snapshot has what require(entry)
      would give: what a CommonJS entry exports, or the namespace of an ES module. Without it,
      the entry has to make its own globals.
  --bridge <file>
      A boot script that runs before the entry. A .js file runs as it is, as a classic script
      (.cjs: CommonJS, .mjs: ES module); other files, such as .ts, are bundled.
  --warmup <file>
      A script that calls what sessions will call. Its side effects are thrown away, what it
      called stays compiled. Read like --bridge.
  --base <file>
      A snapshot to build on.
  --binding <path>
      A host function that exists while building, such as db.get; may be given several times.
  --external <name>
      An import to leave out of the bundle and to find at run time among the sources of --base;
      may be given several times.
  --define <name>=<value>
      Replace a name by JSON or another name: --define process.env.API='"v2"'; may be given
      several times. process.env.NODE_ENV is "production" unless it is defined.
  --minify
      Make the code smaller; errors still show the original lines.
  --no-bundle
      Take the entry as it is, like a .js file of --bridge. Needs no esbuild.
  --timeout <ms>
      Time for the whole build. Default: 60000.
  --memory <MiB>
      Memory that the sources may use while building. Default: 512.
  --cache <folder>
      Keep snapshots in this folder, and take one from there if nothing has changed.`

const PAGES: Readonly<Record<SingleName, string>> = {
  build: `NAME
  isoseed build - bundle an entry and make a snapshot of it

SYNOPSIS
  isoseed build <entry> -o <file> [options]

DESCRIPTION
  <entry> is a file (JavaScript, TypeScript, JSX) or the name of an installed package. It is
  bundled with all that it imports, by esbuild (npm install --save-dev esbuild), evaluated in a
  helper process, and written to <file> as a V8 heap image: whole, or not at all.

  Progress goes to the standard error: one line that changes on a terminal, a line for each step
  elsewhere.

OPTIONS
  -o, --out <file>
      The snapshot to write; replaces an older one.
${SOURCE_OPTIONS}
  --unsafe <error|warn>
      What to do about code that must not be in a snapshot. Default: error.
  --compress
      Write the file compressed with zstd: smaller, but slower to load.
  -q, --quiet
      Print warnings and errors only.
  --json
      Print one JSON object instead: { ok, file, fileBytes, ms, info } or { ok, error }.

EXIT CODES
  0  the snapshot is written
  1  a file can't be read, bundled or written, a source threw, or there are findings
  2  the command line is wrong

EXAMPLES
  isoseed build lodash -o lodash.snap --global _
  isoseed build src/app.ts -o app.snap --global app --bridge bridge.js --warmup warmup.js
  isoseed build src/app.ts -o app.snap --global app --base lodash.snap --external lodash
`,
  doctor: `NAME
  isoseed doctor - say what keeps an entry from becoming a snapshot, and where

SYNOPSIS
  isoseed doctor <entry> [options]

DESCRIPTION
  Builds <entry> as \`isoseed build\` does and reports every finding: the rule, the path of the
  object from the global, the lines that made it, what is wrong and what to do about it. Warnings
  are reported too, but are no failure. Nothing is written.

OPTIONS
${SOURCE_OPTIONS}
  -q, --quiet
      No progress.
  --json
      Print one JSON object instead: { ok, findings, warnings } or { ok, error }.

EXIT CODES
  0  no findings
  1  findings, or the build failed for another reason
  2  the command line is wrong

EXAMPLES
  isoseed doctor src/app.ts
  isoseed doctor moment --json | jq '.findings[].path'
`,
  inspect: `NAME
  isoseed inspect - say what is in a snapshot

SYNOPSIS
  isoseed inspect <file> [--json]

DESCRIPTION
  Prints sizes, sources, warnings, and which V8 made the snapshot. Reads its header only, so it
  works for snapshots of another V8 or platform, too.

OPTIONS
  --json
      Print the header as JSON.

EXIT CODES
  0  printed
  1  the file can't be read, or is no snapshot
  2  the command line is wrong

EXAMPLES
  isoseed inspect app.snap
`,
  verify: `NAME
  isoseed verify - prove that sessions of a snapshot don't see each other

SYNOPSIS
  isoseed verify <file> [options]

DESCRIPTION
  A hostile session changes all that it can reach. A session that runs beside it and one that is
  opened after it are compared, over everything reachable from the global, with one that nobody
  touched.

OPTIONS
  --hostile <file>
      An attack of your own, a script; it runs beside the built-in one.
  --timeout <ms>
      Time for each session's script. Default: 60000.
  --memory <MiB>
      Memory limit of each session. Default: 512.
  --json
      Print the report as JSON: { ok, checks, leaks }.

EXIT CODES
  0  isolated
  1  a leak was found, or the snapshot can't be loaded
  2  the command line is wrong

EXAMPLES
  isoseed verify app.snap
`,
  run: `NAME
  isoseed run - evaluate code in an isolate that starts from a snapshot

SYNOPSIS
  isoseed run <file> -e <code> [options]

DESCRIPTION
  Evaluates <code> as a script, awaits its result if that is a promise, and prints it. What the
  guest throws goes to the standard error, with the guest's stack.

OPTIONS
  -e, --eval <code>
      The code; --eval=<code> if it starts with a dash.
  --timeout <ms>
      Time limit. Default: 30000.
  --memory <MiB>
      Memory limit. Default: 128.
  --json
      Print the result as JSON, null for what JSON does not have; errors as { ok, error }.

EXIT CODES
  0  the result is printed
  1  the guest threw or passed a limit, or the snapshot can't be loaded
  2  the command line is wrong

EXAMPLES
  isoseed run lodash.snap -e '_.chunk([1, 2, 3, 4], 2)'
  isoseed run app.snap -e 'app.render({ user: "Ada" })' --json --timeout 500
`,
}

/** The page of a command, or the overview. */
export function helpPage(name?: PageName): string {
  if (name === undefined) return OVERVIEW
  return name === GROUP || name.startsWith(`${GROUP} `) ? SESSION_PAGES[name as SessionCommandName] : PAGES[name as SingleName]
}

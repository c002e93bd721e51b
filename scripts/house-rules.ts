import { basename, dirname, join, normalize } from 'node:path'

/** The rules of the house, checked on source text. ARCHITECTURE.md draws them; tests/house.test.ts runs them. */
export interface SourceFile {
  /** From the top of the repository, with forward slashes. */
  readonly path: string
  readonly text: string
}

export interface Violation {
  readonly path: string
  readonly rule: RuleName
  readonly detail: string
}

export const rules = {
  direction:
    'Imports run one way, so that a part can be read, tested and changed without what is built on it.',
  store: 'SQL of a room is private to it: its tables can change without a search through the house.',
  browser:
    'What the browser runs may know our wire contract and nothing of the server, secrets least of all.',
  simulator:
    'The simulator stands for somebody else’s service: sharing our code, it would share our mistakes.',
  product: 'The product runs without its tests, scripts and benches.',
  environment:
    'Configuration is read and checked in one place; anything else is a setting that nobody can find.',
  gravity:
    'utils, shared, common and helpers attract whatever has no home. Name the thing and give it a room.',
  barrel: 'A barrel hides where things are and pulls in what was not asked for.',
  size: 'A file is one idea; beyond 500 lines it is several.',
  log: 'The log writes an error out under the name err only; under any other it is {} and the cause is lost.',
  outbound:
    'Every way out goes through src/net: only there is an address checked as it is dialled, and nothing else may be followed.',
  name: 'kebab-case files are the same on every file system.',
} as const
export type RuleName = keyof typeof rules

const largestLines = 500
const rooms = [
  'access',
  'alerts',
  'audit',
  'billing',
  'budgets',
  'documents',
  'exports',
  'health',
  'identity',
  'insights',
  'keys',
  'ledger',
  'limits',
  'long-operations',
  'machines',
  'metering',
  'net',
  'organization-keys',
  'organizations',
  'oversight',
  'payments',
  'policy',
  'provisioning',
  'requests',
  'rerating',
  'reconciliation',
  'rotation',
  'routing',
  'sso',
  'statements',
  'teams',
  'translation',
  'user-deletion',
  'vault',
  'webhooks',
]

/** What stands on what: a file may import from its own rank and below. */
const rankOfFolder: Readonly<Record<string, number>> = {
  kit: 0,
  contract: 1,
  config: 1,
  db: 2,
  services: 2,
  dialects: 3,
  ...Object.fromEntries(rooms.map((room) => [room, 4])),
  http: 5,
  gateway: 5,
  jobs: 5,
  apply: 5,
  demo: 6,
  cli: 7,
}
const rankOfTop: Readonly<Record<string, number>> = { 'rooms.ts': 6, 'main.ts': 6 }

/** Where a file may look higher, and why. */
const exceptions: readonly { from: RegExp; to: RegExp; reason: string }[] = [
  {
    from: /^src\/dialects\//,
    to: /^src\/metering\/usage\.ts$/,
    reason: 'a dialect’s tap yields the token classes that metering counts; the file is types only',
  },
]

const isTest = (path: string): boolean => /\.test\.tsx?$/.test(path)
const folderOf = (path: string): string => path.split('/')[1] ?? ''
const isStore = (path: string): boolean => /(^|\/)([a-z0-9-]+-)?store(-[a-z0-9-]+)?\.ts$/.test(path)

/** null for a folder that has no place yet: give it one in `rankOfFolder`. */
const rankOf = (path: string): number | null => {
  const folder = folderOf(path)
  if (folder.endsWith('.ts')) return rankOfTop[folder] ?? null
  // A room's api.ts answers HTTP: it stands on the HTTP shell, beside the gateway.
  if (rooms.includes(folder) && basename(path) === 'api.ts') return 5
  return rankOfFolder[folder] ?? null
}

/** Relative imports, static, dynamic and re-exported, as paths from the top. */
export const importsOf = (file: SourceFile): string[] =>
  [...file.text.matchAll(/(?:\bfrom|\bimport)\s*\(?\s*['"](\.{1,2}\/[^'"]+)['"]/g)].map((match) =>
    normalize(join(dirname(file.path), match[1] ?? '')),
  )

export const violations = (files: readonly SourceFile[]): Violation[] => files.flatMap(violationsOf)

const violationsOf = (file: SourceFile): Violation[] => {
  const targets = importsOf(file)
  const found = (rule: RuleName, detail: string): Violation => ({ path: file.path, rule, detail })
  return [
    ...targets.flatMap((target) =>
      importRules.flatMap(([rule, broken]) => (broken(file, target) ? [found(rule, target)] : [])),
    ),
    ...fileRules.flatMap(([rule, detailOf]) => {
      const detail = detailOf(file)
      return detail === null ? [] : [found(rule, detail)]
    }),
  ]
}

const importRules: readonly [RuleName, (file: SourceFile, target: string) => boolean][] = [
  [
    'direction',
    ({ path }, target) => {
      if (!path.startsWith('src/') || !target.startsWith('src/') || isTest(path)) return false
      if (exceptions.some(({ from, to }) => from.test(path) && to.test(target))) return false
      const [own, other] = [rankOf(path), rankOf(target)]
      return own === null || other === null || other > own
    },
  ],
  ['store', ({ path }, target) => isStore(target) && dirname(path) !== dirname(target)],
  [
    'browser',
    ({ path }, target) =>
      /^(web|sdk)\//.test(path) &&
      !isTest(path) &&
      !target.startsWith(path.split('/')[0] ?? '') &&
      !target.startsWith('src/contract/'),
  ],
  [
    'simulator',
    ({ path }, target) => path.startsWith('simulator/') && !isTest(path) && !target.startsWith('simulator/'),
  ],
  [
    'product',
    ({ path }, target) =>
      path.startsWith('src/') && !isTest(path) && !/^(src|simulator|web|sdk)\//.test(target),
  ],
]

const environmentReaders = /^src\/(cli|config)\/|^src\/http\/build-dashboards\.ts$/

/** Other ways out, each to an address that the operator set or that src/net has judged. */
const waysOut: readonly { readonly path: RegExp; readonly what: RegExp; readonly reason: string }[] = [
  { path: /^src\/net\//, what: /^/, reason: 'the guard itself' },
  {
    path: /^src\/gateway\/realtime\.ts$/,
    what: /^ws$/,
    reason: 'dials with the look-up of src/net (lookupFor)',
  },
  { path: /^src\/alerts\/mail\.ts$/, what: /^nodemailer$/, reason: 'the mail server that the operator set' },
  { path: /^src\/demo\/warm\.ts$/, what: /^fetch$/, reason: 'calls our own gateway' },
  { path: /^src\/db\//, what: /^node:(?:net|dns|tls)$/, reason: 'PostgreSQL' },
]

const networkModules =
  /^import (?!type )(?:[^'"]*? from )?['"]((?:node:)?(?:https|http2|dgram|tls|dns|dns\/promises)|undici|axios|got|ws|nodemailer|node-fetch)['"]/gm
const clientOfHttp = /^import \{([^}]*)\} from ['"](?:node:)?(http|net)['"]/gm
const clientNames =
  /(?<!type )\b(?:request|get|Agent|globalAgent|ClientRequest|connect|createConnection|Socket)\b/
/** Called where nobody handed it in: `fetch` of a model’s parts is the gateway’s own. */
const globalFetch = /(?<![.\w])fetch\(|\b(?:globalThis|global)\.fetch\(|new (?:EventSource|XMLHttpRequest)\(/
const fetchGiven = /[{,(]\s*fetch\b\s*[,:})]|\bconst fetch\b/

const waysOutOf = ({ path, text }: SourceFile): string | null => {
  if (!path.startsWith('src/') || isTest(path)) return null
  const found = [
    ...[...text.matchAll(networkModules)].map((match) => match[1] ?? ''),
    ...[...text.matchAll(clientOfHttp)].flatMap((match) =>
      clientNames.test(match[1] ?? '') ? [`node:${match[2]}`] : [],
    ),
    ...(globalFetch.test(text) && !fetchGiven.test(text) ? ['fetch'] : []),
  ]
  return found.find((what) => !waysOut.some((way) => way.path.test(path) && way.what.test(what))) ?? null
}

const fileRules: readonly [RuleName, (file: SourceFile) => string | null][] = [
  [
    'environment',
    ({ path, text }) =>
      path.startsWith('src/') &&
      !isTest(path) &&
      !environmentReaders.test(path) &&
      /\bprocess\.env\b/.test(text)
        ? 'reads process.env'
        : null,
  ],
  ['gravity', ({ path }) => /(^|\/)(utils?|shared|common|helpers?)(\/|\.[jt]sx?$)/.exec(path)?.[2] ?? null],
  ['barrel', ({ path }) => (/(^|\/)index\.[cm]?[jt]sx?$/.test(path) ? basename(path) : null)],
  [
    'size',
    ({ path, text }) => {
      const lines = text.split('\n').length - 1
      // One interface for each table, written by a script and read by nobody.
      if (path === 'src/db/schema.ts') return null
      return /^(src|web|simulator|sdk)\//.test(path) && lines > largestLines ? `${lines} lines` : null
    },
  ],
  [
    'log',
    ({ path, text }) =>
      path.startsWith('src/')
        ? (/\blog\.(?:warn|error|fatal)\(\s*\{[^}]*\berror\b(?=\s*[,:}])(?<!err: error)/.exec(text)?.[0] ??
          null)
        : null,
  ],
  ['outbound', waysOutOf],
  ['name', ({ path }) => (/^[a-z0-9-]+(\.[a-z0-9-]+)*$/.test(basename(path)) ? null : basename(path))],
]

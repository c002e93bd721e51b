import type { Actor } from '../audit/audit.ts'
import { type Fault, fault, type Outcome } from '../kit/fault.ts'
import { redactSecrets } from '../kit/redact.ts'
import { findService } from '../services/registry.ts'
import type { KeySettings } from '../services/service.ts'
import { keyFingerprint } from './fingerprint.ts'
import { isShapedLikeKey, roleOf, stemOf, suggest } from './import-names.ts'
import { type Entry, readImportText } from './import-text.ts'
import type { ServiceKeyParts } from './parts.ts'
import type { Proving } from './prove.ts'
import { lastFourOf, readSecret } from './secret.ts'
import type { NewServiceKey, ServiceKeyView, StoredServiceKey } from './service-key.ts'
import * as store from './store.ts'

/** Whose keys the lines become. */
export interface ImportOwner {
  readonly organizationId: string
  readonly owner: 'user' | 'organization' | 'system'
  readonly userId: string | null
  readonly priority?: 1 | 2 | 3
  readonly teamIds?: readonly string[] | null
  /** Why keys of a service may not be added; null: they may. */
  readonly refusal: (serviceId: string) => Fault | null
}

/** A line that may hold a key, without the key. */
export interface ImportLine {
  readonly line: number
  readonly name: string
  readonly lastFour: string
  readonly serviceId: string | null
  readonly candidates: readonly string[]
  readonly baseUrl: string | null
  readonly settings: KeySettings
  readonly isStored: boolean
  readonly problem: string | null
  readonly warning: string | null
}

export interface ImportPreview {
  readonly format: 'env' | 'csv'
  readonly lines: readonly ImportLine[]
  readonly skipped: number
}

export interface ChosenLine {
  readonly line: number
  /** As shown: another text than the one that was looked at is not imported by mistake. */
  readonly lastFour: string
  readonly serviceId: string
  readonly label?: string | undefined
  readonly baseUrl?: string | undefined
  readonly settings?: KeySettings | undefined
}

export interface ImportResult {
  readonly line: number
  readonly outcome: 'added' | 'already' | 'refused'
  readonly serviceKey: ServiceKeyView | null
  readonly fault: Fault | null
}

/** Keys out of a file that somebody pasted. Nothing of it is kept but the keys of the chosen lines. */
export interface Imports {
  /** Stores nothing, and asks no service. */
  readonly preview: (owner: ImportOwner, text: string) => Promise<ImportPreview>
  /** Each line by itself, proven at the service chosen for it and at no other; safe to repeat. */
  readonly run: (
    actor: Actor,
    owner: ImportOwner,
    text: string,
    lines: readonly ChosenLine[],
  ) => Promise<ImportResult[]>
}

const asking = 4

export const makeImports = (
  { database, vault }: Pick<ServiceKeyParts, 'database' | 'vault'>,
  {
    read,
    add,
  }: {
    readonly read: Proving['read']
    readonly add: (actor: Actor, input: NewServiceKey) => Promise<Outcome<StoredServiceKey>>
  },
): Imports => {
  const isStored = async (owner: ImportOwner, entry: ReadEntry, serviceId: string): Promise<boolean> => {
    const entered = read({ serviceId, secret: entry.value, baseUrl: entry.baseUrl, settings: entry.settings })
    if (!entered.ok) return false
    const { organizationId, userId } = owner
    const { keyBaseUrl: baseUrl, settings, secret } = entered.value
    const fingerprint = keyFingerprint(vault, { organizationId, serviceId, baseUrl, settings }, secret)
    return store.holdsFingerprint(database.kysely, { organizationId, userId, serviceId, fingerprint })
  }

  const lineOf = async (
    owner: ImportOwner,
    entry: ReadEntry,
    secrets: readonly string[],
  ): Promise<ImportLine> => {
    const { serviceId, candidates, warning } = suggest(entry)
    const refusal = serviceId === null ? null : owner.refusal(serviceId)
    return {
      line: entry.line,
      name: shown(entry.name, secrets),
      lastFour: entry.problem === null ? lastFourOf(entry.value, kindOf(entry.value)) : '',
      serviceId,
      candidates,
      baseUrl: entry.baseUrl === null ? null : shown(entry.baseUrl, secrets),
      settings: Object.fromEntries(
        Object.entries(entry.settings).map(([id, text]) => [
          id,
          id === 'accessKeyId' ? text : shown(text, secrets),
        ]),
      ),
      isStored: serviceId !== null && entry.problem === null && (await isStored(owner, entry, serviceId)),
      problem: entry.problem ?? refusal?.message ?? problemFor(entry, serviceId, read),
      warning,
    }
  }

  const importOne = async (
    actor: Actor,
    owner: ImportOwner,
    chosen: ChosenLine,
    entry: ReadEntry | undefined,
  ): Promise<ImportResult> => {
    const { line, serviceId } = chosen
    const refused = (why: Fault): ImportResult => ({ line, outcome: 'refused', serviceKey: null, fault: why })
    if (
      entry === undefined ||
      entry.problem !== null ||
      lastFourOf(entry.value, kindOf(entry.value)) !== chosen.lastFour
    )
      return refused(notThatLine)
    const refusal = owner.refusal(serviceId)
    if (refusal) return refused(refusal)
    const { organizationId, owner: kind, userId, priority, teamIds = null } = owner
    const baseUrl = chosen.baseUrl ?? (findService(serviceId)?.baseUrl === null ? entry.baseUrl : null)
    const added = await add(actor, {
      organizationId,
      owner: kind,
      userId,
      teamIds,
      serviceId,
      secret: entry.value,
      ...(priority === undefined ? {} : { priority }),
      ...(baseUrl === null ? {} : { baseUrl }),
      ...(chosen.label === undefined ? {} : { label: chosen.label }),
      settings: settingsFor(serviceId, { ...entry.settings, ...chosen.settings }),
    })
    if (added.ok) return { line, outcome: 'added', serviceKey: added.value.serviceKey, fault: null }
    return added.fault.code === 'key_duplicate'
      ? { line, outcome: 'already', serviceKey: null, fault: null }
      : refused(added.fault)
  }

  return {
    preview: async (owner, text) => {
      const { format, entries, skipped } = readEntries(text)
      const secrets = entries.map(({ value }) => value)
      const lines: ImportLine[] = []
      for (const entry of entries) lines.push(await lineOf(owner, entry, secrets))
      return { format, lines, skipped }
    },

    run: async (actor, owner, text, chosen) => {
      const byLine = new Map(readEntries(text).entries.map((entry) => [entry.line, entry]))
      const results: ImportResult[] = []
      const queue = chosen.entries()
      const work = async () => {
        for (const [at, one] of queue) results[at] = await importOne(actor, owner, one, byLine.get(one.line))
      }
      await Promise.all(Array.from({ length: asking }, work))
      return results
    },
  }
}

interface ReadEntry extends Entry {
  readonly baseUrl: string | null
  readonly settings: KeySettings
}

const readEntries = (text: string): { format: 'env' | 'csv'; entries: ReadEntry[]; skipped: number } => {
  const { format, entries } = readImportText(text)
  const keys = entries.filter((entry) => entry.value !== '' || entry.problem !== null).filter(isKey)
  return {
    format,
    entries: keys.map((entry) => ({
      ...entry,
      ...companionsOf(entry, entries),
      problem: entry.problem ?? problemOf(entry),
    })),
    skipped: entries.length - keys.length,
  }
}

const isKey = (entry: Entry): boolean => roleOf(entry) === 'key' || isShapedLikeKey(entry)

/** Addresses and settings that stand beside a key: in its row, or in variables whose names begin like its own. */
const companionsOf = (
  key: Entry,
  entries: readonly Entry[],
): { baseUrl: string | null; settings: KeySettings } => {
  const beside = new Map(
    entries
      .filter(
        (entry) => entry !== key && roleOf(entry) === 'beside' && stemOf(entry.name) === stemOf(key.name),
      )
      .map((entry) => [entry.name.toLowerCase(), entry.value] as const),
  )
  const named = (...ends: string[]): string | undefined =>
    [...beside].find(([name, value]) => value !== '' && ends.some((end) => name.endsWith(end)))?.[1]
  const baseUrl = key.columns.baseUrl ?? named('url', 'uri', 'endpoint', 'host', 'base') ?? null
  const { resource, region, accessKeyId } = key.columns
  const resourceOfUrl = /^https:\/\/([a-z0-9-]{2,64})\.openai\.azure\.com/i.exec(baseUrl ?? '')?.[1]
  const found = {
    resource: resource ?? named('resource', 'resource_name') ?? resourceOfUrl,
    region: region ?? named('region'),
    accessKeyId: accessKeyId ?? named('access_key_id'),
  }
  return {
    baseUrl,
    settings: Object.fromEntries(
      Object.entries(found).flatMap(([id, text]) => (text === undefined ? [] : [[id, text]])),
    ),
  }
}

const problemOf = (entry: Entry): string | null => {
  if (/^(?:[~.]{0,2}\/|[A-Za-z]:\\)[^{]{1,500}$/.test(entry.value))
    return 'It is the path of a file: paste what stands in the file.'
  if (/^\$[{(]|^<.{0,200}>$|^op:\/\/|^vault:/.test(entry.value)) return 'It refers to a value elsewhere.'
  const secret = readSecret(entry.value, kindOf(entry.value))
  return secret.ok ? null : secret.fault.message
}

const problemFor = (entry: ReadEntry, serviceId: string | null, read: Proving['read']): string | null => {
  if (serviceId === null) return null
  const baseUrl = findService(serviceId)?.baseUrl === null ? entry.baseUrl : null
  const settings = settingsFor(serviceId, entry.settings)
  const entered = read({ serviceId, secret: entry.value, settings, ...(baseUrl === null ? {} : { baseUrl }) })
  return entered.ok ? null : entered.fault.message
}

/** Only what the service asks for: a region beside a key of another service is none of its settings. */
const settingsFor = (serviceId: string, settings: KeySettings): KeySettings => {
  const asked = new Set((findService(serviceId)?.settingFields ?? []).map(({ id }) => id))
  return Object.fromEntries(Object.entries(settings).filter(([id]) => asked.has(id)))
}

const kindOf = (value: string): 'json' | undefined => (value.trimStart().startsWith('{') ? 'json' : undefined)

/** A label may be the key of the next line. */
const shown = (text: string, secrets: readonly string[]): string =>
  redactSecrets(
    text,
    secrets.filter((secret) => secret.length >= 6 && text.includes(secret.slice(0, 6))),
  )
    .replace(/\p{Cc}+/gu, ' ')
    .slice(0, 120)

const notThatLine = fault('invalid_request', {
  message: 'No key stands there as it was shown.',
  next: 'Preview the text again, then choose.',
  field: 'lines',
})

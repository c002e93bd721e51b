/**
 * What a key may do beyond serving operations, as far as its shape and the reply of its validation call tell. A warning for
 * people, never a refusal; but what the service itself keeps from serving operations is not stored as if it could.
 */
export type ScopeNote =
  | 'administration'
  | 'management'
  | 'person'
  | 'write_access'
  | 'all_endpoints'
  | 'no_spending_limit'
  | 'account_access'
  | 'short_lived'
  | 'long_lived'

export interface Scope {
  readonly notes: readonly ScopeNote[]
  /** The service says that such keys serve no operations. */
  readonly unfit: boolean
}

const noScope: Scope = { notes: [], unfit: false }
const noted = (...notes: ScopeNote[]): Scope => ({ notes, unfit: false })

const shapes: readonly {
  readonly serviceId: string
  readonly pattern: RegExp
  readonly note: ScopeNote
  readonly unfit?: true
}[] = [
  // "Admin API keys cannot be used for non-administration endpoints": both services' references.
  { serviceId: 'openai', pattern: /^sk-admin-/, note: 'administration', unfit: true },
  { serviceId: 'anthropic', pattern: /^sk-ant-admin/, note: 'administration', unfit: true },
  { serviceId: 'xai', pattern: /^xai-token-/, note: 'management', unfit: true },
  { serviceId: 'anthropic', pattern: /^sk-ant-oat/, note: 'short_lived' },
  { serviceId: 'openai', pattern: /^sk-[A-Za-z0-9]{20}T3BlbkFJ[A-Za-z0-9]{20}$/, note: 'person' },
  { serviceId: 'huggingface', pattern: /^api_org_/, note: 'write_access' },
  { serviceId: 'bedrock', pattern: /^ABSK/, note: 'long_lived' },
  { serviceId: 'bedrock', pattern: /^bedrock-api-key-/, note: 'short_lived' },
]

/** `reply` is what came where the service accepted the key; null where it did not, or was not asked. */
export const scopeOf = (serviceId: string, secret: string, reply: string | null): Scope => {
  const shape = shapes.find((one) => one.serviceId === serviceId && one.pattern.test(secret))
  const told = reply === null ? noScope : (readers[serviceId]?.(objectOf(reply)) ?? noScope)
  return {
    notes: [...new Set([...(shape ? [shape.note] : []), ...told.notes])],
    // A service that takes it after all knows better than we do.
    unfit: told.unfit || (shape?.unfit === true && reply === null),
  }
}

type Json = Readonly<Record<string, unknown>>

const readers: Readonly<Record<string, (reply: Json) => Scope>> = {
  openrouter: (reply) => {
    const data = objectIn(reply, 'data')
    if (data['is_management_key'] === true || data['is_provisioning_key'] === true)
      return { notes: ['management'], unfit: true }
    return data['limit'] === null ? noted('no_spending_limit') : noScope
  },
  xai: (reply) => {
    const acls = listIn(reply, 'acls')
    const isWide = (kind: string) => acls.includes(`${kind}:*`) || acls.includes('*')
    return isWide('api-key:endpoint') && isWide('api-key:model') ? noted('all_endpoints') : noScope
  },
  huggingface: (reply) => {
    const token = objectIn(objectIn(reply, 'auth'), 'accessToken')
    if (token['role'] === 'write') return noted('write_access')
    return mayWrite(objectIn(token, 'fineGrained')) ? noted('write_access') : noScope
  },
  // Keys that are limited to what they are used for may not read this.
  elevenlabs: () => noted('account_access'),
}

/** `{"global": ["…"], "scoped": [{"permissions": ["repo.write", …]}]}`; calls for inference are `inference.….write`. */
const mayWrite = (fineGrained: Json): boolean => {
  const scoped = listIn(fineGrained, 'scoped').flatMap((one) => listIn(asObject(one), 'permissions'))
  return [...listIn(fineGrained, 'global'), ...scoped].some(
    (permission) =>
      typeof permission === 'string' &&
      !permission.startsWith('inference.') &&
      /(?:^|\.)(?:write|admin|manage|delete)$/.test(permission),
  )
}

const asObject = (value: unknown): Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : {}
const objectIn = (json: Json, name: string): Json => asObject(json[name])
const listIn = (json: Json, name: string): readonly unknown[] => {
  const value = json[name]
  return Array.isArray(value) ? value : []
}
const objectOf = (text: string): Json => {
  try {
    return asObject(JSON.parse(text))
  } catch {
    return {}
  }
}

const texts: Readonly<Record<ScopeNote, string>> = {
  administration: 'It is an administration key: it makes and deletes keys and members.',
  management: 'It is a management key: it makes and deletes other keys.',
  person: 'It is a key of the old kind: it acts for a person, in every project of theirs.',
  write_access: 'It may change repositories and settings of its account, not only call models.',
  all_endpoints: 'It may call every model and every endpoint of its team.',
  no_spending_limit: 'It has no spending limit of its own: whoever holds it can use up the account.',
  account_access: 'It may read the account it belongs to, not only call models.',
  short_lived: 'It is short-lived: it ends by itself, within hours or days.',
  long_lived: 'It is long-lived; its service recommends short-lived ones where they can be had.',
}

export const scopeText = (note: ScopeNote): string => texts[note]

/** From the database; notes that an older version knew are left out. */
export const scopeNotesOf = (stored: readonly string[]): ScopeNote[] =>
  stored.filter((note): note is ScopeNote => Object.hasOwn(texts, note))

/** Notes that ask for another key; the others are only worth knowing. */
export const isOverBroad = (note: ScopeNote): boolean => note !== 'short_lived' && note !== 'long_lived'

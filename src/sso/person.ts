import type { Role } from '../contract/permissions.ts'
import { type Fault, failure, type Outcome, success } from '../kit/fault.ts'
import type { SsoRole } from './connection.ts'
import { domainOfEmail } from './domain.ts'

/** Whom an identity provider names, after everything that it signed was checked. */
export interface NamedPerson {
  /** Theirs for good; e-mail addresses pass from one person to the next. */
  readonly subject: string
  readonly email: string
  readonly name: string
  readonly groups: readonly string[]
  /** When they showed the provider who they are; null: it does not say. */
  readonly authenticatedAt: string | null
  /** What the provider calls their session there. */
  readonly session: string | null
}

const longestSubject = 500
const longestGroup = 200
const mostGroups = 2000
const emailPattern = /^[^\s@"<>(),;:\\]{1,64}@[^\s@]{3,253}$/

/** `null`, a text or a list of texts, as tokens and assertions have them; anything else is nothing. */
export const textsOf = (value: unknown): string[] =>
  (Array.isArray(value) ? value : [value]).filter((one): one is string => typeof one === 'string')

export const readPerson = (said: {
  subject: unknown
  email: unknown
  name: unknown
  groups: unknown
  authenticatedAt: Date | null
  session: unknown
}): Outcome<NamedPerson> => {
  const [subject, ...more] = textsOf(said.subject)
  if (subject === undefined || subject === '' || more.length > 0 || subject.length > longestSubject)
    return refused('The identity provider did not name a subject.')
  const [email = '', ...others] = textsOf(said.email)
  if (others.length > 0) return refused('The identity provider named several e-mail addresses.')
  if (!emailPattern.test(email) || domainOfEmail(email) === null)
    return refused('The identity provider named no e-mail address.')
  const groups = textsOf(said.groups)
    .filter((group) => group.length <= longestGroup)
    .slice(0, mostGroups)
  const name = (textsOf(said.name)[0] ?? '').replace(/[\p{C}<>]/gu, ' ').trim()
  const [session] = textsOf(said.session).filter((text) => text !== '' && text.length <= longestSubject)
  return success({
    subject,
    email,
    name: (name || (email.split('@')[0] as string)).slice(0, 120),
    groups,
    authenticatedAt: said.authenticatedAt?.toISOString() ?? null,
    session: session ?? null,
  })
}

/** The first rule whose group they have; a rule names a group exactly. */
export const roleOf = (
  connection: {
    readonly defaultRole: SsoRole
    readonly roleRules: readonly { readonly group: string; readonly role: SsoRole }[]
  },
  groups: readonly string[],
): SsoRole => connection.roleRules.find(({ group }) => groups.includes(group))?.role ?? connection.defaultRole

/**
 * Without rules roles are given by hand. Owners are made and unmade by owners; administrators, too, and so they follow only
 * rules that owners alone may save: those that name administrators.
 */
export const followsRules = (connection: Parameters<typeof roleOf>[0], role: Role | null): boolean => {
  const { roleRules, defaultRole } = connection
  if (roleRules.length === 0 || role === 'owner') return false
  return (
    role !== 'administrator' || [defaultRole, ...roleRules.map((rule) => rule.role)].includes('administrator')
  )
}

/** Said to whoever tries to sign in, and kept for whoever sets it up. */
export const refused = (message: string, next?: string) =>
  failure('sso_refused', { message, ...(next === undefined ? {} : { next }) })

const longestProblem = 500
export const problemTextOf = ({ message, next }: Fault): string =>
  `${message} ${next}`.slice(0, longestProblem)

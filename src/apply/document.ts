import { LineCounter, parseDocument } from 'yaml'
import { z } from 'zod'
import { roles } from '../contract/permissions.ts'
import { findService, services } from '../services/registry.ts'
import { anomaliesSchema } from './anomalies.ts'
import { billingSchema, packSchema, tierSchema } from './billing.ts'
import { budgetName, budgetSchema, type DocumentBudget, userBudgetSchema } from './budgets.ts'
import { centralBillingSchema } from './central-billing.ts'
import { exceptionsSchema } from './exceptions.ts'
import { type Unfit, unfitIn } from './hostile.ts'
import { keyHygieneSchema, modelGroupSchema } from './installation.ts'
import { hostApplicationSchema, serviceAccountFields } from './machines.ts'
import { policyFields, scheduledPolicySchema } from './policies.ts'
import { provisioningSchema } from './provisioning.ts'
import { rateLimitsSchema } from './rate-limits.ts'
import { rotationSchema } from './rotation.ts'
import { sessionPolicySchema, singleSignOnSchema } from './sign-on.ts'
import { costCentreOf, costCentreSchema, teamSchema } from './teams.ts'
import { webhookSchema } from './webhooks.ts'

/** What `aideon.yaml` may say. docs/apply.md describes it for readers. */

const serviceIds = services.map((service) => service.id).join(', ')
const serviceId = z
  .string()
  .refine((id) => findService(id) !== undefined, `There is no such service. Services: ${serviceIds}.`)
const label = z.string().trim().min(1).max(80)
const baseUrl = z.url({
  protocol: /^https?$/,
  error: 'A base URL begins with https:// (or http:// for a listed private address).',
})

/** A literal secret in a file would end up in a repository, so there is no way to write one. */
const secret = z
  .string({ error: 'A secret is a reference: env:NAME or file:/path.' })
  .regex(
    /^(?:env:[A-Za-z_][A-Za-z0-9_]*|file:.+)$/,
    'A secret never stands in this file. Write env:NAME to read it from the environment, or file:/path to read it from a file.',
  )

const fallback = z.enum(['system', 'alternative', 'alternative_then_system', 'none'])
const priority = z.enum(['primary', 'secondary', 'tertiary'])

const missing = 'This is missing.'

const keyFields = z.strictObject({
  service: serviceId,
  label: label.optional(),
  secret,
  baseUrl: baseUrl.optional(),
  settings: z.record(z.string(), z.string().trim()).optional(),
  rateLimits: rateLimitsSchema.optional(),
  rotation: rotationSchema.optional(),
})
type KeyFields = z.output<typeof keyFields>

/** What the service's own form would say (src/keys/settings.ts). An empty text takes an optional setting away. */
const withSettings = ({ service, settings = {} }: KeyFields, context: z.RefinementCtx): void => {
  const fields = findService(service)?.settingFields ?? []
  const complain = (id: string, message: string) =>
    context.addIssue({ code: 'custom', path: ['settings', id], message })
  for (const id of Object.keys(settings))
    if (!fields.some((field) => field.id === id)) complain(id, 'There is no such setting of this service.')
  for (const { id, required, inSecret, pattern, expected } of fields) {
    const text = settings[id] ?? ''
    if (text === '' && required && inSecret === undefined) complain(id, missing)
    if (text !== '' && !pattern.test(text)) complain(id, expected)
  }
}
const serviceKey = keyFields.superRefine(withSettings)
const systemKey = keyFields.extend({ priority }).superRefine(withSettings)
const organizationKey = keyFields
  .extend({
    /** That it is kept for; null: it serves every member. */
    teams: z
      .array(label)
      .min(1, 'Name the teams that the key is kept for; null: it serves every member.')
      .max(100)
      .nullable()
      .optional(),
    eachMemberRateLimits: rateLimitsSchema.optional(),
    budgets: z.array(budgetSchema(serviceId)).optional(),
  })
  .superRefine(withSettings)

/** What people and service accounts have. */
const memberFields = {
  fallback: fallback.optional(),
  fallbackByService: z.record(serviceId, fallback).optional(),
  keys: z.array(serviceKey).optional(),
  budgets: z.array(userBudgetSchema(serviceId)).optional(),
  rateLimits: rateLimitsSchema.optional(),
  costCentre: costCentreOf,
  ownKeyExceptions: exceptionsSchema(serviceId),
}
export type DocumentMember = z.output<z.ZodObject<typeof memberFields>>

const user = z.strictObject({
  email: z.email('This is not an e-mail address.').transform((text) => text.trim()),
  name: z.string().trim().min(1).max(120),
  role: z.enum(roles).optional(),
  suspended: z.boolean().optional(),
  suspendedEverywhere: z.boolean().optional(),
  tier: z.string().optional(),
  platformAdministrator: z.boolean().optional(),
  ...memberFields,
  breakGlass: z.boolean().optional(),
  accessTokenFile: z.string().min(1).optional(),
})
const userAlone = user.omit({
  role: true,
  suspended: true,
  costCentre: true,
  breakGlass: true,
  ownKeyExceptions: true,
})

const organization = z.strictObject({
  name: z.string().trim().min(1).max(120),
  /** Made by somebody for themselves: tiers without a price give its accounts nothing. */
  selfService: z.boolean().optional(),
  ...z.object(policyFields(serviceId)).partial().shape,
  scheduledPolicies: z.array(scheduledPolicySchema(serviceId)).optional(),
  keys: z.array(organizationKey).optional(),
  budgets: z.array(budgetSchema(serviceId)).optional(),
  users: z.array(user).optional(),
  serviceAccounts: z.array(z.strictObject({ ...serviceAccountFields, ...memberFields })).optional(),
  hostApplications: z.array(hostApplicationSchema).optional(),
  costCentres: z.array(costCentreSchema).optional(),
  teams: z.array(teamSchema(serviceId)).optional(),
  sessionPolicy: sessionPolicySchema.optional(),
  singleSignOn: singleSignOnSchema(secret).optional(),
  provisioning: provisioningSchema.optional(),
  webhooks: z.array(webhookSchema(secret)).optional(),
  centralBilling: centralBillingSchema.optional(),
  anomalies: anomaliesSchema.optional(),
  rotation: z.strictObject({ maximumAgeDays: z.number().int().min(1).max(3_650).nullable() }).optional(),
})

const documentSchema = z.strictObject({
  outboundAllowances: z.array(z.string().trim().toLowerCase().min(1)).optional(),
  services: z
    .partialRecord(
      serviceId,
      z.strictObject({
        baseUrl: baseUrl.nullable().optional(),
        enabled: z.boolean().optional(),
        rotation: rotationSchema.optional(),
      }),
    )
    .optional(),
  tiers: z.array(tierSchema(serviceId)).optional(),
  packs: z.array(packSchema).optional(),
  modelGroups: z.array(modelGroupSchema).optional(),
  keyHygiene: keyHygieneSchema.optional(),
  billing: billingSchema.optional(),
  systemKeys: z.array(systemKey).optional(),
  organizations: z.array(organization).optional(),
  /** Without an organisation: each gets a personal one. */
  users: z.array(userAlone).optional(),
  /** On the whole installation. */
  budgets: z.array(budgetSchema(serviceId)).optional(),
  /** Of platform administrators, wherever they work. */
  sessionPolicy: sessionPolicySchema.optional(),
  platformTokens: z.array(z.strictObject({ name: label, file: z.string().min(1) })).optional(),
})

/** A checked document; applications that build one themselves write the same fields. */
export type Document = z.output<typeof documentSchema>
export type DocumentUser = z.output<typeof user>
export type DocumentOrganization = z.output<typeof organization>
export type DocumentServiceKey = z.output<typeof organizationKey> & {
  readonly priority?: z.output<typeof priority>
}

/** A sentence, and the line and field it is about where there is one. Codes are stable. */
export interface DocumentProblem {
  readonly code: 'not_yaml' | 'missing' | 'unknown_field' | 'invalid_value' | 'said_twice' | Unfit['code']
  readonly line: number | null
  readonly path: string
  readonly message: string
}

export type ParsedDocument =
  | { readonly ok: true; readonly document: Document }
  | { readonly ok: false; readonly problems: readonly DocumentProblem[] }

export const parseSetUp = (source: string): ParsedDocument => {
  const lineCounter = new LineCounter()
  const yaml = parseDocument(source, { lineCounter, prettyErrors: false })
  const notYaml = (line: number | null, message: string) =>
    ({ code: 'not_yaml', line, path: '', message }) as const
  if (yaml.errors.length > 0)
    return {
      ok: false,
      problems: yaml.errors.map((e) => notYaml(lineCounter.linePos(e.pos[0]).line, e.message)),
    }
  const lineOf = (path: readonly PropertyKey[]): number | null => {
    for (let length = path.length; length >= 0; length -= 1) {
      const node = yaml.getIn(path.slice(0, length), true) as { range?: [number, number, number] } | undefined
      if (node?.range) return lineCounter.linePos(node.range[0]).line
    }
    return null
  }
  const refused = (conflicts: readonly Conflict[]): ParsedDocument => ({
    ok: false,
    problems: conflicts
      .map(({ code, path, message }) => ({
        code,
        line: lineOf(path),
        path: path.map(String).join('.'),
        message: sentence({ path, message }),
      }))
      .toSorted((a, b) => (a.line ?? 0) - (b.line ?? 0)),
  })
  let read: unknown
  try {
    read = yaml.toJS({ maxAliasCount: 100 }) ?? {}
  } catch (error) {
    // An alias of nothing, or of so much that it would fill the memory.
    return { ok: false, problems: [notYaml(null, (error as Error).message)] }
  }
  const unfit = unfitIn(read)
  if (unfit.length > 0) return refused(unfit)
  const checked = documentSchema.safeParse(read, {
    error: ({ input }) => (input === undefined ? missing : undefined),
  })
  if (!checked.success) return refused(checked.error.issues.flatMap(inDetail))
  const twice = conflicts(checked.data)
  return twice.length > 0 ? refused(twice) : { ok: true, document: checked.data }
}

/** A field that does not exist is told with its own line, not with that of what it stands in. */
const inDetail = (issue: z.core.$ZodIssue): Conflict[] => {
  const { path } = issue
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => ({
      code: 'unknown_field',
      path: [...path, key],
      message: 'There is no such field.',
    }))
  if (issue.code === 'invalid_key')
    return issue.issues.map(({ message }) => ({ code: 'invalid_value', path, message }))
  const message =
    path.length === 0 ? 'A file is fields with their values, such as “users: …”.' : issue.message
  return [{ code: issue.message === missing ? 'missing' : 'invalid_value', path, message }]
}

const sentence = ({ path, message }: Pick<Conflict, 'path' | 'message'>): string =>
  path.length === 0 ? message : `${path.map(String).join('.')}: ${message}`

interface Conflict {
  readonly code: DocumentProblem['code']
  readonly path: readonly PropertyKey[]
  readonly message: string
}

interface NamedList {
  readonly path: readonly PropertyKey[]
  readonly what: string
  readonly names: readonly string[]
}

/** Lists in which a name may stand once; said twice, it could only be applied in an order nobody asked for. */
const namesOf = (document: Document): NamedList[] => {
  const organizations = document.organizations ?? []
  return [
    listed(document.budgets, 'Budget', budgetName, 'budgets'),
    listed(document.tiers, 'Tier', ({ id }) => id, 'tiers'),
    listed(document.packs, 'Pack', ({ id }) => id, 'packs'),
    listed(document.modelGroups, 'Model group', ({ id }) => id, 'modelGroups'),
    listed(document.systemKeys, 'System key', keyName, 'systemKeys'),
    listed(organizations, 'Organisation', ({ name }) => name, 'organizations'),
    listed(document.platformTokens, 'Platform token', ({ name }) => name, 'platformTokens'),
    ...(document.users ?? []).flatMap((one, at) => namesOfUser(one, 'users', at)),
    ...organizations.flatMap((one, at) => namesOfOrganization(one, 'organizations', at)),
    // Somebody may be in several organisations, but a personal one is where nobody named one.
    ...(organizations.length > 0 ? organizations : [{ users: [] }]).map(({ users }) =>
      listed([...(users ?? []), ...(document.users ?? [])], 'User', ({ email }) => email.toLowerCase()),
    ),
  ]
}

const listed = <Item>(
  items: readonly Item[] | undefined,
  what: string,
  nameOf: (item: Item) => string,
  ...path: PropertyKey[]
): NamedList => ({ path, what, names: (items ?? []).map(nameOf) })

const namesOfUser = (
  user: {
    keys?: readonly DocumentServiceKey[]
    budgets?: readonly DocumentBudget[]
    ownKeyExceptions?: DocumentMember['ownKeyExceptions']
  },
  ...path: PropertyKey[]
): NamedList[] => [
  listed(user.keys, 'Key', keyName, ...path, 'keys'),
  listed(user.budgets, 'Budget', budgetName, ...path, 'budgets'),
  listed(user.ownKeyExceptions, 'Exception', ({ service }) => service, ...path, 'ownKeyExceptions'),
]

const namesOfOrganization = (one: DocumentOrganization, ...path: PropertyKey[]): NamedList[] => {
  const { connections, domains } = one.singleSignOn ?? {}
  const lower = ({ name }: { name: string }) => name.toLowerCase()
  return [
    ...namesOfUser(one, ...path),
    ...(['users', 'serviceAccounts'] as const).flatMap((kind) =>
      (one[kind] ?? []).flatMap((member, at) => namesOfUser(member, ...path, kind, at)),
    ),
    ...(one.keys ?? []).flatMap(({ budgets, teams }, at) => [
      listed(budgets, 'Budget', budgetName, ...path, 'keys', at, 'budgets'),
      listed(teams ?? [], 'Team', (name) => name.toLowerCase(), ...path, 'keys', at, 'teams'),
    ]),
    listed(one.teams, 'Team', lower, ...path, 'teams'),
    ...(one.teams ?? []).map(({ budgets }, at) =>
      listed(budgets, 'Budget', budgetName, ...path, 'teams', at, 'budgets'),
    ),
    ...(one.teams ?? []).map(({ leads = [], members = [] }) =>
      listed([...leads, ...members], 'Member', (reference) => reference.toLowerCase()),
    ),
    listed(
      one.scheduledPolicies,
      'Control policy from',
      ({ startsAt }) => startsAt.toISOString(),
      ...path,
      'scheduledPolicies',
    ),
    listed(one.costCentres, 'Cost centre', ({ code }) => code, ...path, 'costCentres'),
    listed(one.serviceAccounts, 'Service account', ({ name }) => name, ...path, 'serviceAccounts'),
    listed(one.hostApplications, 'Host application', ({ name }) => name, ...path, 'hostApplications'),
    listed(connections, 'Connection', ({ name }) => name, ...path, 'singleSignOn', 'connections'),
    listed(domains, 'Domain', ({ domain }) => domain, ...path, 'singleSignOn', 'domains'),
    listed(one.webhooks, 'Webhook', ({ url }) => url, ...path, 'webhooks'),
    listed(one.provisioning?.groups, 'Group', lower, ...path, 'provisioning', 'groups'),
  ]
}

const keyName = (key: DocumentServiceKey) => `${key.service} “${labelOf(key)}”`

const conflicts = (document: Document): Conflict[] =>
  namesOf(document).flatMap(({ path, what, names }) =>
    names
      .map((name, index) => ({ name, index }))
      .filter(({ name, index }) => names.indexOf(name) !== index)
      .map(({ name, index }) => ({
        code: 'said_twice' as const,
        path: path.length > 0 ? [...path, index] : path,
        message: `${what} ${name} occurs twice.`,
      })),
  )

export const labelOf = (key: DocumentServiceKey): string =>
  key.label ?? `${findService(key.service)?.name} key`

/** Every user with the name of their organisation; null: a personal one. */
export const usersOf = (document: Document): { user: DocumentUser; organization: string | null }[] => [
  ...(document.organizations ?? []).flatMap((o) =>
    (o.users ?? []).map((u) => ({ user: u, organization: o.name })),
  ),
  ...(document.users ?? []).map((u) => ({ user: u as DocumentUser, organization: null })),
]

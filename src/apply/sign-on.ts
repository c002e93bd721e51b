import { hash } from 'node:crypto'
import { z } from 'zod'
import { sessionPolicy } from '../contract/session-policy.ts'
import { oidcSettings, samlSettings, ssoRole, ssoRoleRule } from '../contract/sso.ts'
import * as wire from '../contract/wire.ts'
import { noSessionPolicy, type SessionPolicy } from '../identity/session-policy.ts'
import { must, type Outcome, success } from '../kit/fault.ts'
import { platformOrganizationId } from '../kit/id.ts'
import type { Connection, Provider, SamlSettings } from '../sso/connection.ts'
import { domainOf } from '../sso/domain.ts'
import { readCertificate } from '../sso/saml-certificate.ts'
import { asWritten } from './as-written.ts'
import type { DocumentOrganization, DocumentUser } from './document.ts'
import type { Performance } from './perform.ts'
import { findPerson, organizationIdOf } from './places.ts'
import type { PlanContext } from './plan.ts'
import type { Snapshot, StoredMembership } from './snapshot.ts'
import { differences, settings, type Shown, type Step, step, waiting } from './step.ts'

/** How people of an organisation sign in, in a document: sessions, identity providers, domains, break-glass accounts. */

export const sessionPolicySchema = asWritten(sessionPolicy)

/** Checked as the form in the dashboard is, as a whole, and kept as it was written. */
const wholeAsWritten = (settingsSchema: z.ZodObject) =>
  z.record(z.string(), z.unknown()).superRefine((value, context) => {
    for (const issue of settingsSchema.strict().safeParse(value).error?.issues ?? [])
      context.addIssue({ ...issue })
  })
const certificates = z.object({
  certificates: z.array(z.string().refine((text) => readCertificate(text).ok)),
})

const connection = (secret: z.ZodType<string, string>) =>
  z
    .strictObject({
      id: wire.id.optional(),
      name: wire.label,
      enabled: z.boolean().optional(),
      joinsMembers: z.boolean().optional(),
      defaultRole: ssoRole.optional(),
      roleRules: z.array(ssoRoleRule.strict()).max(100).optional(),
      oidc: wholeAsWritten(oidcSettings).optional(),
      clientSecret: secret.optional(),
      saml: wholeAsWritten(samlSettings)
        .refine(
          (value) => certificates.safeParse(value).success,
          'A certificate is one with an RSA key, as PEM.',
        )
        .optional(),
    })
    .refine(
      (one) => (one.oidc === undefined) !== (one.saml === undefined),
      'A connection has one provider: oidc or saml.',
    )
    .refine((one) => one.clientSecret === undefined || one.oidc, 'SAML knows no client secret.')
type DocumentConnection = z.output<ReturnType<typeof connection>>

const domain = z.string().transform((text, context) => {
  const read = domainOf(text)
  if (read !== null) return read
  context.addIssue({ code: 'custom', message: 'This is not a domain.' })
  return z.NEVER
})

export const singleSignOnSchema = (secret: z.ZodType<string, string>) =>
  z.strictObject({
    connections: z.array(connection(secret)).optional(),
    domains: z.array(z.strictObject({ domain, enforced: z.boolean().optional() })).optional(),
  })

export type StoredConnection = Pick<
  Connection,
  'organizationId' | 'id' | 'name' | 'enabled' | 'joinsMembers' | 'defaultRole' | 'roleRules' | 'provider'
> & { readonly hasSecret: boolean; readonly isUsed: boolean }

export interface StoredDomain {
  readonly organizationId: string
  readonly domain: string
  readonly isVerified: boolean
  readonly enforced: boolean
}

export interface StoredSessionPolicy extends SessionPolicy {
  readonly organizationId: string
}

export type SignOnAction =
  | {
      readonly kind: 'save_session_policy'
      /** Null: of the platform, for its administrators. */
      readonly organization: string | null
      readonly policy: SessionPolicy
    }
  | {
      readonly kind: 'set_break_glass'
      readonly organization: string
      readonly email: string
      readonly enabled: boolean
    }
  | {
      readonly kind: 'save_connection'
      readonly organization: string
      /** Null: a new one. */
      readonly id: string | null
      readonly input: Omit<StoredConnection, 'organizationId' | 'id' | 'hasSecret' | 'isUsed'>
      readonly newId: string | undefined
      readonly secretReference: string | undefined
    }
  | { readonly kind: 'add_domain'; readonly organization: string; readonly domain: string }
  | {
      readonly kind: 'enforce_domain'
      readonly organization: string
      readonly domain: string
      readonly enforced: boolean
    }

export const planSessionPolicy = (
  organization: string | null,
  wanted: Partial<SessionPolicy> | undefined,
  organizationId: string | undefined,
  stored: Snapshot,
): Step[] => {
  if (wanted === undefined) return []
  const { organizationId: _, ...before } = stored.sessionPolicies.find(
    (one) => one.organizationId === organizationId,
  ) ?? { organizationId, ...noSessionPolicy }
  const said = Object.fromEntries(Object.entries(wanted).filter(([, value]) => value !== undefined))
  return [
    step(
      `${organization === null ? 'installation' : `organisation ${organization}`}: session policy`,
      false,
      differences<object>(before, said),
      { kind: 'save_session_policy', organization, policy: { ...before, ...said } },
    ),
  ]
}

export const planBreakGlass = (
  { email, breakGlass }: DocumentUser,
  organization: string,
  membership: StoredMembership | undefined,
): Step[] => {
  if (breakGlass === undefined) return []
  const subject = `user ${email}: break-glass account of ${organization}`
  const before = membership?.breakGlass ?? false
  if (breakGlass && !before && !membership?.mayBreakGlass)
    return [waiting(subject, 'they have no password and second factor yet, or are suspended')]
  return [
    step(subject, false, differences({ breakGlass: before }, { breakGlass }), {
      kind: 'set_break_glass',
      organization,
      email,
      enabled: breakGlass,
    }),
  ]
}

export const planSingleSignOn = (
  { name: organization, singleSignOn }: DocumentOrganization,
  organizationId: string | undefined,
  stored: Snapshot,
  context: PlanContext,
): Step[] => {
  const connections = stored.connections.filter((one) => one.organizationId === organizationId)
  const domains = stored.domains.filter((one) => one.organizationId === organizationId)
  return [
    ...(singleSignOn?.connections ?? []).map((wanted) =>
      planConnection(organization, wanted, connections, context),
    ),
    ...(singleSignOn?.domains ?? []).flatMap((wanted) =>
      planDomain(organization, wanted, domains, connections),
    ),
  ]
}

/** The identity provider was told addresses that hold its id: an exported connection keeps it. */
export const findConnection = (
  { id, name }: DocumentConnection,
  own: readonly StoredConnection[],
): StoredConnection | undefined => own.find((one) => one.id === id) ?? own.find((one) => one.name === name)

const planConnection = (
  organization: string,
  wanted: DocumentConnection,
  own: readonly StoredConnection[],
  context: PlanContext,
): Step => {
  const before = findConnection(wanted, own)
  const { clientSecret } = wanted
  const input = {
    name: wanted.name,
    enabled: wanted.enabled ?? before?.enabled ?? true,
    joinsMembers: wanted.joinsMembers ?? before?.joinsMembers ?? true,
    defaultRole: wanted.defaultRole ?? before?.defaultRole ?? ('member' as const),
    roleRules: wanted.roleRules ?? before?.roleRules ?? [],
    provider: providerOf(wanted, before?.provider),
  }
  const isSameSecret =
    clientSecret === undefined ||
    (before !== undefined && context.storedSecrets.get(before.id) === context.secrets.get(clientSecret))
  const secret = isSameSecret ? [] : [`clientSecret: from ${clientSecret}`]
  return step(
    `organisation ${organization}: identity provider ${wanted.name}`,
    !before,
    [
      ...(before
        ? differences(connectionShown(before), connectionShown(input))
        : settings(connectionShown(input))),
      ...secret,
    ],
    {
      kind: 'save_connection',
      organization,
      id: before?.id ?? null,
      input,
      newId: wanted.id,
      secretReference: isSameSecret ? undefined : clientSecret,
    },
  )
}

const providerOf = ({ oidc, saml }: DocumentConnection, before: Provider | undefined): Provider => {
  if (oidc !== undefined) {
    const known = before?.kind === 'oidc' ? before.settings : {}
    return { kind: 'oidc', settings: oidcSettings.parse({ ...known, ...oidc }) }
  }
  const known = before?.kind === 'saml' ? before.settings : {}
  const { certificates: texts, ...settings } = samlSettings.parse({ ...known, ...saml })
  return {
    kind: 'saml',
    settings: { ...settings, certificates: texts.map((text) => must(readCertificate(text))) },
  }
}

const connectionShown = ({
  provider,
  roleRules,
  ...plain
}: Pick<
  StoredConnection,
  'name' | 'enabled' | 'joinsMembers' | 'defaultRole' | 'roleRules' | 'provider'
>) => {
  const { name, enabled, joinsMembers, defaultRole } = plain
  return {
    name,
    enabled,
    joinsMembers,
    defaultRole,
    // The first whose group somebody has decides: their order says something.
    roleRules: roleRules.map(({ group, role }) => `${group}: ${role}`).join(', '),
    provider: provider.kind,
    ...(provider.kind === 'oidc' ? provider.settings : samlShown(provider.settings)),
  } satisfies Record<string, Shown>
}

/** Certificates are long; these tell them apart. */
const samlShown = ({ certificates, ...plain }: SamlSettings) => ({
  ...plain,
  certificates: certificates.map((text) => `SHA-256 ${hash('sha256', text, 'hex').slice(0, 12)}…`),
})

/** That a domain is the organisation’s is proved by its DNS, and that sign-on works by somebody who has signed in. */
const planDomain = (
  organization: string,
  { domain: name, enforced }: { domain: string; enforced?: boolean | undefined },
  domains: readonly StoredDomain[],
  connections: readonly StoredConnection[],
): Step[] => {
  const before = domains.find((one) => one.domain === name)
  const subject = `organisation ${organization}: domain ${name}`
  const added = step(subject, !before, [], { kind: 'add_domain', organization, domain: name })
  if (enforced === undefined || (!enforced && !before?.enforced)) return [added]
  const rule = `${subject}: single sign-on only`
  if (enforced && !before?.enforced) {
    if (!before?.isVerified) return [added, waiting(rule, 'its record is not verified yet')]
    if (!connections.some((one) => one.enabled && one.isUsed))
      return [added, waiting(rule, 'nobody has signed in at an identity provider yet')]
  }
  return [
    added,
    step(rule, false, differences({ enforced: before?.enforced ?? false }, { enforced }), {
      kind: 'enforce_domain',
      organization,
      domain: name,
      enforced,
    }),
  ]
}

export const performSignOn = async (action: SignOnAction, p: Performance): Promise<Outcome<unknown>> => {
  const home =
    action.organization === null
      ? success(platformOrganizationId)
      : await organizationIdOf(action.organization, p)
  if (!home.ok) return home
  const organizationId = home.value
  const { identity, sso } = p.rooms
  switch (action.kind) {
    case 'save_session_policy':
      return identity.saveSessionPolicy(p.actor, organizationId, action.policy, null)
    case 'set_break_glass': {
      const person = await findPerson(action.email, p)
      if (!person.ok) return person
      const member = { organizationId, userId: person.value.userId }
      return identity.setBreakGlass(p.actor, member, action.enabled)
    }
    case 'save_connection': {
      const { id, input, newId, secretReference } = action
      const clientSecret = secretReference === undefined ? undefined : p.secrets.get(secretReference)
      return id === null
        ? sso.connections.add(p.actor, organizationId, { ...input, id: newId, clientSecret })
        : sso.connections.change(p.actor, { organizationId, id }, { ...input, clientSecret })
    }
    case 'add_domain':
      return sso.domains.add(p.actor, organizationId, action.domain)
    case 'enforce_domain':
      return sso.domains.enforce(p.actor, organizationId, action.domain, action.enforced)
  }
}

import { isWebhookSecret } from '../long-operations/signature.ts'
import { type Document, type DocumentOrganization, labelOf, usersOf } from './document.ts'
import { isEmail } from './places.ts'
import { findOrganization, type Snapshot } from './snapshot.ts'
import { findTeam, isSameName } from './teams.ts'

/** What a document names and neither makes nor finds: told before anything is changed. */
export const unknownNames = (document: Document, stored: Snapshot): string[] => [
  ...unknownTiers(document, stored.billing.tiers),
  ...(document.organizations ?? []).flatMap((organization) => [
    ...madeOtherwise(organization, stored),
    ...unknownMembers(organization, stored),
    ...unknownTeams(organization, stored),
    ...unknownCostCentres(organization, stored),
  ]),
]

/** It bounds what a company may have for nothing: no file gives that up. */
const madeOtherwise = ({ name, selfService }: DocumentOrganization, stored: Snapshot): string[] => {
  const before = findOrganization(name, stored)
  return before === undefined || selfService === undefined || selfService === before.selfService
    ? []
    : [`organisation ${name}: selfService says how it was made, and cannot be changed.`]
}

const unknownTiers = (document: Document, stored: readonly { id: string }[]): string[] => {
  const known = new Set([...stored, ...(document.tiers ?? [])].map((tier) => tier.id))
  const all = `Tiers: ${[...known].join(', ')}.`
  const freeTier = document.billing?.freeTier
  return [
    ...usersOf(document)
      .filter(({ user }) => user.tier !== undefined && !known.has(user.tier))
      .map(({ user }) => `user ${user.email}: there is no tier ${user.tier}. ${all}`),
    ...(freeTier === undefined || known.has(freeTier)
      ? []
      : [`billing: there is no tier ${freeTier}. ${all}`]),
  ]
}

const unknownMembers = (
  { name, users, serviceAccounts, teams }: DocumentOrganization,
  stored: Snapshot,
): string[] => {
  const id = findOrganization(name, stored)?.id
  const inIt = new Set(stored.memberships.filter((one) => one.organizationId === id).map((one) => one.userId))
  const known = new Set(
    [
      ...stored.users.filter((one) => inIt.has(one.id)).map(({ email }) => email),
      ...stored.serviceAccounts.filter((one) => one.organizationId === id).map((one) => one.name),
      ...(users ?? []).map(({ email }) => email),
      ...(serviceAccounts ?? []).map((one) => one.name),
    ].map((one) => one.toLowerCase()),
  )
  const named = [
    ...(teams ?? []).flatMap((team) =>
      [...(team.leads ?? []), ...(team.members ?? [])].map((who) => ({ of: `team ${team.name}`, who })),
    ),
    ...(serviceAccounts ?? []).flatMap((one) =>
      one.paidBy == null ? [] : [{ of: `service account ${one.name}`, who: one.paidBy }],
    ),
  ]
  return named
    .filter(({ who }) => !known.has(who.toLowerCase()))
    .map(
      ({ of, who }) =>
        `organisation ${name}: ${of} names ${who}, who is no ${isEmail(who) ? 'member' : 'service account'} of it.`,
    )
}

const unknownTeams = ({ name, keys, teams }: DocumentOrganization, stored: Snapshot): string[] => {
  const id = findOrganization(name, stored)?.id
  const isKnown = (team: string) =>
    findTeam(id, team, stored) !== undefined || (teams ?? []).some((one) => isSameName(one.name, team))
  return (keys ?? []).flatMap((key) =>
    (key.teams ?? [])
      .filter((team) => !isKnown(team))
      .map(
        (team) =>
          `organisation ${name}: the key ${key.service} “${labelOf(key)}” is kept for the team ${team}, which there is not.`,
      ),
  )
}

const unknownCostCentres = (organization: DocumentOrganization, stored: Snapshot): string[] => {
  const { name, users, serviceAccounts, teams, costCentres } = organization
  const id = findOrganization(name, stored)?.id
  const known = new Set(
    [...stored.costCentres.filter((one) => one.organizationId === id), ...(costCentres ?? [])].map(
      ({ code }) => code,
    ),
  )
  const named = [...(users ?? []), ...(serviceAccounts ?? []), ...(teams ?? [])].flatMap(
    ({ costCentre }) => costCentre ?? [],
  )
  return [...new Set(named)]
    .filter((code) => !known.has(code))
    .map((code) => `organisation ${name}: there is no cost centre ${code}.`)
}

/** A receiver could check nothing with another one. */
export const unusableSecrets = (document: Document, secrets: ReadonlyMap<string, string>): string[] =>
  (document.organizations ?? [])
    .flatMap(({ webhooks }) => webhooks ?? [])
    .filter(({ secret }) => secret !== undefined && !isWebhookSecret(secrets.get(secret) ?? ''))
    .map(({ url, secret }) => `${secret}: the secret of a webhook (${url}) is whsec_ and base64 after it.`)

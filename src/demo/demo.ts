import { type Simulator, startSimulator } from '../../simulator/simulator.ts'
import { type AccessToken, type NewAccessToken, userScopes } from '../access/access.ts'
import { hashOfToken } from '../access/token.ts'
import { applyDocument } from '../apply/apply-document.ts'
import type { Document } from '../apply/document.ts'
import { appliedLines } from '../apply/report.ts'
import { must } from '../kit/fault.ts'
import { platformOrganizationId } from '../kit/id.ts'
import type { Prices } from '../metering/prices.ts'
import {
  demoAdministrator,
  demoDocument,
  demoEnvironment,
  demoKeys,
  demoSpareKeys,
  demoOrganization,
  demoPrice,
  demoUsers,
} from './cast.ts'
import { demoCommands, demoLines } from './commands.ts'
import { type DemoFile, readDemoFile, writeDemoFile } from './demo-file.ts'
import { beginHistory, type HistoryRooms } from './history.ts'
import { rememberKeys } from './rotation.ts'

export interface DemoRooms extends HistoryRooms {
  readonly prices: Pick<Prices, 'terms' | 'changes'>
}

/** A demo that is stored, but not yet told to anybody: the address of the gateway is not known before it listens. */
export interface SeededDemo {
  /** Operations are on record already; it needs no warming up. */
  readonly hasHistory: boolean
  readonly facts: Omit<DemoFile, 'baseUrl' | 'commands' | 'spareKeys' | 'administrator' | 'users'> & {
    readonly administrator: { readonly email: string; readonly name: string; readonly signInPath: string }
    readonly users: readonly (Omit<DemoFile['users'][number], 'signInLink'> & {
      readonly signInPath: string
    })[]
  }
}

const operator = { kind: 'operator', id: null } as const
const tokenName = 'Demo'
const linkSeconds = 30 * 86_400
/** Links that end sooner are made anew. */
const linkReserveMs = 2 * 86_400_000

/** At the port of the last time where that is free, so that what is stored stays right. */
export const startDemoSimulator = async (dataDirectory: string): Promise<Simulator> => {
  const previous = await readDemoFile(dataDirectory)
  const options = { keys: [...demoKeys(), ...demoSpareKeys()], pacing: { firstChunkMs: 120, chunkMs: 20 } }
  const port = previous ? Number(new URL(previous.simulatorUrl).port) : 0
  const simulator =
    port === 0
      ? await startSimulator(options)
      : await startSimulator({ ...options, port }).catch(() => startSimulator(options))
  await rememberKeys(simulator, dataDirectory)
  return simulator
}

/** Makes the demo's data, or brings it up to date; tokens and links of the last time are kept while they work. */
export const seedDemo = async (parts: {
  rooms: DemoRooms
  simulatorUrl: string
  stripeUrl?: string | null
  dataDirectory: string
}): Promise<SeededDemo> => {
  const { rooms, simulatorUrl, stripeUrl = null, dataDirectory } = parts
  const previous = await readDemoFile(dataDirectory)
  const history = await beginHistory(rooms)
  await applyDemo(rooms, demoDocument(simulatorUrl, stripeUrl === null ? [] : [stripeUrl]), dataDirectory)
  await history?.()
  await priceImages(rooms)
  if (history && stripeUrl !== null) await payByStripe(rooms)
  // The address that an earlier one had may belong to anything now.
  for (const before of [previous?.simulatorUrl, previous?.stripeUrl])
    if (before && before !== simulatorUrl && before !== stripeUrl)
      await rooms.catalogue.removeAllowance(operator, new URL(before).host)
  const organization = await rooms.organizations.findByName(demoOrganization)
  if (!organization) throw new Error(`The organisation ${demoOrganization} was not made.`)
  const links = await linksOf(rooms, previous)
  const users = []
  for (const { name, email, about, fallback, ownServices } of demoUsers) {
    const person = await personOf(rooms, email)
    const kept = previous?.users.find((user) => user.email === email)?.accessToken
    const wanted = {
      organizationId: organization.id,
      kind: 'user',
      userId: person,
      scopes: userScopes,
    } as const
    const accessToken = await workingToken(rooms, kept, wanted)
    users.push({
      name,
      email,
      id: person,
      about,
      fallback,
      ownServices: [...ownServices],
      accessToken,
      signInPath: await links.pathOf(email),
    })
  }
  const platform = {
    organizationId: platformOrganizationId,
    kind: 'platform',
    userId: null,
    scopes: ['act_for_users'],
  } as const
  return {
    hasHistory: (await rooms.database.pool.query('SELECT FROM operations LIMIT 1')).rowCount === 1,
    facts: {
      demo: true,
      simulatorUrl,
      stripeUrl,
      organization: { id: organization.id, name: organization.name },
      platformToken: await workingToken(rooms, previous?.platformToken, platform),
      administrator: { ...demoAdministrator, signInPath: await links.pathOf(demoAdministrator.email) },
      users,
      signInLinksExpireAt: links.expireAt(),
    },
  }
}

const applyDemo = async (rooms: DemoRooms, document: Document, directory: string): Promise<void> => {
  const applied = await applyDocument(rooms, document, {
    environment: demoEnvironment(),
    directory,
    isDemo: true,
  })
  if (!applied.ok)
    throw new Error(['The demo could not be set up.', ...appliedLines(applied, false)].join('\n'))
}

/** Once: what the administrator sets afterwards stays. */
const priceImages = async ({ prices }: DemoRooms): Promise<void> => {
  const { override, reason } = demoPrice
  if (prices.terms().overrides.some(({ serviceId }) => serviceId === override.serviceId)) return
  const edits = [{ kind: 'set_price', ...override }] as const
  must(await prices.changes.create(operator, { edits, reason, effectiveAt: null }, true))
}

/** From now on; the past was collected by hand. */
const payByStripe = async ({ billing }: DemoRooms): Promise<void> => {
  const settings = { ...(await billing.settings()), provider: 'stripe' } as const
  must(await billing.saveSettings(operator, settings, 'Demo: a stand-in takes payments'))
}

const personOf = async (rooms: DemoRooms, email: string): Promise<string> => {
  const person = await rooms.organizations.findPerson({ email })
  if (!person) throw new Error(`The demo user ${email} was not made.`)
  return person.userId
}

/** The token of the last time if it still works; else a new one, and older ones of the demo end. */
const workingToken = async (
  { access }: DemoRooms,
  kept: string | undefined,
  wanted: Omit<NewAccessToken, 'name' | 'expiresAt'>,
): Promise<string> => {
  const known = kept === undefined ? null : await access.authenticate(hashOfToken(kept))
  if (kept !== undefined && known?.ok && known.value.userId === wanted.userId) return kept
  const { organizationId, kind, userId } = wanted
  const old = await access.listTokens({ organizationId, kind, ...(userId !== null && { userId }) })
  const ended = (token: AccessToken) => token.revokedAt !== null || token.name !== tokenName
  for (const token of old.filter((t) => !ended(t)))
    await access.revokeToken(operator, { organizationId, id: token.id })
  return (await access.createToken(operator, { ...wanted, name: tokenName, expiresAt: null })).token
}

/** Sign-in links by e-mail address. Their text is not stored with us, so the file of the last time is the only source. */
const linksOf = async (rooms: DemoRooms, previous: DemoFile | null) => {
  const people = [...(previous?.users ?? []), ...(previous ? [previous.administrator] : [])]
  const firstUser = previous?.users[0]
  // The file may be of another database: it is believed only while its tokens work here.
  const isOurs =
    firstUser !== undefined && (await rooms.access.authenticate(hashOfToken(firstUser.accessToken))).ok
  const expires = Date.parse(previous?.signInLinksExpireAt ?? '')
  const keeps = isOurs && expires - rooms.clock().getTime() > linkReserveMs
  const expiresAt = keeps ? new Date(expires) : new Date(rooms.clock().getTime() + linkSeconds * 1000)
  return {
    expireAt: () => expiresAt.toISOString(),
    pathOf: async (email: string): Promise<string> => {
      const kept = keeps ? people.find((person) => person.email === email)?.signInLink : undefined
      if (kept !== undefined) return kept.slice(new URL(kept).origin.length)
      const options = { reusable: true, ttlSeconds: linkSeconds }
      return must(await rooms.identity.createSignInLink(operator, await personOf(rooms, email), options)).path
    },
  }
}

/** Once the address is known: writes `demo.json` and gives the lines to print. */
export const publishDemo = async (
  { facts }: SeededDemo,
  { baseUrl, dataDirectory }: { baseUrl: string; dataDirectory: string },
): Promise<{ demo: DemoFile; lines: string[] }> => {
  const withLink = <T extends { signInPath: string }>({ signInPath, ...rest }: T) => ({
    ...rest,
    signInLink: `${baseUrl}${signInPath}`,
  })
  const users = facts.users.map(withLink)
  const demo: DemoFile = {
    ...facts,
    baseUrl,
    administrator: withLink(facts.administrator),
    users,
    spareKeys: demoSpareKeys().map(({ service, secret }) => ({ service, secret })),
    commands: demoCommands({ baseUrl, platformToken: facts.platformToken, users }),
  }
  await writeDemoFile(dataDirectory, demo)
  return { demo, lines: demoLines(demo) }
}

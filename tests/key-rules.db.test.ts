import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Endpoint } from '../src/contract/endpoint.ts'
import { type EndpointName, endpointOf, endpoints } from '../src/contract/endpoints.ts'
import { may, type Permission, type Role, roles } from '../src/contract/permissions.ts'
import { must } from '../src/kit/fault.ts'
import type { ControlChange } from '../src/organizations/organizations.ts'
import { everything } from '../src/policy/control.ts'
import {
  type AnyRequest,
  type Browser,
  callEndpoint,
  goodSecret,
  type Http,
  operator,
  startHttp,
} from './http-harness.ts'

/**
 * Control policy and its exceptions × role × endpoint: who gets through at one’s own service keys, at exceptions and at keys
 * that are kept for teams, and whose calls these serve; made from tables.
 */

/** In this order: what denies comes first, so that nothing has been changed by what is let through. */
const policies: readonly {
  name: string
  change: ControlChange
  /** That everybody is given before it comes into force; those of rows above stay. */
  exceptions?: readonly { serviceId: string; isOver?: true }[]
  usersManage: boolean
  /** Keys of the service are the organisation’s alone, and it is allowed: there can be exceptions. */
  mayExcept: boolean
}[] = [
  { name: 'IT control', change: { controlPolicy: 'it_control' }, usersManage: false, mayExcept: true },
  {
    name: 'IT control, with an exception for another service and one that is over',
    change: { controlPolicy: 'it_control' },
    exceptions: [{ serviceId: 'groq' }, { serviceId: 'openai', isOver: true }],
    usersManage: false,
    mayExcept: true,
  },
  {
    name: 'hybrid, where the service is critical',
    change: { controlPolicy: 'hybrid', criticalServices: ['openai'] },
    usersManage: false,
    mayExcept: true,
  },
  {
    name: 'IT control, with an exception, where the service is not allowed',
    change: { controlPolicy: 'it_control', allowed: { ...everything, services: ['groq', 'mistral'] } },
    exceptions: [{ serviceId: 'openai' }],
    usersManage: false,
    mayExcept: false,
  },
  {
    name: 'IT control, with an exception',
    change: { controlPolicy: 'it_control', allowed: null },
    usersManage: true,
    mayExcept: true,
  },
  {
    name: 'user control, where the service is not allowed',
    change: { controlPolicy: 'user_control', allowed: { ...everything, services: ['groq', 'mistral'] } },
    usersManage: false,
    mayExcept: false,
  },
  {
    name: 'hybrid, where another service is critical',
    change: { controlPolicy: 'hybrid', criticalServices: ['groq'], allowed: null },
    usersManage: true,
    mayExcept: false,
  },
  {
    name: 'user control',
    change: { controlPolicy: 'user_control', criticalServices: [] },
    usersManage: true,
    mayExcept: false,
  },
]

interface Owned {
  readonly browser: Browser
  readonly id: string
  readonly attempt: string
}

const ofKey = ({ id }: Owned): AnyRequest => ({ params: { id } })
const ofAttempt = ({ attempt }: Owned, body: Record<string, unknown> = {}): AnyRequest => ({
  params: { id: attempt },
  body,
})
const newKey = () => ({ serviceId: 'openai', secret: goodSecret() })
const line = () => ({ text: `OPENAI_API_KEY=${goodSecret()}` })
const chosenLine = () => {
  const { text } = line()
  return { text, lines: [{ line: 1, lastFour: text.slice(-4), serviceId: 'openai' }] }
}

/** Said only of what role and policy let through: by what the rows before left of the key, its rotation or the exception. */
type Afterwards = 'conflict' | 'not_found'

/** `manages`: needs a policy that lets users manage keys of the service. */
const about: Readonly<
  Partial<Record<EndpointName, { manages: boolean; or?: Afterwards; request: (owned: Owned) => AnyRequest }>>
> = {
  listServices: { manages: false, request: () => ({}) },
  listServiceKeys: { manages: false, request: () => ({}) },
  listServiceKeyChecks: { manages: false, request: ofKey },
  previewKeyImport: { manages: false, request: () => ({ body: line() }) },
  importServiceKeys: { manages: true, request: () => ({ body: chosenLine() }) },
  readKeyHygiene: { manages: false, request: () => ({}) },
  listOwnKeyRotations: { manages: false, request: () => ({}) },
  listOwnRotations: { manages: false, request: () => ({}) },
  readOwnRotation: { manages: false, request: (owned) => ({ params: { id: owned.attempt } }) },
  listOwnKeyVersions: { manages: false, request: ofKey },
  checkNewServiceKey: { manages: true, request: () => ({ body: newKey() }) },
  addServiceKey: { manages: true, request: () => ({ body: newKey() }) },
  recheckServiceKey: { manages: true, request: ofKey },
  replaceServiceKey: {
    manages: true,
    or: 'conflict',
    request: (owned) => ({ ...ofKey(owned), body: { secret: goodSecret() } }),
  },
  changeServiceKey: { manages: true, request: (owned) => ({ ...ofKey(owned), body: { label: 'Mine' } }) },
  startOwnRotation: { manages: true, or: 'conflict', request: (owned) => ({ ...ofKey(owned), body: {} }) },
  scheduleOwnRotation: {
    manages: true,
    request: (owned) => ({ ...ofKey(owned), body: { everyDays: 90, overlapSeconds: null } }),
  },
  giveOwnNewSecret: {
    manages: true,
    or: 'conflict',
    request: (owned) => ofAttempt(owned, { secret: goodSecret() }),
  },
  rollBackOwnRotation: {
    manages: true,
    or: 'conflict',
    request: (owned) => ofAttempt(owned, { reason: 'No' }),
  },
  retryOwnRotation: { manages: true, or: 'conflict', request: (owned) => ofAttempt(owned) },
  confirmOwnRotation: { manages: true, or: 'conflict', request: (owned) => ofAttempt(owned) },
  abandonOwnRotation: {
    manages: true,
    or: 'conflict',
    request: (owned) => ofAttempt(owned, { reason: 'No' }),
  },
  // A secret is its owner's to withdraw, whatever the policy. Last: it takes the key away.
  revokeServiceKey: { manages: false, request: ofKey },
}
const names = Object.keys(about) as EndpointName[]

/** What those who run the organisation do; `excepts`: needs a policy that there can be exceptions to. */
const aboutOthers: Readonly<
  Partial<Record<EndpointName, { excepts: boolean; or?: Afterwards; request: (of: Company) => AnyRequest }>>
> = {
  grantOwnKeyException: {
    excepts: true,
    request: ({ guest }) => ({ params: { user: guest, service: 'openai' }, body: { reason: 'A trial' } }),
  },
  revokeOwnKeyException: {
    excepts: false,
    or: 'not_found',
    request: ({ guest }) => ({ params: { user: guest, service: 'openai' } }),
  },
  setOwnOrganizationKeyTeams: {
    excepts: false,
    request: ({ keptKey, team }) => ({ params: { id: keptKey }, body: { teamIds: [team] } }),
  },
}
const namesOfOthers = Object.keys(aboutOthers) as EndpointName[]

interface Company {
  readonly guest: string
  /** Everybody but the guest is in it. */
  readonly team: string
  /** Of Groq, for that team. Another one, of Mistral, is kept for a team with nobody in it. */
  readonly keptKey: string
}

let http: Http
let organizationId: string
let company: Company
const owned = new Map<Role, Owned>()

type ApiReply = Awaited<ReturnType<Http['call']>>
/** Any other code, also of a line of an import, is an outcome that no row expects. */
const outcomeOf = (reply: ApiReply, or?: Afterwards): string => {
  const code =
    reply.statusCode < 400
      ? reply.json<Results>().results?.find(({ fault }) => fault)?.fault?.code
      : reply.json<{ error: Refusal }>().error.code
  return code === undefined || code === or ? 'let through' : code
}
interface Refusal {
  readonly code: string
}
interface Results {
  readonly results?: readonly { readonly fault: Refusal | null }[]
}

beforeAll(async () => {
  http = await startHttp()
  organizationId = (await http.organizations.create(operator, { name: 'Company', kind: 'company' })).id
  for (const role of roles) {
    const browser = await http.createBrowser({ organizationId, role })
    const key = must(
      await http.serviceKeys.add(operator, {
        organizationId,
        owner: 'user',
        userId: browser.userId,
        ...newKey(),
      }),
    ).serviceKey
    const how = { mode: 'normal', trigger: 'person', reason: null } as const
    const begun = must(await http.rotation.begin(operator, { organizationId, id: key.id }, how))
    await http.database.pool.query(
      `UPDATE rotation_attempts SET state = 'asked', next_at = NULL WHERE id = $1`,
      [begun.id],
    )
    owned.set(role, { browser, id: key.id, attempt: begun.id })
  }
  const [team, emptyTeam] = [await newTeam('Red'), await newTeam('Blue')]
  for (const { browser } of owned.values()) await putInTeam(team, browser.userId)
  company = {
    guest: (await http.createBrowser({ organizationId })).userId,
    team,
    keptKey: await keptKey('groq', team),
  }
  await keptKey('mistral', emptyTeam)
})

const asOwner = () => {
  const { userId } = (owned.get('owner') as Owned).browser
  return { actor: operator, organizationId, userId, role: 'owner' } as const
}
const newTeam = async (name: string) => must(await http.teams.create(asOwner(), { name, description: '' }))
const putInTeam = async (team: string, userId: string) =>
  must(await http.teams.setMember(asOwner(), team, userId, 'member'))
const keptKey = async (serviceId: string, team: string) => {
  const owner = { organizationId, owner: 'organization', userId: null } as const
  const wanted = { ...owner, serviceId, secret: goodSecret(), teamIds: [team] }
  return must(await http.serviceKeys.add(operator, wanted)).serviceKey.id
}
afterAll(() => http.close())

test('every endpoint about one’s own keys and their rotation is in the table', () => {
  const concerned = (Object.entries(endpoints) as [EndpointName, Endpoint][])
    .filter(
      ([, { auth, path }]) =>
        auth === 'session' && /^\/(?:services?|service-keys|rotations?|key-hygiene)(?:\/|$)/.test(path),
    )
    .map(([name]) => name)
  expect(concerned.filter((name) => !about[name])).toEqual([])
})

describe.each(policies)('$name', ({ change, exceptions = [], usersManage, mayExcept }) => {
  beforeAll(async () => {
    for (const { serviceId, isOver } of exceptions)
      for (const { browser } of owned.values()) {
        const wanted = {
          organizationId,
          userId: browser.userId,
          serviceId,
          reason: 'A trial',
          expiresAt: null,
        }
        must(await http.organizations.grantException(operator, wanted))
        if (isOver)
          await http.database.pool.query(
            `UPDATE own_key_exceptions SET expires_at = now() WHERE user_id = $1 AND service_id = $2`,
            [browser.userId, serviceId],
          )
      }
    must(await http.organizations.change(operator, organizationId, change))
  })

  test.each(roles)('lets through what role and policy say, at every endpoint: %s', async (role) => {
    const mine = owned.get(role) as Owned
    const outcomes: Record<string, string> = {}
    const expected: Record<string, string> = {}
    // What no policy touches is asked once.
    const asked = names.filter((each) => about[each]?.manages || change.allowed === null)
    const isLast = change === policies.at(-1)?.change
    for (const name of asked.filter((each) => isLast || each !== 'revokeServiceKey')) {
      const { manages, or, request } = about[name] as NonNullable<(typeof about)[EndpointName]>
      const reply = await callEndpoint(http.app, name, mine.browser, request(mine))
      outcomes[name] = outcomeOf(reply, or)
      const permission = endpointOf(name).permission as Permission
      expected[name] = !may(role, permission)
        ? 'forbidden'
        : manages && !usersManage
          ? 'policy_denied'
          : 'let through'
    }
    for (const name of namesOfOthers) {
      const { excepts, or, request } = aboutOthers[name] as NonNullable<(typeof aboutOthers)[EndpointName]>
      outcomes[name] = outcomeOf(await callEndpoint(http.app, name, mine.browser, request(company)), or)
      const permission = endpointOf(name).permission as Permission
      expected[name] = !may(role, permission)
        ? 'forbidden'
        : excepts && !mayExcept
          ? 'conflict'
          : 'let through'
    }
    expect(outcomes).toEqual(expected)

    // Whatever the policy and the role: a key that is kept for a team serves those who are in it.
    const { items } = await http.call('listServices', mine.browser, {}).then((reply) => reply.json<Listed>())
    const onSharedKey = (id: string) =>
      items.find((service) => service.id === id)?.coverage.keyOwner === 'organization'
    expect([onSharedKey('groq'), onSharedKey('mistral')]).toEqual([true, false])
  })
})

interface Listed {
  readonly items: readonly { readonly id: string; readonly coverage: { readonly keyOwner: string | null } }[]
}

test('a key that its policy suspended is its owner’s to withdraw', async () => {
  const member = await http.createBrowser({ organizationId })
  const key = must(
    await http.serviceKeys.add(operator, {
      organizationId,
      owner: 'user',
      userId: member.userId,
      ...newKey(),
    }),
  ).serviceKey
  must(await http.organizations.change(operator, organizationId, { controlPolicy: 'it_control' }))
  const reply = await callEndpoint(http.app, 'revokeServiceKey', member, { params: { id: key.id } })
  expect(reply.statusCode).toBe(200)
})

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

/** Control policy × role × endpoint about one's own service keys: who gets through, made from three tables. */

/** In this order: what denies comes first, so that nothing has been changed by what is let through. */
const policies: readonly { name: string; change: ControlChange; usersManage: boolean }[] = [
  { name: 'IT control', change: { controlPolicy: 'it_control' }, usersManage: false },
  {
    name: 'hybrid, where the service is critical',
    change: { controlPolicy: 'hybrid', criticalServices: ['openai'] },
    usersManage: false,
  },
  {
    name: 'user control, where the service is not allowed',
    change: { controlPolicy: 'user_control', allowed: { ...everything, services: ['groq'] } },
    usersManage: false,
  },
  {
    name: 'hybrid, where another service is critical',
    change: { controlPolicy: 'hybrid', criticalServices: ['groq'], allowed: null },
    usersManage: true,
  },
  {
    name: 'user control',
    change: { controlPolicy: 'user_control', criticalServices: [] },
    usersManage: true,
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

/** `manages`: needs a policy that lets users manage keys of the service. */
const about: Readonly<
  Partial<Record<EndpointName, { manages: boolean; request: (owned: Owned) => AnyRequest }>>
> = {
  listServices: { manages: false, request: () => ({}) },
  listServiceKeys: { manages: false, request: () => ({}) },
  listServiceKeyChecks: { manages: false, request: ofKey },
  previewKeyImport: { manages: false, request: () => ({ body: line() }) },
  // Each line has its own answer: src/keys/imports.ts.
  importServiceKeys: { manages: false, request: () => ({ body: { ...line(), lines: [] } }) },
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
    request: (owned) => ({ ...ofKey(owned), body: { secret: goodSecret() } }),
  },
  changeServiceKey: { manages: true, request: (owned) => ({ ...ofKey(owned), body: { label: 'Mine' } }) },
  startOwnRotation: { manages: true, request: (owned) => ({ ...ofKey(owned), body: {} }) },
  scheduleOwnRotation: {
    manages: true,
    request: (owned) => ({ ...ofKey(owned), body: { everyDays: 90, overlapSeconds: null } }),
  },
  giveOwnNewSecret: { manages: true, request: (owned) => ofAttempt(owned, { secret: goodSecret() }) },
  rollBackOwnRotation: { manages: true, request: (owned) => ofAttempt(owned, { reason: 'No' }) },
  retryOwnRotation: { manages: true, request: (owned) => ofAttempt(owned) },
  confirmOwnRotation: { manages: true, request: (owned) => ofAttempt(owned) },
  abandonOwnRotation: { manages: true, request: (owned) => ofAttempt(owned, { reason: 'No' }) },
  // A secret is its owner's to withdraw, whatever the policy. Last: it takes the key away.
  revokeServiceKey: { manages: false, request: ofKey },
}
const names = Object.keys(about) as EndpointName[]

let http: Http
let organizationId: string
const owned = new Map<Role, Owned>()

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
})
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

describe.each(policies)('$name', ({ change, usersManage }) => {
  beforeAll(async () => {
    must(await http.organizations.change(operator, organizationId, change))
  })

  test.each(roles)('lets through what role and policy say, at every endpoint: %s', async (role) => {
    const mine = owned.get(role) as Owned
    const outcomes: Record<string, string> = {}
    const expected: Record<string, string> = {}
    // What no policy touches is asked once.
    const asked = names.filter((each) => about[each]?.manages || change.allowed === null)
    for (const name of asked.filter((each) => usersManage || each !== 'revokeServiceKey')) {
      const { manages, request } = about[name] as NonNullable<(typeof about)[EndpointName]>
      const reply = await callEndpoint(http.app, name, mine.browser, request(mine))
      const code = reply.statusCode < 400 ? '' : reply.json<{ error: { code: string } }>().error.code
      outcomes[name] = code === 'forbidden' || code === 'policy_denied' ? code : 'let through'
      const permission = endpointOf(name).permission as Permission
      expected[name] = !may(role, permission)
        ? 'forbidden'
        : manages && !usersManage
          ? 'policy_denied'
          : 'let through'
    }
    expect(outcomes).toEqual(expected)
  })
})

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

import type { ServiceKey } from '../keys/keys.ts'
import type { Fallback } from '../policy/control.ts'
import { supposedPrefix } from './on-wire.ts'

/** What a caller asks “what if” about. */
export interface Suppositions {
  readonly withOwnKeyAt?: readonly string[] | undefined
  readonly withoutOwnKeyAt?: readonly string[] | undefined
  readonly preference?: Fallback | undefined
}

/** Own keys and preferences as they would be. Control policy and locks stay as they are. Pure. */
export const suppose = (
  known: { readonly ownKeys: readonly ServiceKey[]; readonly preferences: ReadonlyMap<string, Fallback> },
  { withOwnKeyAt = [], withoutOwnKeyAt = [], preference }: Suppositions,
) => {
  const kept = known.ownKeys.filter(
    ({ owner, serviceId }) => owner !== 'user' || !withoutOwnKeyAt.includes(serviceId),
  )
  return {
    ownKeys: [...kept, ...withOwnKeyAt.map(supposedKey)],
    preferences:
      preference === undefined ? known.preferences : new Map<string, Fallback>([['*', preference]]),
  }
}

/** Never opened and never sent anywhere: there is nothing in it. */
const supposedKey = (serviceId: string): ServiceKey => ({
  organizationId: '',
  id: supposedPrefix + serviceId,
  owner: 'user',
  userId: null,
  teamIds: null,
  serviceId,
  label: 'Supposed key',
  priority: null,
  // Before the keys that there are, whatever state they are in.
  position: -1,
  baseUrl: null,
  settings: {},
  status: 'active',
  coolingUntil: null,
  suspectedAt: null,
  failedRechecks: 0,
  verdict: 'unknown',
  version: 0,
  // New whenever it is looked at.
  versionSince: new Date(8_640_000_000_000_000 - 4_000 * 86_400_000),
  sealed: { masterKeyId: '', wrappedKey: Buffer.alloc(0), sealedSecret: Buffer.alloc(0) },
  lastFour: '',
})

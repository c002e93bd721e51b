import { BlockList, isIP } from 'node:net'
import { failure, type Outcome, success } from '../kit/fault.ts'

/** What an organisation asks of its members' sessions; pure. Null: as the installation says. */
export interface SessionPolicy {
  readonly idleMinutes: number | null
  readonly sessionHours: number | null
  readonly secondFactorRequired: boolean
  /** Its single sign-on asks for a second factor itself. */
  readonly trustsSingleSignOn: boolean
  /** Addresses and ranges; empty: any. */
  readonly networks: readonly string[]
  /** They hold for operations, too. */
  readonly bindsOperations: boolean
  /** After how many days a token that may manage opens nothing. */
  readonly tokenDays: number | null
}

/** What of it concerns access tokens. */
export type TokenPolicy = Pick<SessionPolicy, 'networks' | 'bindsOperations' | 'tokenDays'>

export const noSessionPolicy: SessionPolicy = {
  idleMinutes: null,
  sessionHours: null,
  secondFactorRequired: false,
  trustsSingleSignOn: true,
  networks: [],
  bindsOperations: false,
  tokenDays: null,
}

/** Why an organisation does not let a session in that is alive: whoever has it may still mend that, or work elsewhere. */
export type Obstacle = 'network' | 'single_sign_on' | 'second_factor'

export interface SessionFacts {
  readonly createdAt: Date
  readonly lastSeenAt: Date
  readonly secondFactorAt: Date | null
  /** Opened by the single sign-on of the organisation that asks. */
  readonly bySingleSignOn: boolean
  /** Gets in from any network, when the usual ones are down. Its second factor is asked for all the same. */
  readonly isBreakGlass: boolean
}

export const judgeSession = (
  policy: SessionPolicy,
  session: SessionFacts,
  now: Date,
  address: string | undefined,
): Obstacle | 'ended' | null => {
  const idleMs = now.getTime() - session.lastSeenAt.getTime()
  if (policy.idleMinutes !== null && idleMs > policy.idleMinutes * 60_000) return 'ended'
  const ageMs = now.getTime() - session.createdAt.getTime()
  if (policy.sessionHours !== null && ageMs > policy.sessionHours * 3_600_000) return 'ended'
  if (address !== undefined && !session.isBreakGlass && !isWithin(address, policy.networks)) return 'network'
  if (!policy.secondFactorRequired || session.secondFactorAt !== null) return null
  return session.bySingleSignOn && policy.trustsSingleSignOn ? null : 'second_factor'
}

/** At the management API. Its age counts for a token that may change things: others are for programs, which end by themselves. */
export const judgeToken = (
  { networks, tokenDays }: TokenPolicy,
  token: { readonly createdAt: Date; readonly scopes: readonly string[] },
  now: Date,
  address: string,
): Outcome<void> => {
  if (!isWithin(address, networks)) return failure('network_not_allowed', notFromHere)
  const manages = token.scopes.includes('manage') || token.scopes.includes('administer')
  const ageMs = now.getTime() - token.createdAt.getTime()
  return manages && tokenDays !== null && ageMs > tokenDays * 86_400_000
    ? failure('expired_token', {
        message: `Your organisation takes tokens that may manage for ${tokenDays} days.`,
        next: 'Make another one in the dashboard, and revoke this one.',
      })
    : success(undefined)
}

export const notFromHere = {
  message: 'Your organisation does not take access tokens from this network.',
} as const

/** An address, or a range as `198.51.100.0/24`. */
export const isNetwork = (text: string): boolean => {
  const [address = '', bits, more] = text.split('/')
  const family = isIP(address)
  if (family === 0 || more !== undefined || address.includes('%')) return false
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128))
}

/** A listener on `::` sees IPv4 callers as `::ffff:192.0.2.1`; each is that IPv4 address. */
export const isWithin = (address: string, networks: readonly string[]): boolean =>
  networks.length === 0 || compileNetworks(networks)(address)

/** For whoever asks often. Nothing is within an empty list. */
export const compileNetworks = (networks: readonly string[]): ((address: string) => boolean) => {
  const list = new BlockList()
  for (const network of networks) {
    const [start = '', bits] = network.split('/')
    const kind = isIP(start) === 6 ? 'ipv6' : 'ipv4'
    list.addSubnet(start, bits === undefined ? (kind === 'ipv6' ? 128 : 32) : Number(bits), kind)
  }
  return (address) => {
    const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1]
    const plain = mapped ?? address.split('%')[0] ?? ''
    const family = isIP(plain)
    return family !== 0 && list.check(plain, family === 6 ? 'ipv6' : 'ipv4')
  }
}

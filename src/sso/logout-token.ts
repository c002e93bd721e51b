import { jwtVerify, type JWTVerifyGetKey } from 'jose'
import { type Outcome, success } from '../kit/fault.ts'
import { refused, textsOf } from './person.ts'
import type { SignedOut } from './store-sign-outs.ts'

/** Whom a provider has signed out, and which word of it this was. */
export interface LogoutNotice extends SignedOut {
  readonly id: string
  readonly issuedAt: Date
}

const event = 'http://schemas.openid.net/event/backchannel-logout'
const longestToken = 16_384
const longestText = 500
/** A word about now; what is older than this was kept by somebody. */
const longestNoticeSeconds = 10 * 60

/** As OpenID Connect Back-Channel Logout 1.0, section 2.6, has it judged. Never throws for what the token says. */
export const readLogoutToken = async (
  token: string,
  key: JWTVerifyGetKey,
  rules: { issuer: string; clientId: string; algorithms: readonly string[]; skewSeconds: number; now: Date },
): Promise<Outcome<LogoutNotice>> => {
  if (token.length > longestToken) return refused('The logout token is too large.')
  const { payload, protectedHeader } = await jwtVerify(token, key, {
    issuer: rules.issuer,
    audience: rules.clientId,
    algorithms: [...rules.algorithms],
    requiredClaims: ['iat', 'jti', 'events'],
    maxTokenAge: longestNoticeSeconds,
    clockTolerance: rules.skewSeconds,
    currentDate: rules.now,
  })
  // Whoever names the type names this one; an ID token, whose type is the same JWT, has no such event.
  if (protectedHeader.typ !== undefined && !/^(?:application\/)?(?:logout\+)?jwt$/i.test(protectedHeader.typ))
    return refused('The token says that it is no logout token.')
  if (payload['nonce'] !== undefined) return refused('A logout token has no nonce.')
  const { events } = payload
  if (typeof events !== 'object' || events === null || typeof Reflect.get(events, event) !== 'object')
    return refused('The token tells of no sign-out.')
  const [subject = null] = textsOf(payload.sub)
  const sessions = textsOf(payload['sid'])
  if (subject === null && sessions.length === 0) return refused('The logout token names nobody.')
  if ([subject ?? '', ...sessions, payload.jti as string].some((text) => text.length > longestText))
    return refused('The logout token is too large.')
  return success({
    subject,
    sessions,
    id: payload.jti as string,
    issuedAt: new Date((payload.iat as number) * 1000),
  })
}

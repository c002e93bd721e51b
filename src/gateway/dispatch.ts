import { createSecretKey, type KeyObject } from 'node:crypto'
import type { ServiceKey } from '../keys/keys.ts'
import { type Outcome, success } from '../kit/fault.ts'
import type { Credentials, Service } from '../services/service.ts'
import { type Cancellation, type Started, startExchange } from './exchange.ts'
import type { GatewayParts } from './parts.ts'

/** A request to a service, complete but for its credentials. */
export interface Unsigned {
  readonly method: string
  readonly url: URL
  readonly headers: Record<string, string>
  readonly body: Buffer
}

/** What a service key authenticates with, opened for one attempt. */
export type CredentialsFor = (
  service: Service,
  serviceKey: ServiceKey,
) => Outcome<Credentials> | Promise<Outcome<Credentials>>

export const makeCredentials = ({ vault, log, tokenExchange }: GatewayParts): CredentialsFor => {
  // Opened once for each cached row and dropped with it. A KeyObject is off the heap: a heap snapshot holds the
  // secret only while an attempt is under way, as it did when each attempt opened it anew, at a ninth of all CPU.
  const opened = new WeakMap<ServiceKey, KeyObject>()

  const open = async (serviceKey: ServiceKey): Promise<Outcome<string>> => {
    const secret = await vault.open({ ...serviceKey, serviceKeyId: serviceKey.id }, serviceKey.sealed)
    if (secret.ok) opened.set(serviceKey, createSecretKey(secret.value, 'utf8'))
    else log.error({ serviceKeyId: serviceKey.id }, 'a stored secret failed its integrity check')
    return secret
  }

  const credentialsWith = (
    service: Service,
    { id, version, settings }: ServiceKey,
    secret: string,
  ): ReturnType<CredentialsFor> => {
    if (service.tokenExchange === undefined) return success({ secret, settings, accessToken: null })
    return tokenExchange
      .tokenFor(`${id} ${version}`, service, secret)
      .then((token) => (token.ok ? success({ secret, settings, accessToken: token.value }) : token))
  }

  return (service, serviceKey) => {
    const known = opened.get(serviceKey)
    if (known !== undefined) return credentialsWith(service, serviceKey, known.export().toString('utf8'))
    return open(serviceKey).then((secret) =>
      secret.ok ? credentialsWith(service, serviceKey, secret.value) : secret,
    )
  }
}

/** Sends a request on a service key: the only place where a secret and a request meet. */
export type Dispatch = (
  service: Service,
  serviceKey: ServiceKey,
  unsigned: Unsigned,
  cancellation: Cancellation,
) => Started | Promise<Started>

/** Without a promise of its own where the key has been opened before: that is nearly every operation. */
export const makeDispatch = (parts: GatewayParts): Dispatch => {
  const { outbound, limits } = parts
  const credentialsFor = makeCredentials(parts)

  const sendWith = (
    credentials: Outcome<Credentials>,
    service: Service,
    { method, url, headers, body }: Unsigned,
    cancellation: Cancellation,
  ): Started | Promise<Started> => {
    if (!credentials.ok) return credentials
    const connections = outbound.connectionsTo(url.origin)
    if (!connections.ok) return connections
    const { secret, accessToken } = credentials.value
    const send = (signed: Readonly<Record<string, string>>) =>
      startExchange(
        connections.value,
        {
          method,
          path: url.pathname + url.search,
          headers: Object.assign(headers, signed),
          body,
          secret: Buffer.from(accessToken ?? secret),
          firstByteTimeoutMs: limits.firstByteTimeoutMs,
          idleTimeoutMs: limits.idleTimeoutMs,
        },
        cancellation,
      )
    const signed = service.authenticate(credentials.value, { method, url, headers, body, at: new Date() })
    return signed instanceof Promise ? signed.then(send) : send(signed)
  }

  return (service, serviceKey, unsigned, cancellation) => {
    const found = credentialsFor(service, serviceKey)
    return found instanceof Promise
      ? found.then((credentials) => sendWith(credentials, service, unsigned, cancellation))
      : sendWith(found, service, unsigned, cancellation)
  }
}

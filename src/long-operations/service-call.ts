import type { ServiceKey } from '../keys/keys.ts'
import type { KeyUses } from '../keys/uses.ts'
import { type Fault, failure, type Outcome, success } from '../kit/fault.ts'
import { redactSecrets } from '../kit/redact.ts'
import type { Outbound, OutboundReply } from '../net/outbound.ts'
import type { Catalogue } from '../routing/catalogue.ts'
import { findService } from '../services/registry.ts'
import type { Vault } from '../vault/vault.ts'

/** A small call on a service key: its reply is read whole. */
export interface ServiceCall {
  readonly method: 'GET' | 'POST'
  /** Joined to the key's base URL. */
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  readonly timeoutMs: number
  readonly maximumBytes: number
}

/** Makes such calls. No reply holds the secret that it was asked with. */
export type CallService = (serviceKey: ServiceKey, call: ServiceCall) => Promise<Outcome<OutboundReply>>

/** It was never sent: what stopped it is ours. */
export const saysNothingOfService = ({ code }: Fault): boolean =>
  code === 'secret_unreadable' || code === 'vault_sealed'

export const makeCallService =
  (parts: {
    vault: Vault
    outbound: Pick<Outbound, 'request'>
    catalogue: Pick<Catalogue, 'baseUrlOf'>
    /** Left out: nobody here asks. */
    keyUses?: Pick<KeyUses, 'enter' | 'leave'>
  }): CallService =>
  async (serviceKey, { method, path, headers: more, body, timeoutMs, maximumBytes }) => {
    const service = findService(serviceKey.serviceId)
    const base = parts.catalogue.baseUrlOf(serviceKey.serviceId, serviceKey.baseUrl, serviceKey.settings)
    const url = base === null ? null : URL.parse(base + path)
    if (service === undefined || url === null) return failure('service_unreachable')
    const secret = await parts.vault.open({ ...serviceKey, serviceKeyId: serviceKey.id }, serviceKey.sealed)
    if (!secret.ok) return secret
    const headers: Record<string, string> = {
      accept: 'application/json',
      ...more,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    }
    const credentials = await service.authenticate(
      { secret: secret.value, settings: serviceKey.settings, accessToken: null },
      { method, url, headers, body: Buffer.from(body ?? ''), at: new Date() },
    )
    const { id: serviceKeyId, version } = serviceKey
    // Of whatever configuration: it may have waited between reading its key and this.
    const use = parts.keyUses?.enter({ epoch: 0n, using: () => ({ serviceKeyId, version }) })
    const reply = await parts.outbound.request({
      method,
      url: url.href,
      headers: { ...headers, ...credentials },
      ...(body === undefined ? {} : { body }),
      timeoutMs,
      maximumBytes,
    })
    if (use !== undefined) parts.keyUses?.leave(use)
    return reply.ok
      ? success({ ...reply.value, body: redactSecrets(reply.value.body, [secret.value]) })
      : reply
  }

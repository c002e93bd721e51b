import { failure, type Outcome, success } from '../kit/fault.ts'
import { findService } from '../services/registry.ts'
import type { KeySettings, Service } from '../services/service.ts'
import type { ServiceKeyParts } from './parts.ts'
import { type Scope, scopeOf, scopeText } from './scope.ts'
import { readSecret, resemblanceWarning } from './secret.ts'
import type { KeyCheck, SecretInput } from './service-key.ts'
import { readSettings } from './settings.ts'
import { exchangeSecret } from './token-exchange.ts'
import {
  type Judgement,
  judge,
  judgeExchange,
  provenByUse,
  readBaseUrl,
  validationRequest,
} from './validation.ts'

/** What a person entered, after the checks that need no network. */
export interface EnteredSecret {
  readonly service: Service
  readonly secret: string
  readonly keyBaseUrl: string | null
  readonly settings: KeySettings
  readonly warning: string | null
}

/** What a service says of a secret, and what it may do there. */
export interface Proof extends Judgement {
  readonly scope: Scope
}

export interface Proving {
  readonly read: (input: SecretInput) => Outcome<EnteredSecret>
  readonly prove: (
    entered: Pick<EnteredSecret, 'service' | 'secret' | 'keyBaseUrl' | 'settings'>,
  ) => Promise<Outcome<Proof>>
  /** `sameSecretOf` tells where the secret is stored already. */
  readonly check: (
    input: SecretInput,
    sameSecretOf?: (secret: string) => Promise<string | null>,
  ) => Promise<Outcome<KeyCheck>>
}

export const makeProving = ({ outbound, catalogue, clock }: ServiceKeyParts): Proving => {
  const enter: Proving['read'] = (input) => {
    const service = findService(input.serviceId)
    if (!service || !catalogue.isEnabled(service.id))
      return failure('invalid_request', { message: 'There is no such service here.', field: 'serviceId' })
    const secret = readSecret(input.secret, service.secretKind)
    if (!secret.ok) return secret
    if (service.tokenExchange && service.tokenExchange.request(secret.value, clock()) === null)
      return failure('key_malformed', { message: notIssued(service), field: 'secret' })
    const keyBaseUrl = readBaseUrl(service, input.baseUrl ?? null)
    if (!keyBaseUrl.ok) return keyBaseUrl
    const read = readSettings(service, input.settings ?? {}, secret.value)
    if (!read.ok) return read
    const settings = read.value
    const address = catalogue.baseUrlOf(service.id, keyBaseUrl.value, settings)
    if (address === null) return failure('invalid_request', needsAddress(service))
    const safe = outbound.check(address)
    if (!safe.ok) return { ok: false, fault: { ...safe.fault, field: 'baseUrl' } }
    const warning = resemblanceWarning(service, secret.value)
    return success({ service, secret: secret.value, keyBaseUrl: keyBaseUrl.value, settings, warning })
  }

  const prove: Proving['prove'] = async ({ service, secret, keyBaseUrl, settings }) => {
    const address = catalogue.baseUrlOf(service.id, keyBaseUrl, settings)
    if (address === null) return failure('invalid_request', needsAddress(service))
    const unasked = (judgement: Judgement) =>
      success(withScope(service, judgement, scopeOf(service.id, secret, null)))
    if (service.validation === null) return unasked(provenByUse(service))
    const token = service.tokenExchange
      ? await exchangeSecret({ outbound, clock }, service, secret)
      : success(null)
    if (!token.ok) return unasked(judgeExchange(service, token.fault))
    const credentials = { secret, settings, accessToken: token.value?.accessToken ?? null }
    const reply = await outbound.request(await validationRequest(service, address, credentials))
    const judgement = judge(service, reply)
    if (!judgement.ok) return judgement
    const accepted = judgement.value.verdict === 'valid' && reply.ok ? reply.value.body : null
    return success(withScope(service, judgement.value, scopeOf(service.id, secret, accepted)))
  }

  return {
    read: enter,
    prove,
    check: async (input, sameSecretOf) => {
      const entered = enter(input)
      if (!entered.ok) return entered
      const judgement = await prove(entered.value)
      if (!judgement.ok) return judgement
      const sameSecret = (await sameSecretOf?.(entered.value.secret)) ?? null
      return success({ ...checkOf(judgement.value, entered.value.warning), sameSecret })
    },
  }
}

/** Accepted, and yet no key for operations: the service keeps such keys to its administration. */
const withScope = (service: Service, judgement: Judgement, scope: Scope): Proof =>
  scope.unfit && judgement.verdict === 'valid'
    ? { ...judgement, verdict: 'valid_but_unusable', detail: unfitDetail(service, scope), scope }
    : { ...judgement, scope }

export const unfitDetail = ({ name }: Service, scope: Scope): string =>
  `${scope.notes.map(scopeText).join(' ')} ${name} lets such keys serve no operations.`

export const checkOf = (judgement: Proof, warning: string | null): KeyCheck => ({
  verdict: judgement.verdict,
  detail: judgement.detail,
  warning,
  scopeWarnings: judgement.scope.notes.map(scopeText),
  sameSecret: null,
})

const notIssued = ({ name, keyHint }: Service): string =>
  `This is not a document that ${name} issues as a key (${keyHint}), or a part of it is missing.`

const needsAddress = (service: Service) => ({
  message: `A ${service.name} key needs the address of its server.`,
  next: 'Enter the base URL of your server.',
  field: 'baseUrl',
})

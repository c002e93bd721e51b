import { failure, type Outcome, success } from '../kit/fault.ts'
import { findService } from '../services/registry.ts'
import type { KeySettings, Service } from '../services/service.ts'
import type { ServiceKeyParts } from './parts.ts'
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

export interface Proving {
  readonly read: (input: SecretInput) => Outcome<EnteredSecret>
  readonly prove: (
    entered: Pick<EnteredSecret, 'service' | 'secret' | 'keyBaseUrl' | 'settings'>,
  ) => Promise<Outcome<Judgement>>
  readonly check: (input: SecretInput) => Promise<Outcome<KeyCheck>>
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
    if (service.validation === null) return success(provenByUse(service))
    const token = service.tokenExchange
      ? await exchangeSecret({ outbound, clock }, service, secret)
      : success(null)
    if (!token.ok) return success(judgeExchange(service, token.fault))
    const credentials = { secret, settings, accessToken: token.value?.accessToken ?? null }
    return judge(service, await outbound.request(await validationRequest(service, address, credentials)))
  }

  return {
    read: enter,
    prove,
    check: async (input) => {
      const entered = enter(input)
      if (!entered.ok) return entered
      const judgement = await prove(entered.value)
      return judgement.ok ? success(checkOf(judgement.value, entered.value.warning)) : judgement
    },
  }
}

export const checkOf = (judgement: Judgement, warning: string | null): KeyCheck => ({
  verdict: judgement.verdict,
  detail: judgement.detail,
  warning,
})

const notIssued = ({ name, keyHint }: Service): string =>
  `This is not a document that ${name} issues as a key (${keyHint}), or a part of it is missing.`

const needsAddress = (service: Service) => ({
  message: `A ${service.name} key needs the address of its server.`,
  next: 'Enter the base URL of your server.',
  field: 'baseUrl',
})

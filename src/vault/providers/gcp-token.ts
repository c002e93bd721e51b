import { type Outcome, success } from '../../kit/fault.ts'
import { vertexTokenExchange } from '../../services/vertex-token.ts'
import { ask, type Surroundings, textOf } from './ask.ts'
import { type Credentials, type Lease, leaseFor, makeCredentials } from './credentials.ts'
import { misconfigured, refused, strange } from './faults.ts'
import { readSecret } from './secret-source.ts'

/** Google's metadata server, by name and by its fixed address. */
export const gcpMetadataHosts = ['metadata.google.internal:80', '169.254.169.254:80'] as const

const metadataUrl =
  'http://metadata.google.internal/computeMetadata/v1/instance/service-accounts/default/token'

/** The service account of `GOOGLE_APPLICATION_CREDENTIALS`, or the one of the machine or pod. */
export const makeGcpToken = (surroundings: Surroundings): Credentials<string> =>
  makeCredentials({
    clock: surroundings.clock,
    obtain: () => {
      const path = surroundings.environment['GOOGLE_APPLICATION_CREDENTIALS']
      return path ? fromServiceAccount(path, surroundings) : fromMetadata(surroundings)
    },
  })

const fromServiceAccount = async (
  path: string,
  surroundings: Surroundings,
): Promise<Outcome<Lease<string>>> => {
  const document = await readSecret({ kind: 'file', path }, surroundings.environment)
  if (!document.ok) return document
  const question = vertexTokenExchange.request(document.value, surroundings.clock())
  if (question === null)
    return misconfigured(
      `${path} is not the JSON key of a service account.`,
      'Create a key of the type JSON; other kinds of credentials are not supported.',
    )
  const where = new URL(question.url).host
  const answer = await ask(surroundings, where, { method: 'POST', ...question })
  if (!answer.ok) return answer
  const { status, text } = answer.value
  const token = vertexTokenExchange.read(status, text)
  if (token !== null)
    return success(leaseFor(token.accessToken, token.expiresInSeconds, surroundings.clock()))
  return status === 400 || status === 401
    ? refused(
        where,
        'the service account’s key is not accepted.',
        'Create a new key for the service account; check the clock of this machine.',
      )
    : strange(where, status)
}

/** https://cloud.google.com/compute/docs/access/authenticate-workloads#applications */
const fromMetadata = async (surroundings: Surroundings): Promise<Outcome<Lease<string>>> => {
  const headers = { 'metadata-flavor': 'Google' }
  const answer = await ask(surroundings, 'the metadata server', { method: 'GET', url: metadataUrl, headers })
  // Off Google Cloud the name does not resolve; and what answers must be Google's.
  if (!answer.ok || answer.value.headers['metadata-flavor'] !== 'Google')
    return misconfigured(
      'There are no credentials for Google Cloud.',
      'Set GOOGLE_APPLICATION_CREDENTIALS to the JSON key of a service account, or give the machine or pod one.',
    )
  const { status, json } = answer.value
  const token = textOf(json['access_token'])
  const seconds = json['expires_in']
  return status === 200 && token !== null && typeof seconds === 'number'
    ? success(leaseFor(token, seconds, surroundings.clock()))
    : strange('the metadata server', status)
}

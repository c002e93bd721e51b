import { type Outcome, success } from '../../kit/fault.ts'
import { ask, type Surroundings, textOf } from './ask.ts'
import { type Credentials, type Lease, leaseFor, makeCredentials } from './credentials.ts'
import { misconfigured, refused, strange } from './faults.ts'
import { readSecret, secretSourceOf } from './secret-source.ts'

export interface AzureCloud {
  /** What tokens are asked for: `https://vault.azure.net`. */
  readonly audience: string
  /** Of Entra ID. */
  readonly authority: string
}

export const azureMetadataHosts = ['169.254.169.254:80'] as const

const metadataUrl = 'http://169.254.169.254/metadata/identity/oauth2/token'

/** A client secret or a federated token (workload identity) of an application, or the machine's managed identity. */
export const makeAzureToken = (cloud: AzureCloud, surroundings: Surroundings): Credentials<string> =>
  makeCredentials({
    clock: surroundings.clock,
    obtain: () => {
      const { environment } = surroundings
      return environment['AZURE_TENANT_ID'] && environment['AZURE_CLIENT_ID']
        ? fromEntra(cloud, surroundings)
        : fromMetadata(cloud, surroundings)
    },
  })

/** https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow */
const fromEntra = async (cloud: AzureCloud, surroundings: Surroundings): Promise<Outcome<Lease<string>>> => {
  const { environment } = surroundings
  const proof = await proofOf(surroundings)
  if (!proof.ok) return proof
  const tenant = environment['AZURE_TENANT_ID'] as string
  if (!/^[A-Za-z0-9.-]{1,100}$/.test(tenant))
    return misconfigured('AZURE_TENANT_ID is neither an id nor a domain.', 'Correct it.')
  const where = new URL(cloud.authority).host
  const answer = await ask(surroundings, where, {
    method: 'POST',
    url: `${cloud.authority}/${tenant}/oauth2/v2.0/token`,
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: environment['AZURE_CLIENT_ID'] as string,
      scope: `${cloud.audience}/.default`,
      ...proof.value,
    }).toString(),
  })
  if (!answer.ok) return answer
  const { status, json } = answer.value
  const lease = status === 200 ? leaseOf(json, surroundings.clock()) : null
  if (lease !== null) return success(lease)
  return status === 400 || status === 401
    ? refused(
        where,
        'Entra ID does not accept the application’s credentials.',
        'Check AZURE_TENANT_ID and AZURE_CLIENT_ID, and whether the client secret has run out.',
      )
    : strange(where, status)
}

const proofOf = async ({ environment }: Surroundings): Promise<Outcome<Record<string, string>>> => {
  const secret = secretSourceOf('AZURE_CLIENT_SECRET', environment)
  if (secret !== null) {
    const text = await readSecret(secret, environment)
    return text.ok ? success({ client_secret: text.value }) : text
  }
  const path = environment['AZURE_FEDERATED_TOKEN_FILE']
  if (!path)
    return misconfigured(
      'AZURE_TENANT_ID and AZURE_CLIENT_ID are set without a proof.',
      'Set AZURE_CLIENT_SECRET or AZURE_FEDERATED_TOKEN_FILE; or leave the tenant out to use the managed identity.',
    )
  const token = await readSecret({ kind: 'file', path }, environment)
  if (!token.ok) return token
  return success({
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    client_assertion: token.value,
  })
}

/** https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token */
const fromMetadata = async (
  cloud: AzureCloud,
  surroundings: Surroundings,
): Promise<Outcome<Lease<string>>> => {
  const client = surroundings.environment['AZURE_CLIENT_ID']
  const query = new URLSearchParams({
    'api-version': '2018-02-01',
    resource: cloud.audience,
    ...(client ? { client_id: client } : {}),
  })
  const where = 'the machine’s managed identity'
  const answer = await ask(surroundings, where, {
    method: 'GET',
    url: `${metadataUrl}?${query.toString()}`,
    headers: { metadata: 'true' },
  })
  const lease =
    answer.ok && answer.value.status === 200 ? leaseOf(answer.value.json, surroundings.clock()) : null
  return lease === null
    ? misconfigured(
        'There are no credentials for Azure.',
        'Set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET, or give the machine a managed identity.',
      )
    : success(lease)
}

/** Entra gives the seconds as a number, the metadata service as text. */
const leaseOf = (json: Readonly<Record<string, unknown>>, at: Date): Lease<string> | null => {
  const token = textOf(json['access_token'])
  const seconds = Number(json['expires_in'] ?? Number.NaN)
  return token === null || !(seconds > 0) ? null : leaseFor(token, seconds, at)
}

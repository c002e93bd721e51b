import type { EndpointName, Reply, Request } from '../../src/contract/endpoints.ts'
import type { PolicyDocument, PolicyPreview } from '../../src/contract/policy.ts'
import { call } from '../data/call.ts'

/** Whose policy a page is about, and by which endpoints it is read and changed. */
export interface PolicyPlace {
  /** Tells pages of one organisation from those of another. */
  readonly key: string
  /** Whose names the answers are kept under, so that a change elsewhere can ask for them anew. */
  readonly reads: { readonly state: EndpointName; readonly versions: EndpointName }
  state(): Promise<Reply<'readPolicy'>>
  versions(cursor: string | undefined): Promise<Reply<'listPolicyVersions'>>
  preview(document: PolicyDocument): Promise<PolicyPreview>
  save(body: Request<'savePolicy'>['body']): Promise<Reply<'savePolicy'>>
  restore(version: number, body: Request<'restorePolicy'>['body']): Promise<Reply<'restorePolicy'>>
  cancel(version: number): Promise<Reply<'cancelPolicy'>>
  /** null: only the organisation itself makes exceptions. */
  readonly exceptions: {
    grant(user: string, service: string, body: Request<'grantOwnKeyException'>['body']): Promise<unknown>
    revoke(user: string, service: string): Promise<unknown>
  } | null
}

export const ownPolicy: PolicyPlace = {
  key: 'own',
  reads: { state: 'readPolicy', versions: 'listPolicyVersions' },
  state: () => call('readPolicy', {}),
  versions: (cursor) => call('listPolicyVersions', { query: { cursor } }),
  preview: (body) => call('previewPolicy', { body }),
  save: (body) => call('savePolicy', { body }),
  restore: (version, body) => call('restorePolicy', { params: { version }, body }),
  cancel: (version) => call('cancelPolicy', { params: { version } }),
  exceptions: {
    grant: (user, service, body) => call('grantOwnKeyException', { params: { user, service }, body }),
    revoke: (user, service) => call('revokeOwnKeyException', { params: { user, service } }),
  },
}

export const policyOf = (organization: string): PolicyPlace => ({
  key: organization,
  reads: { state: 'readOrganizationPolicy', versions: 'listOrganizationPolicyVersions' },
  state: () => call('readOrganizationPolicy', { params: { organization } }),
  versions: (cursor) =>
    call('listOrganizationPolicyVersions', { params: { organization }, query: { cursor } }),
  preview: (body) => call('previewOrganizationPolicy', { params: { organization }, body }),
  save: (body) => call('saveOrganizationPolicy', { params: { organization }, body }),
  restore: (version, body) => call('restoreOrganizationPolicy', { params: { organization, version }, body }),
  cancel: (version) => call('cancelOrganizationPolicy', { params: { organization, version } }),
  exceptions: null,
})

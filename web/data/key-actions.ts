import { type UseMutationResult, useMutation, useQueryClient } from '@tanstack/react-query'
import type { EndpointName } from '../../src/contract/endpoints.ts'
import type { KeyCheck, ServiceKey } from '../../src/contract/service-keys.ts'
import { type CallFault, call } from './call.ts'

type Settings = Readonly<Record<string, string>>

export interface NewKey {
  readonly serviceId: string
  readonly secret: string
  readonly baseUrl?: string | undefined
  /** What the service asks for beside the secret. */
  readonly settings?: Settings | undefined
  readonly label?: string | undefined
  /** System keys only: 1 Primary, 2 Secondary, 3 Tertiary. */
  readonly priority?: number | undefined
}

type Act<Variables, Result> = UseMutationResult<Result, CallFault, Variables>

/** What can be done with service keys; the same dialogs serve a user's own keys and the system's. */
export interface KeyActions {
  readonly check: Act<NewKey, KeyCheck>
  readonly add: Act<NewKey, Pick<ServiceKey, 'label'>>
  readonly recheck: Act<{ id: string }, ServiceKey>
  readonly replace: Act<{ id: string; secret: string; settings?: Settings | undefined }, ServiceKey>
  /** Proven at the service like a new key. */
  readonly changeSettings: Act<{ id: string; settings: Settings }, ServiceKey>
  readonly rename: Act<{ id: string; label: string }, ServiceKey>
  readonly revoke: Act<{ id: string }, unknown>
}

const useKeyAct = <Variables, Result>(
  work: (variables: Variables) => Promise<Result>,
  refreshes: readonly EndpointName[],
): Act<Variables, Result> => {
  const client = useQueryClient()
  return useMutation<Result, CallFault, Variables>({
    mutationFn: work,
    onSuccess: () => Promise.all(refreshes.map((read) => client.invalidateQueries({ queryKey: [read] }))),
  })
}

const ownReads = [
  'listServiceKeys',
  'listServices',
  'listServiceKeyChecks',
  'listOwnKeyVersions',
  'listOwnKeyRotations',
  'readKeyHygiene',
] as const

export const useOwnKeyActions = (): KeyActions => ({
  check: useKeyAct(
    ({ serviceId, secret, baseUrl, settings }) =>
      call('checkNewServiceKey', { body: { serviceId, secret, baseUrl, settings } }),
    [],
  ),
  add: useKeyAct<NewKey, Pick<ServiceKey, 'label'>>(
    ({ serviceId, secret, baseUrl, settings, label }) =>
      call('addServiceKey', { body: { serviceId, secret, baseUrl, settings, label } }),
    ownReads,
  ),
  recheck: useKeyAct((params) => call('recheckServiceKey', { params }), ownReads),
  replace: useKeyAct(
    ({ id, secret, settings }) => call('replaceServiceKey', { params: { id }, body: { secret, settings } }),
    ownReads,
  ),
  changeSettings: useKeyAct(
    ({ id, settings }) => call('changeServiceKey', { params: { id }, body: { settings } }),
    ownReads,
  ),
  rename: useKeyAct(
    ({ id, label }) => call('changeServiceKey', { params: { id }, body: { label } }),
    ownReads,
  ),
  revoke: useKeyAct((params) => call('revokeServiceKey', { params }), ownReads),
})

const organizationReads = ['listOwnOrganizationKeys', 'listServiceKeys', 'listServices'] as const

/** Of keys that the organisation shares with its members; a new one is kept for these teams. */
export const useOrganizationKeyActions = (teamIds: string[] | null = null): KeyActions => ({
  check: useKeyAct(
    ({ serviceId, secret, baseUrl, settings }) =>
      call('checkNewOwnOrganizationKey', { body: { serviceId, secret, baseUrl, settings } }),
    [],
  ),
  add: useKeyAct<NewKey, Pick<ServiceKey, 'label'>>(
    ({ serviceId, secret, baseUrl, settings, label }) =>
      call('addOwnOrganizationKey', { body: { serviceId, secret, baseUrl, settings, label, teamIds } }),
    organizationReads,
  ),
  recheck: useKeyAct((params) => call('recheckOwnOrganizationKey', { params }), organizationReads),
  replace: useKeyAct(
    ({ id, secret, settings }) =>
      call('replaceOwnOrganizationKey', { params: { id }, body: { secret, settings } }),
    organizationReads,
  ),
  changeSettings: useKeyAct(
    ({ id, settings }) => call('changeOwnOrganizationKey', { params: { id }, body: { settings } }),
    organizationReads,
  ),
  rename: useKeyAct(
    ({ id, label }) => call('changeOwnOrganizationKey', { params: { id }, body: { label } }),
    organizationReads,
  ),
  revoke: useKeyAct((params) => call('revokeOwnOrganizationKey', { params }), organizationReads),
})

const systemReads = [
  'listSystemKeys',
  'readOverview',
  'listAdminServices',
  'listServices',
  'listSystemKeyChecks',
  'listSystemKeyVersions',
  'listKeyRotations',
  'readAllKeyHygiene',
] as const

export const useSystemKeyActions = (): KeyActions => ({
  check: useKeyAct(
    ({ serviceId, secret, baseUrl, settings }) =>
      call('checkNewSystemKey', { body: { serviceId, secret, baseUrl, settings } }),
    [],
  ),
  add: useKeyAct<NewKey, Pick<ServiceKey, 'label'>>(
    ({ serviceId, secret, baseUrl, settings, label, priority }) =>
      call('addSystemKey', {
        body: { serviceId, secret, baseUrl, settings, label, priority: priority ?? 1 },
      }),
    systemReads,
  ),
  recheck: useKeyAct((params) => call('recheckSystemKey', { params }), systemReads),
  replace: useKeyAct(
    ({ id, secret, settings }) => call('replaceSystemKey', { params: { id }, body: { secret, settings } }),
    systemReads,
  ),
  changeSettings: useKeyAct(
    ({ id, settings }) => call('changeSystemKey', { params: { id }, body: { settings } }),
    systemReads,
  ),
  rename: useKeyAct(
    ({ id, label }) => call('changeSystemKey', { params: { id }, body: { label } }),
    systemReads,
  ),
  revoke: useKeyAct((params) => call('revokeSystemKey', { params }), systemReads),
})

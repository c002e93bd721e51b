import { type UseMutationResult, useMutation, useQueryClient } from '@tanstack/react-query'
import type { EndpointName } from '../../src/contract/endpoints.ts'
import type { KeyRotation, Rotation, RotationMode, RotationSchedule } from '../../src/contract/rotation.ts'
import { type CallFault, call } from './call.ts'

type Act<Variables, Result> = UseMutationResult<Result, CallFault, Variables>

interface KeyName {
  readonly organizationId: string
  readonly id: string
}

/** What can be done with rotations; the same screens serve a user's own keys and the keys that administrators manage. */
export interface RotationActions {
  readonly start: Act<{ key: KeyName; mode: RotationMode; reason?: string | undefined }, Rotation>
  readonly schedule: Act<{ key: KeyName; schedule: RotationSchedule }, KeyRotation>
  readonly giveSecret: Act<
    { id: string; secret: string; settings?: Readonly<Record<string, string>> | undefined },
    Rotation
  >
  readonly rollBack: Act<{ id: string; reason: string }, Rotation>
  readonly abandon: Act<{ id: string; reason: string }, Rotation>
  readonly retry: Act<{ id: string; note?: string | undefined }, Rotation>
  readonly confirm: Act<{ id: string; note?: string | undefined }, Rotation>
}

const useRotationAct = <Variables, Result>(
  work: (variables: Variables) => Promise<Result>,
  refreshes: readonly EndpointName[],
): Act<Variables, Result> => {
  const client = useQueryClient()
  return useMutation<Result, CallFault, Variables>({
    mutationFn: work,
    // Also after a refusal: most often the rotation has gone on meanwhile.
    onSettled: () => Promise.all(refreshes.map((read) => client.invalidateQueries({ queryKey: [read] }))),
  })
}

const ownReads = [
  'listOwnRotations',
  'readOwnRotation',
  'listOwnKeyRotations',
  'listOwnKeyVersions',
  'listServiceKeys',
] as const

export const useOwnRotationActions = (): RotationActions => ({
  start: useRotationAct(
    ({ key, mode, reason }) => call('startOwnRotation', { params: { id: key.id }, body: { mode, reason } }),
    ownReads,
  ),
  schedule: useRotationAct(
    ({ key, schedule }) => call('scheduleOwnRotation', { params: { id: key.id }, body: schedule }),
    ownReads,
  ),
  giveSecret: useRotationAct(
    ({ id, secret, settings }) => call('giveOwnNewSecret', { params: { id }, body: { secret, settings } }),
    ownReads,
  ),
  rollBack: useRotationAct(
    ({ id, reason }) => call('rollBackOwnRotation', { params: { id }, body: { reason } }),
    ownReads,
  ),
  abandon: useRotationAct(
    ({ id, reason }) => call('abandonOwnRotation', { params: { id }, body: { reason } }),
    ownReads,
  ),
  retry: useRotationAct(
    ({ id, note }) => call('retryOwnRotation', { params: { id }, body: { note } }),
    ownReads,
  ),
  confirm: useRotationAct(
    ({ id, note }) => call('confirmOwnRotation', { params: { id }, body: { note } }),
    ownReads,
  ),
})

const managedReads = [
  'listRotations',
  'readRotation',
  'listKeyRotations',
  'listSystemKeyVersions',
  'listSystemKeys',
] as const

export const useManagedRotationActions = (): RotationActions => ({
  start: useRotationAct(
    ({ key, mode, reason }) =>
      call('startRotation', {
        params: { organization: key.organizationId, id: key.id },
        body: { mode, reason },
      }),
    managedReads,
  ),
  schedule: useRotationAct(
    ({ key, schedule }) =>
      call('scheduleKeyRotation', {
        params: { organization: key.organizationId, id: key.id },
        body: schedule,
      }),
    managedReads,
  ),
  giveSecret: useRotationAct(
    ({ id, secret, settings }) => call('giveNewSecret', { params: { id }, body: { secret, settings } }),
    managedReads,
  ),
  rollBack: useRotationAct(
    ({ id, reason }) => call('rollBackRotation', { params: { id }, body: { reason } }),
    managedReads,
  ),
  abandon: useRotationAct(
    ({ id, reason }) => call('abandonRotation', { params: { id }, body: { reason } }),
    managedReads,
  ),
  retry: useRotationAct(
    ({ id, note }) => call('retryRotation', { params: { id }, body: { note } }),
    managedReads,
  ),
  confirm: useRotationAct(
    ({ id, note }) => call('confirmRotation', { params: { id }, body: { note } }),
    managedReads,
  ),
})

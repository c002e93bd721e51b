import { useMutation, useQueryClient } from '@tanstack/react-query'
import type { ReceivedRequest } from '../../src/contract/requests.ts'
import type { KeyCheck } from '../../src/contract/service-keys.ts'
import { type CallFault, call } from '../data/call.ts'
import { type KeyActions, type NewKey, useOwnKeyActions } from '../data/key-actions.ts'
import { useRead } from '../data/queries.ts'
import { AddKeyDialog } from '../keys/add-key-dialog.tsx'

/** The dialog of new keys; saving shares the key with everybody in the organisation and approves the request. */
export const ApproveWithKey = (props: { request: ReceivedRequest; onClose: () => void }) => {
  const { request } = props
  const client = useQueryClient()
  const own = useOwnKeyActions()
  const services = useRead('listServices', {})
  const add = useMutation<{ label: string }, CallFault, NewKey>({
    mutationFn: async ({ secret, label, baseUrl, settings }) => {
      const key = { secret, label, baseUrl, settings }
      await call('approveRequest', { params: { id: request.id }, body: { by: 'key', key } })
      return { label: label ?? 'shared' }
    },
    onSuccess: () =>
      Promise.all(
        ['listRequests', 'listOwnRequests', 'listServiceKeys', 'listServices'].map((name) =>
          client.invalidateQueries({ queryKey: [name] }),
        ),
      ),
  })
  const check = useMutation<KeyCheck, CallFault, NewKey>({
    mutationFn: ({ secret, baseUrl, settings }) =>
      call('checkRequestedKey', { params: { id: request.id }, body: { secret, baseUrl, settings } }),
  })
  const actions: KeyActions = { ...own, check, add }
  return (
    <AddKeyDialog
      opened={services.data !== undefined}
      title={`Share a key with ${request.user.name || request.user.email} and all other members`}
      services={(services.data?.items ?? []).filter(({ id }) => id === request.serviceId)}
      actions={actions}
      serviceId={request.serviceId}
      onClose={props.onClose}
    />
  )
}

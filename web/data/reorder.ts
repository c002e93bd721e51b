import { useMutation, useQueryClient } from '@tanstack/react-query'
import type { Reply } from '../../src/contract/endpoints.ts'
import type { ServiceKey } from '../../src/contract/service-keys.ts'
import { type CallFault, call } from './call.ts'
import { read } from './queries.ts'

interface Order {
  readonly serviceId: string
  readonly keys: readonly ServiceKey[]
}

/**
 * Sets the order of one service's system keys: shown at once, taken back when refused. One after the other: of two quick
 * moves the later one must arrive last.
 */
export const useReorder = (serviceId: string) => {
  const client = useQueryClient()
  const { queryKey } = read('listSystemKeys', {})
  const mutationKey = ['reorderSystemKeys', serviceId]
  return useMutation<
    Reply<'reorderSystemKeys'>,
    CallFault,
    Order,
    { before: Reply<'listSystemKeys'> | undefined }
  >({
    mutationKey,
    scope: { id: mutationKey.join(' ') },
    mutationFn: (order) =>
      call('reorderSystemKeys', {
        body: {
          serviceId: order.serviceId,
          order: order.keys.map((key) => ({ id: key.id, priority: key.priority ?? 3 })),
        },
      }),
    onMutate: async (order) => {
      await client.cancelQueries({ queryKey })
      const before = client.getQueryData(queryKey)
      if (before)
        client.setQueryData(queryKey, {
          items: [...before.items.filter((key) => key.serviceId !== order.serviceId), ...order.keys],
        })
      return { before }
    },
    onError: (_error, _order, context) => client.setQueryData(queryKey, context?.before),
    // Not while another move is under way: its order is shown already.
    onSettled: () =>
      client.isMutating({ mutationKey }) > 1 ? undefined : client.invalidateQueries({ queryKey }),
  })
}

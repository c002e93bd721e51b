import { useMutation, useQueryClient } from '@tanstack/react-query'
import type { Reply } from '../../src/contract/endpoints.ts'
import type { ServiceKey } from '../../src/contract/service-keys.ts'
import { type CallFault, call } from './call.ts'
import { read } from './queries.ts'

interface Order {
  readonly serviceId: string
  readonly keys: readonly ServiceKey[]
}

/** Sets the order of one service's system keys: shown at once, taken back when refused. */
export const useReorder = () => {
  const client = useQueryClient()
  const { queryKey } = read('listSystemKeys', {})
  return useMutation<
    Reply<'reorderSystemKeys'>,
    CallFault,
    Order,
    { before: Reply<'listSystemKeys'> | undefined }
  >({
    mutationFn: ({ serviceId, keys }) =>
      call('reorderSystemKeys', {
        body: { serviceId, order: keys.map((key) => ({ id: key.id, priority: key.priority ?? 3 })) },
      }),
    onMutate: async ({ serviceId, keys }) => {
      await client.cancelQueries({ queryKey })
      const before = client.getQueryData(queryKey)
      if (before)
        client.setQueryData(queryKey, {
          items: [...before.items.filter((key) => key.serviceId !== serviceId), ...keys],
        })
      return { before }
    },
    onError: (_error, _order, context) => client.setQueryData(queryKey, context?.before),
    onSettled: () => client.invalidateQueries({ queryKey }),
  })
}

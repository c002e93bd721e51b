import { useInfiniteQuery } from '@tanstack/react-query'
import type { Reply, Request } from '../../src/contract/endpoints.ts'
import { type CallFault, call } from '../data/call.ts'
import type { PagedName } from '../data/queries.ts'

/** Lists whose path names what they are of; else as `usePages`. */
export const usePagesOf = <Name extends PagedName>(
  name: Name,
  params: Readonly<Record<string, string>>,
  query: Readonly<Record<string, string | number | undefined>>,
) =>
  useInfiniteQuery<Reply<Name>, CallFault, { pages: Reply<Name>[] }, unknown[], string | undefined>({
    queryKey: [name, 'pages', params, query],
    queryFn: ({ pageParam, signal }) =>
      call(name, { params, query: { ...query, cursor: pageParam } } as unknown as Request<Name>, signal),
    initialPageParam: undefined,
    getNextPageParam: (last) => (last as { nextCursor: string | null }).nextCursor ?? undefined,
  })

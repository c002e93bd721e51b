import {
  MutationCache,
  QueryCache,
  QueryClient,
  queryOptions,
  type UseMutationResult,
  useInfiniteQuery,
  useMutation,
  useQuery,
  useQueryClient,
} from '@tanstack/react-query'
import type { EndpointName, Reply, Request } from '../../src/contract/endpoints.ts'
import { CallFault, call } from './call.ts'

const isExpected = (error: unknown): boolean =>
  error instanceof CallFault && error.status >= 400 && error.status < 500

/** A session that ended elsewhere shows as a 401 on any call: `onSignedOut` takes the person to the sign-in page. */
export const makeQueryClient = (onSignedOut: () => void): QueryClient => {
  const onError = (error: unknown) => {
    if (error instanceof CallFault && error.code === 'not_signed_in') onSignedOut()
  }
  const client = new QueryClient({
    queryCache: new QueryCache({ onError }),
    // Any command may be a step of setting up; asked for only while there are steps left.
    mutationCache: new MutationCache({
      onError,
      onSuccess: () => void client.invalidateQueries({ queryKey: ['readOnboarding'] }),
    }),
    defaultOptions: {
      queries: {
        staleTime: 5_000,
        retry: (failures, error) => !isExpected(error) && failures < 2,
        refetchOnWindowFocus: true,
      },
    },
  })
  return client
}

export const read = <Name extends EndpointName>(name: Name, request: Request<Name>) =>
  queryOptions<Reply<Name>, CallFault>({
    queryKey: [name, request],
    queryFn: ({ signal }) => call(name, request, signal),
  })

export const useRead = <Name extends EndpointName>(
  name: Name,
  request: Request<Name>,
  options: { enabled?: boolean; refreshSeconds?: number } = {},
) =>
  useQuery({
    ...read(name, request),
    enabled: options.enabled ?? true,
    refetchInterval: options.refreshSeconds ? options.refreshSeconds * 1000 : false,
  })

/** Endpoints that answer one page and a cursor for the next. */
export type PagedName = {
  [Name in EndpointName]: Reply<Name> extends { items: unknown[]; nextCursor: string | null } ? Name : never
}[EndpointName]

export const usePages = <Name extends PagedName>(
  name: Name,
  query: Omit<Record<string, unknown>, 'cursor'>,
) =>
  useInfiniteQuery<Reply<Name>, CallFault, { pages: Reply<Name>[] }, unknown[], string | undefined>({
    queryKey: [name, 'pages', query],
    queryFn: ({ pageParam, signal }) =>
      call(name, { query: { ...query, cursor: pageParam } } as Request<Name>, signal),
    initialPageParam: undefined,
    getNextPageParam: (last) => (last as { nextCursor: string | null }).nextCursor ?? undefined,
  })

/** A command; when it succeeded, every read of `refreshes` is fetched again before the mutation settles. */
export const useAct = <Name extends EndpointName>(
  name: Name,
  refreshes: readonly EndpointName[] = [],
): UseMutationResult<Reply<Name>, CallFault, Request<Name>> => {
  const client = useQueryClient()
  return useMutation<Reply<Name>, CallFault, Request<Name>>({
    mutationFn: (request) => call(name, request),
    onSuccess: () => Promise.all(refreshes.map((read) => client.invalidateQueries({ queryKey: [read] }))),
  })
}

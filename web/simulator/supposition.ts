import { z } from 'zod'
import { type ExplainRequest, explainableEndpoint } from '../../src/contract/explain.ts'
import { fallback, serviceId } from '../../src/contract/wire.ts'

const ids = z
  .string()
  .max(600)
  .transform((text) => text.split(',').filter((id) => serviceId.safeParse(id).success))
  .transform((list) => (list.length === 0 ? undefined : list.join(',')))
  .optional()
  .catch(undefined)
const size = z.coerce.number().int().min(0).max(10_000_000).optional().catch(undefined)

/** A hypothetical call, as the address bar has it: it can be linked to and sent. */
export const simulatorSearch = z.object({
  model: z.string().trim().min(1).max(256).optional().catch(undefined),
  endpoint: explainableEndpoint.optional().catch(undefined),
  /** Services, by commas. */
  with: ids,
  without: ids,
  preference: fallback.optional().catch(undefined),
  noCredits: z.literal(true).optional().catch(undefined),
  in: size,
  out: size,
})
export type SimulatorSearch = z.output<typeof simulatorSearch>

export const listOf = (ids: string | undefined): string[] => (ids ? ids.split(',') : [])
export const textOf = (ids: readonly string[]): string | undefined =>
  ids.length === 0 ? undefined : ids.join(',')

export const isSupposing = (search: SimulatorSearch): boolean =>
  Boolean(search.with ?? search.without ?? search.preference ?? search.noCredits)

/** Null until a model is named. */
export const explainBody = (search: SimulatorSearch): ExplainRequest | null =>
  search.model === undefined
    ? null
    : {
        model: search.model,
        endpoint: search.endpoint ?? 'chat_completions',
        ...(search.in === undefined ? {} : { inputTokens: search.in }),
        ...(search.out === undefined ? {} : { outputTokens: search.out }),
        suppose: {
          withOwnKeyAt: listOf(search.with),
          withoutOwnKeyAt: listOf(search.without),
          ...(search.preference === undefined ? {} : { preference: search.preference }),
          ...(search.noCredits === undefined ? {} : { noCredits: true }),
        },
      }

/** The endpoint that a receipt names, where a route can be explained for it. */
export const explainable = (endpoint: string): SimulatorSearch['endpoint'] =>
  explainableEndpoint.safeParse(endpoint).data

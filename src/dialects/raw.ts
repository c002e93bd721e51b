import { success } from '../kit/fault.ts'
import { noUsage } from '../metering/usage.ts'
import type { Codec } from './dialect.ts'

const nothingToRead = { textBytes: 0, hiddenTokens: 0, images: 0, documents: 0, documentBytes: 0 }

/**
 * A call to a path of a service that the gateway knows nothing of: passed on as it is, on the caller's own keys alone,
 * because nobody can tell what it costs.
 */
export const rawCodec: Codec = {
  parse: ({ body, contentType }) =>
    success({
      endpoint: 'raw',
      body,
      contentType,
      model: 'raw',
      streamed: false,
      maximumOutputTokens: null,
      producesOutput: false,
      choices: 1,
      input: nothingToRead,
      mostUnits: null,
      unpriced: 'path',
      wantsUsageEvent: true,
    }),
  bodyFor: ({ body }) => body,
  reply: 'any',
  makeTap: () => ({
    classify: (_, ends) => ends.map(() => 'content'),
    reported: () => noUsage,
    endsWithConnection: () => true,
  }),
  usageOf: () => noUsage,
  errorEvent: (fault) =>
    `event: error\ndata: ${JSON.stringify({ error: { code: fault.code, message: fault.message } })}\n\n`,
}

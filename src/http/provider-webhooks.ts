import type { FastifyInstance } from 'fastify'
import { must } from '../kit/fault.ts'
import type { Outcome } from '../kit/fault.ts'

/** Takes the bytes as they came and what they are signed with. */
export type ReceiveWebhook = (body: Buffer, signature: string | undefined) => Promise<Outcome<void>>

/** Stripe's events are a few kilobytes. */
const largestBytes = 256 * 1024

/**
 * Where payment providers tell us things. Apart from the API: nobody is signed in, and the signature is over the raw
 * bytes, so no parser may touch them.
 */
export const registerProviderWebhooks = async (
  app: FastifyInstance,
  receive: { readonly stripe: ReceiveWebhook },
): Promise<void> => {
  await app.register(async (scope) => {
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser('*', { parseAs: 'buffer', bodyLimit: largestBytes }, (_, body, done) =>
      done(null, body),
    )
    scope.post('/webhooks/stripe', { schema: { hide: true } }, async (request, reply) => {
      const signature = request.headers['stripe-signature']
      const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0)
      must(await receive.stripe(body, typeof signature === 'string' ? signature : undefined))
      return reply.code(200).type('application/json; charset=utf-8').send('{"received":true}')
    })
  })
}

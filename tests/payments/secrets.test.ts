import { expect, test } from 'vitest'
import { startStripe } from '../../simulator/stripe.ts'
import { makeLog } from '../../src/kit/log.ts'
import { makeOutbound } from '../../src/net/outbound.ts'
import { makeStripeProvider } from '../../src/payments/stripe.ts'
import { makePayer, makeRequest, returnUrl, stripeSecrets } from './stripe-scene.ts'

test('no failure writes a secret or a person into the log, or into what is answered', async () => {
  const standIn = await startStripe({ secretKey: 'sk_test_another' })
  const outbound = makeOutbound()
  outbound.allow([`127.0.0.1:${standIn.port}`])
  const lines: string[] = []
  const log = makeLog({ level: 'debug', destination: { write: (line: string) => void lines.push(line) } })
  const provider = makeStripeProvider({
    account: { ...stripeSecrets, apiUrl: standIn.url },
    outbound,
    customersOf: () => ({ find: async () => 'cus_1', write: async () => {} }),
    log,
  })
  const payer = { ...makePayer(), email: 'grace.hopper@example.com', name: 'Grace Hopper' }
  const answers: unknown[] = []
  // The key is refused; then nobody is there.
  for (const trouble of ['refused', 'unreachable']) {
    answers.push(
      await provider.checkout({ ...makeRequest(payer), returnUrl }),
      await provider.charge(makeRequest(payer)),
      await provider.portalLink(payer, returnUrl),
      await provider.refund({
        refundId: 'r',
        paymentId: 'p',
        externalId: 'pi_1',
        amountMinor: 1n,
        currency: 'USD',
      }),
      provider.verify(Buffer.from('{}'), 't=1,v1=abc', new Date()),
    )
    if (trouble === 'refused') await standIn.close()
  }
  await outbound.close()
  const text = [...lines, JSON.stringify(answers)].join('\n')
  expect(lines.length).toBeGreaterThan(5)
  for (const secret of [...Object.values(stripeSecrets), payer.email, payer.name])
    expect(text).not.toContain(secret)
  // Not even the end of the key that Stripe repeats.
  expect(text).not.toContain(stripeSecrets.secretKey.slice(-4))
})

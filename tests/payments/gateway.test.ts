import { expect, test } from 'vitest'
import { startStripe } from '../../simulator/stripe.ts'
import { must } from '../../src/kit/fault.ts'
import { newId } from '../../src/kit/id.ts'
import { openStage } from '../stage.ts'
import { administrator } from './payment-scene.ts'
import { returnUrl, stripeSecrets } from './stripe-scene.ts'

test('a whole gateway with a Stripe account takes webhooks on its port, and grants what was bought', async () => {
  const standIn = await startStripe({ secretKey: stripeSecrets.secretKey })
  await using stage = await openStage({
    AIDEON_STRIPE_SECRET_KEY: stripeSecrets.secretKey,
    AIDEON_STRIPE_WEBHOOK_SECRET: stripeSecrets.webhookSecret,
    AIDEON_STRIPE_API_URL: standIn.url,
  })
  const { billing, catalogue, organizations, payments } = stage.gateway.rooms
  must(await catalogue.addAllowance(administrator, `127.0.0.1:${standIn.port}`))
  standIn.webhooks.listenAt({ url: `${stage.url}/webhooks/stripe`, secret: stripeSecrets.webhookSecret })
  const settings = await billing.settings()
  must(await billing.saveSettings(administrator, { ...settings, provider: 'stripe' }, 'Stripe is set up'))
  const person = must(
    await organizations.createPerson(administrator, {
      email: 'buyer@example.com',
      name: 'Ada',
      organizationId: null,
    }),
  )
  const { payment, checkoutUrl } = must(
    await billing.buy(
      { kind: 'user', id: person.userId },
      person,
      { kind: 'pack', packId: 'small' },
      { idempotencyKey: newId(), returnUrl },
    ),
  )
  await standIn.pay(checkoutUrl ?? '')
  await standIn.webhooks.settled()
  await payments.settled()
  expect(must(await billing.payment(payment.id))).toMatchObject({ status: 'paid', amountMinor: 500n })
  expect(new Set(standIn.webhooks.deliveries.map(({ status }) => status))).toEqual(new Set([200]))
  await standIn.close()
})

test('a gateway without a Stripe account knows no such webhook', async () => {
  await using stage = await openStage()
  const reply = await fetch(`${stage.url}/webhooks/stripe`, { method: 'POST', body: '{}' })
  expect(reply.status).toBe(404)
})

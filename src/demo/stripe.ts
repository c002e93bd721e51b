import { randomBytes } from 'node:crypto'
import { startStripe, type StripeStandIn } from '../../simulator/stripe.ts'
import type { StripeSettings } from '../config/config.ts'
import { readDemoFile } from './demo-file.ts'

/** Buying works by clicking: a stand-in for Stripe with its pages, where no money moves. */
export interface DemoStripe {
  readonly url: string
  readonly settings: StripeSettings
  /** Once the gateway listens. */
  tell(baseUrl: string): void
  stop(): Promise<void>
}

/** At the port of the last time where that is free. What it knew of payments is gone with the process. */
export const startDemoStripe = async (dataDirectory: string): Promise<DemoStripe> => {
  const previous = (await readDemoFile(dataDirectory))?.stripeUrl
  const secretKey = `sk_test_${randomBytes(18).toString('hex')}`
  const webhookSecret = `whsec_${randomBytes(18).toString('hex')}`
  const start = (port: number): Promise<StripeStandIn> => startStripe({ secretKey, port })
  const standIn = previous
    ? await start(Number(new URL(previous).port)).catch(() => start(0))
    : await start(0)
  return {
    url: standIn.url,
    settings: { secretKey, webhookSecret, apiUrl: standIn.url },
    tell: (baseUrl) =>
      standIn.webhooks.listenAt({ url: `${baseUrl}/webhooks/stripe`, secret: webhookSecret }),
    stop: () => standIn.close(),
  }
}

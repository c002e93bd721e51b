import { createHmac, randomBytes } from 'node:crypto'

/**
 * Signatures of webhooks as https://www.standardwebhooks.com has them: HMAC-SHA256 over `id.timestamp.body`, so that a
 * delivery can be neither changed nor sent again later under another id or time.
 */
export const signatureOf = (secret: string, id: string, timestampSeconds: number, body: string): string => {
  const key = Buffer.from(secret.slice(secretPrefix.length), 'base64')
  return `v1,${createHmac('sha256', key).update(`${id}.${timestampSeconds}.${body}`).digest('base64')}`
}

const secretPrefix = 'whsec_'

export const newWebhookSecret = (): string => secretPrefix + randomBytes(32).toString('base64')

export const isWebhookSecret = (text: string): boolean => /^whsec_[A-Za-z0-9+/]{32,88}={0,2}$/.test(text)

export const webhookHeaders = (
  secret: string,
  id: string,
  timestampSeconds: number,
  body: string,
): Record<string, string> => ({
  'content-type': 'application/json',
  'webhook-id': id,
  'webhook-timestamp': String(timestampSeconds),
  'webhook-signature': signatureOf(secret, id, timestampSeconds, body),
})

import { type DriverContext, done, refused, type RotationDriver } from '../driver.ts'
import { ask, exchange, failureOf, isSuccess, jsonHeaders, parsed, textAt } from './call.ts'
import { ownScope } from './names.ts'

const name = 'Perplexity'

const urlOf = (context: DriverContext, path: string): string =>
  `${context.addressOf('https://api.perplexity.ai')}${path}`
const headersOf = (secret: string) => ({ authorization: `Bearer ${secret}`, ...jsonHeaders })

/**
 * A key makes its own successor, and keys cannot be listed: one whose reply was lost can be found by nobody, so a person
 * is asked then. It is revoked by its secret, so it has no id of its own; `id` is the name it was made under.
 */
export const perplexity: RotationDriver = {
  id: 'perplexity',
  name: 'Perplexity keys',
  serviceIds: ['perplexity'],
  crashClass: 'blind',
  docsUrl: 'https://docs.perplexity.ai/docs/admin/api-key-management',
  credential: [],
  maximumKeys: null,
  settleSeconds: 0,
  propagationSeconds: 60,
  scopeOf: ownScope,

  check: async (context) => {
    const current = await context.currentSecret()
    if (!current.ok) return refused('invalid', current.fault.message)
    return done([
      {
        what: 'Key in use',
        ok: true,
        detail:
          'It makes its successor itself. Whether it may shows only when it does: there is no call that only asks.',
      },
    ])
  },

  identify: async () => done({ id: 'in-use' }),

  async create(context, attempt) {
    const current = await context.currentSecret()
    if (!current.ok) return refused('not_sent', current.fault.message)
    return ask(
      context,
      name,
      {
        what: 'make a key',
        method: 'POST',
        url: urlOf(context, '/generate_auth_token'),
        headers: headersOf(current.value),
        body: JSON.stringify({ token_name: attempt.name }),
      },
      ({ body }) => {
        const secret = textAt(parsed(body), 'auth_token')
        return secret === null ? undefined : { remote: { id: attempt.name }, secret }
      },
    )
  },

  /** By the key in use. A key that ends itself, and is refused when asked again, has ended. */
  async revoke(context, _remote, secretOf) {
    const [current, secret] = [await context.currentSecret(), await secretOf()]
    if (!secret.ok)
      return refused('invalid', 'The key’s secret was never stored, and it is revoked by nothing else.')
    if (!current.ok) return refused('invalid', current.fault.message)
    const asked = {
      what: 'revoke a key',
      method: 'POST',
      url: urlOf(context, '/revoke_auth_token'),
      headers: headersOf(current.value),
      body: JSON.stringify({ auth_token: secret.value }),
    } as const
    const replied = await exchange(context, name, asked)
    if (replied.kind !== 'replied') return replied
    const { status } = replied.reply
    const hasEnded = status === 404 || (status === 401 && current.value === secret.value)
    return isSuccess(status) || hasEnded ? done(undefined) : failureOf(name, asked.what, replied.reply)
  },
}

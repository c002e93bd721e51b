import { z } from 'zod'
import { newWebhookEndpoint } from '../contract/webhooks.ts'
import type { EventType } from '../contract/event-types.ts'
import { hashOfToken } from '../access/token.ts'
import { success } from '../kit/fault.ts'
import { defined } from '../organizations/outcome.ts'
import type { DocumentOrganization } from './document.ts'
import type { Performance, Performed } from './perform.ts'
import { organizationIdOf } from './places.ts'
import type { PlanContext } from './plan.ts'
import type { Snapshot } from './snapshot.ts'
import { differences, settings, type Step, step } from './step.ts'
import { writePrivateFile } from './token-files.ts'

/** Where the events of an organisation are sent, in a document. */

const { shape } = newWebhookEndpoint
export const webhookSchema = (secret: z.ZodType<string, string>) =>
  z
    .strictObject({
      url: shape.url,
      description: shape.description.removeDefault().optional(),
      /** Null: everything. */
      types: shape.types.removeDefault().optional(),
      enabled: z.boolean().optional(),
      secret: secret.optional(),
      secretFile: z.string().min(1).optional(),
    })
    .refine(
      (one) => one.secret === undefined || one.secretFile === undefined,
      'A secret is given by secret, or made and written to secretFile.',
    )
type DocumentWebhook = z.output<ReturnType<typeof webhookSchema>>

export interface StoredEndpoint {
  readonly organizationId: string
  readonly id: string
  readonly url: string
  readonly description: string
  readonly types: readonly EventType[] | null
  readonly enabled: boolean
  readonly lastFour: string
}

export interface WebhookAction {
  readonly kind: 'save_webhook'
  readonly organization: string
  readonly endpoint: StoredEndpoint | null
  readonly wanted: DocumentWebhook
  /** A secret of its own, or the one that is given. */
  readonly hasNewSecret: boolean
}

export const planWebhooks = (
  { name: organization, webhooks }: DocumentOrganization,
  organizationId: string | undefined,
  stored: Snapshot,
  context: PlanContext,
): Step[] =>
  (webhooks ?? []).map((wanted) => {
    const { url, description, types, enabled } = wanted
    const before = stored.webhooks.find((one) => one.organizationId === organizationId && one.url === url)
    const said = { description, types, enabled }
    const current = before ? context.storedSecrets.get(before.id) : undefined
    const secret = secretDetails(wanted, current, context)
    return step(
      `organisation ${organization}: webhook ${url}`,
      !before,
      before ? [...differences<object>(before, said), ...secret] : [...settings(said), ...secret],
      {
        kind: 'save_webhook',
        organization,
        endpoint: before ?? null,
        wanted,
        hasNewSecret: secret.length > 0,
      },
    )
  })

const secretDetails = (
  { secret, secretFile }: DocumentWebhook,
  current: string | undefined,
  context: PlanContext,
): string[] => {
  if (secret !== undefined) return context.secrets.get(secret) === current ? [] : [`secret: from ${secret}`]
  if (secretFile === undefined) return []
  const inFile = context.tokenFiles.get(secretFile) ?? null
  const isThere = current !== undefined && inFile?.equals(hashOfToken(current)) === true
  return isThere ? [] : [`secret: a new one, in ${secretFile}`]
}

export const performWebhook = async (action: WebhookAction, p: Performance): Promise<Performed> => {
  const home = await organizationIdOf(action.organization, p)
  if (!home.ok) return home
  const organizationId = home.value
  const { webhookEndpoints } = p.rooms
  const { url, description, types, enabled, secret: reference, secretFile } = action.wanted
  const secret = reference === undefined ? undefined : p.secrets.get(reference)
  const before = action.endpoint
  const saved =
    before === null
      ? await webhookEndpoints.create(p.actor, organizationId, {
          url,
          description: description ?? '',
          types: types ?? null,
          secret,
        })
      : action.hasNewSecret
        ? await webhookEndpoints.renewSecret(p.actor, organizationId, before.id, secret)
        : null
  if (saved?.ok === false) return saved
  if (saved && secretFile !== undefined)
    await writePrivateFile(p.pathOf(secretFile), `${saved.value.secret}\n`)
  const id = before?.id ?? saved?.value.endpoint.id ?? ''
  const change = defined(
    before === null ? { enabled: enabled === false ? false : undefined } : { description, types, enabled },
  )
  if (Object.keys(change).length > 0) {
    const changed = await webhookEndpoints.change(p.actor, organizationId, id, change)
    if (!changed.ok) return changed
  }
  return success(before === null && reference === undefined && secretFile === undefined ? unseen : null)
}

const unseen = 'Its secret was shown to nobody: renew it under Webhooks, or name a secretFile.'

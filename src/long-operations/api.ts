import type { Endpoint, ReplyInput, RequestOutput } from '../contract/endpoint.ts'
import type {
  LongOperation as WireLongOperation,
  longOperationEndpoints,
  WebhookDelivery as WireDelivery,
} from '../contract/long-operations.ts'
import type { ReaderContext, SessionContext } from '../http/handler.ts'
import { decodeCursor, encodeCursor } from '../kit/cursor.ts'
import { FaultError, fault, must } from '../kit/fault.ts'
import type { SignedIn } from '../identity/identity.ts'
import { isOver } from './long-operation.ts'
import type { Delivery, LongOperation, LongOperations, Owner } from './long-operations.ts'
import { chargeOf } from './progress.ts'
import { trackers } from './trackers.ts'

type Table = typeof longOperationEndpoints
type ContextOf<E extends Endpoint> = E['auth'] extends 'session_or_token' ? ReaderContext : SessionContext
type LongOperationHandlers = {
  readonly [Name in keyof Table]: (
    received: RequestOutput<Table[Name]>,
    context: ContextOf<Table[Name]>,
  ) => Promise<ReplyInput<Table[Name]>>
}

export const longOperationApi = ({
  longOperations,
}: {
  longOperations: LongOperations
}): LongOperationHandlers => {
  const { webhooks } = longOperations

  const found = async (owner: Owner, id: string): Promise<LongOperation> => {
    const operation = await longOperations.find(owner, id)
    if (operation === null) throw new FaultError(fault('not_found'))
    return operation
  }

  return {
    async listLongOperations({ query }, { signedIn }) {
      const { cursor, limit, state, open } = query
      const filter = { ...ownerOf(signedIn), ...narrowed(state, open) }
      return pageOf(await longOperations.page(filter, decodeCursor(cursor), limit + 1), limit, onWire)
    },

    readLongOperation: async ({ params }, { reader }) => onWire(await found(reader, params.id)),

    async cancelLongOperation({ params }, { signedIn }) {
      const operation = await found(ownerOf(signedIn), params.id)
      return onWire(must(await longOperations.cancel(operation)))
    },

    async listAllLongOperations({ query }) {
      const { cursor, limit, state, open, organization, user } = query
      const filter = {
        ...narrowed(state, open),
        ...(organization === undefined ? {} : { organizationId: organization }),
        ...(user === undefined ? {} : { userId: user }),
      }
      const items = await longOperations.page(filter, decodeCursor(cursor), limit + 1)
      return pageOf(items, limit, (operation) => {
        const { organizationId, userId } = operation
        return { ...onWire(operation), organizationId, userId }
      })
    },

    async readWebhookSecret(_, { signedIn }) {
      const view = await webhooks.secret(ownerOf(signedIn))
      return { secret: view && { ...view, createdAt: view.createdAt.toISOString() } }
    },

    async createWebhookSecret(_, { signedIn, actor }) {
      const { secret, view } = await webhooks.newSecret(ownerOf(signedIn), actor)
      return { secret, lastFour: view.lastFour, createdAt: view.createdAt.toISOString() }
    },

    async listWebhookDeliveries({ query }, { signedIn }) {
      const { cursor, limit, operation } = query
      const filter = operation === undefined ? {} : { operationId: operation }
      const items = await webhooks.deliveries(ownerOf(signedIn), filter, decodeCursor(cursor), limit + 1)
      return pageOf(items, limit, deliveryOnWire)
    },

    redeliverWebhook: async ({ params }, { signedIn }) =>
      deliveryOnWire(must(await webhooks.redeliver(ownerOf(signedIn), params.id))),
  }
}

const ownerOf = (signedIn: SignedIn): Owner => ({
  organizationId: signedIn.organization.id,
  userId: signedIn.userId,
})

const narrowed = (state: WireLongOperation['state'] | undefined, open: 'true' | 'false' | undefined) => ({
  ...(state === undefined ? {} : { state }),
  ...(open === undefined ? {} : { open: open === 'true' }),
})

/** Of one row more than was asked for: it tells whether there is another page. */
const pageOf = <Row extends { id: string }, Wire>(
  rows: readonly Row[],
  limit: number,
  toWire: (row: Row) => Wire,
): { items: Wire[]; nextCursor: string | null } => {
  const shown = rows.slice(0, limit)
  const last = shown.at(-1)
  return {
    items: shown.map(toWire),
    nextCursor: rows.length > limit && last ? encodeCursor(last.id) : null,
  }
}

const onWire = (operation: LongOperation): WireLongOperation => ({
  id: operation.id,
  serviceId: operation.serviceId,
  taskId: operation.publicId,
  parentId: operation.parentId,
  action: operation.action,
  keyOwner: operation.keyOwner,
  serviceKeyId: operation.serviceKeyId,
  state: operation.state,
  progress: operation.progress,
  failure: operation.failure,
  resultUrl: resultUrlOf(operation),
  isOver: isOver(operation),
  mayCancel: !isOver(operation) && trackers[operation.kind].cancel !== undefined,
  heldMicros: String(operation.heldMicros),
  chargedMicros: String(chargeOf(operation, operation.state)),
  submittedAt: operation.submittedAt.toISOString(),
  lastAskedAt: operation.lastAskedAt?.toISOString() ?? null,
  failedAsks: operation.failedAsks,
  deadlineAt: operation.deadlineAt.toISOString(),
  endedAt: operation.endedAt?.toISOString() ?? null,
})

/** Of what the service said: an address that a page may link to, or none. */
const resultUrlOf = ({ state, said }: LongOperation): string | null => {
  const url = said?.['imageUrl']
  return state === 'succeeded' && typeof url === 'string' && /^https?:\/\//.test(url) ? url : null
}

const deliveryOnWire = (delivery: Delivery): WireDelivery => ({
  id: delivery.id,
  operationId: delivery.operationId,
  url: delivery.url,
  event: delivery.event,
  state: delivery.state,
  attempts: delivery.attempts,
  lastStatus: delivery.lastStatus,
  lastFault: delivery.lastFault,
  createdAt: delivery.createdAt.toISOString(),
  nextAttemptAt: delivery.state === 'pending' ? delivery.nextAttemptAt.toISOString() : null,
  endedAt: delivery.endedAt?.toISOString() ?? null,
  mayRedeliver: delivery.payload !== null && delivery.state !== 'pending',
})

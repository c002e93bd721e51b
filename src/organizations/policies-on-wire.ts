import type { Actor } from '../audit/audit.ts'
import type { Received } from '../contract/endpoints.ts'
import type { PolicyPreview as WirePreview, PolicyVersion as WireVersion } from '../contract/policy.ts'
import type { ServiceKeyView } from '../keys/keys.ts'
import { decodeNumberCursor, encodeCursor } from '../kit/cursor.ts'
import { must } from '../kit/fault.ts'
import { type PolicyPreview, type PreviewParts, previewPolicy } from '../routing/policy-preview.ts'
import { type OwnKeyException, servicesByUser } from './exceptions.ts'
import type { Organizations } from './organizations.ts'
import type { PolicyVersion } from './policies.ts'
import { type ControlDocument, unknownServiceIn } from './policy-document.ts'

export type PolicyWireParts = PreviewParts & { readonly organizations: Organizations }

/** What the endpoints of policies have in common, whosever organisation it is; on the wire. */
export const policiesOnWire = (parts: PolicyWireParts) => {
  const { organizations } = parts

  const emails = async (organizationId: string, userIds: Iterable<string>): Promise<Map<string, string>> => {
    const found = new Map<string, string>()
    for (const userId of new Set(userIds)) {
      const person = await parts.access.person(organizationId, userId)
      found.set(userId, person.ok ? person.value.email : '')
    }
    return found
  }

  const previewOnWire = async (organizationId: string, found: PolicyPreview): Promise<WirePreview> => {
    const { keysSuspended, keysRestored, refused, uncovered, withoutCredits } = found
    const named = await emails(organizationId, [
      ...[...keysSuspended, ...keysRestored, ...refused].map(({ userId }) => userId ?? ''),
      ...uncovered,
      ...withoutCredits,
    ])
    const keyOnWire = ({ id, userId, serviceId, label }: ServiceKeyView) => ({
      id,
      userId: userId ?? '',
      email: named.get(userId ?? '') ?? '',
      serviceId,
      label,
    })
    return {
      since: found.since.toISOString(),
      operations: Number(found.operations),
      planned: Number(found.planned),
      keysSuspended: keysSuspended.map(keyOnWire),
      keysRestored: keysRestored.map(keyOnWire),
      refused: refused.map(({ userId, model, operations, fault: why }) => ({
        userId,
        email: named.get(userId) ?? '',
        model,
        operations: Number(operations),
        message: why.message,
      })),
      uncovered: uncovered.map((userId) => ({ userId, email: named.get(userId) ?? '' })),
      servedAgain: Number(found.servedAgain),
      moves: found.moves.map(({ from, to, operations }) => ({ from, to, operations: Number(operations) })),
      withoutCredits: withoutCredits.map((userId) => ({ userId, email: named.get(userId) ?? '' })),
      monthlyMicros: {
        before: String(found.creditMicros.before),
        after: String(found.creditMicros.after),
      },
    }
  }

  const read = async (organizationId: string) => {
    const { current, scheduled } = must(await organizations.policy(organizationId))
    return {
      current: versionOnWire(current),
      scheduled: scheduled.map(versionOnWire),
      exceptions: (await organizations.exceptions(organizationId)).map(exceptionOnWire),
    }
  }

  const list = async (organizationId: string, { cursor, limit }: Received<'listPolicyVersions'>['query']) => {
    must(await organizations.policy(organizationId))
    const page = { before: decodeNumberCursor(cursor), limit: limit + 1 }
    const found = await organizations.policyVersions(organizationId, page)
    const shown = found.slice(0, limit)
    const last = found.length > limit ? shown.at(-1) : undefined
    return {
      items: shown.map(versionOnWire),
      nextCursor: last ? encodeCursor(BigInt(last.version)) : null,
    }
  }

  const preview = async (organizationId: string, to: ControlDocument) => {
    must(unknownServiceIn(to))
    const { current } = must(await organizations.policy(organizationId))
    return previewOnWire(
      organizationId,
      await previewPolicy(parts, organizationId, {
        from: current.document,
        to,
        exceptions: servicesByUser(await organizations.exceptions(organizationId)),
      }),
    )
  }

  const save = async (actor: Actor, organizationId: string, body: Received<'savePolicy'>['body']) => {
    const startsAt = body.startsAt === null ? null : new Date(body.startsAt)
    return versionOnWire(must(await organizations.savePolicy(actor, organizationId, { ...body, startsAt })))
  }

  const restore = async (
    actor: Actor,
    organizationId: string,
    { params, body }: Pick<Received<'restorePolicy'>, 'params' | 'body'>,
  ) => {
    const wanted = { ...body, version: params.version }
    return versionOnWire(must(await organizations.restorePolicy(actor, organizationId, wanted)))
  }

  const cancel = async (actor: Actor, organizationId: string, version: number) =>
    versionOnWire(must(await organizations.cancelPolicy(actor, organizationId, version)))

  const except = async (
    actor: Actor,
    organizationId: string,
    { params, body }: Pick<Received<'grantOwnKeyException'>, 'params' | 'body'>,
  ) => {
    const expiresAt = body.expiresAt === null ? null : new Date(body.expiresAt)
    const wanted = { organizationId, userId: params.user, serviceId: params.service, reason: body.reason }
    must(await organizations.grantException(actor, { ...wanted, expiresAt }))
    return read(organizationId)
  }

  const endException = async (
    actor: Actor,
    organizationId: string,
    { user, service }: Received<'revokeOwnKeyException'>['params'],
  ) => {
    must(await organizations.revokeException(actor, { organizationId, userId: user, serviceId: service }))
    return read(organizationId)
  }

  return { read, list, preview, save, restore, cancel, except, endException }
}

const exceptionOnWire = ({ grantedAt, grantedByEmail, expiresAt, ...exception }: OwnKeyException) => ({
  ...exception,
  grantedAt: grantedAt.toISOString(),
  grantedBy: grantedByEmail,
  expiresAt: expiresAt?.toISOString() ?? null,
})

const versionOnWire = (version: PolicyVersion): WireVersion => ({
  ...version,
  createdAt: version.createdAt.toISOString(),
  startsAt: version.startsAt.toISOString(),
  endedAt: version.endedAt?.toISOString() ?? null,
})

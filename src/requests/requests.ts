import type { Transaction } from 'kysely'
import type { Alerts } from '../alerts/alerts.ts'
import { type Actor, recordAudit } from '../audit/audit.ts'
import { may, roles } from '../contract/permissions.ts'
import type { RequestState } from '../contract/requests.ts'
import type { Database } from '../db/database.ts'
import type { Schema } from '../db/schema.ts'
import type { KeyCheck, NewServiceKey, ServiceKeys } from '../keys/keys.ts'
import type { Clock } from '../kit/clock.ts'
import { failure, FaultError, fault, must, type Outcome, success } from '../kit/fault.ts'
import { newId } from '../kit/id.ts'
import type { Organizations } from '../organizations/organizations.ts'
import { outcomeOf } from '../organizations/outcome.ts'
import { isServiceAllowed, type OrganizationControl } from '../policy/control.ts'
import { isAllowedBy, mayAskFor, mayBeExcepted, openingFor, type Want } from '../policy/openings.ts'
import { findService } from '../services/registry.ts'
import { emit } from '../webhooks/events.ts'
import * as store from './store.ts'

export interface NewRequest extends Want {
  readonly organizationId: string
  readonly userId: string
  readonly reason: string
}

export interface AccessRequest extends NewRequest {
  readonly id: string
  readonly email: string
  readonly name: string
  readonly state: RequestState
  readonly grantedBy: 'policy' | 'key' | 'exception' | 'other' | null
  readonly answer: string | null
  readonly decidedByEmail: string | null
  readonly createdAt: Date
  readonly decidedAt: Date | null
}

type WhichRequest = Pick<AccessRequest, 'organizationId' | 'id'>
type SharedKey = Pick<NewServiceKey, 'secret' | 'label' | 'baseUrl' | 'settings'>

/** How a request is granted: nothing that whoever decides could not have done by themselves. */
export type Approval =
  | { readonly by: 'policy' | 'other'; readonly answer: string | null }
  | { readonly by: 'key'; readonly key: SharedKey; readonly answer: string | null }
  | { readonly by: 'exception'; readonly expiresAt: Date | null; readonly answer: string | null }

/** What members ask those who run their organisation for, and what becomes of it. */
export interface Requests {
  /** Faults: `invalid_request` where there is nothing to ask for; `conflict` when it is asked for already, or too much is. */
  create(wanted: NewRequest): Promise<Outcome<AccessRequest>>
  list(
    filter: store.RequestFilter,
    page: { readonly before: string | null; readonly limit: number },
  ): Promise<AccessRequest[]>
  deciders(organizationId: string): Promise<readonly { name: string; email: string }[]>
  withdraw(actor: Actor, which: WhichRequest & { readonly userId: string }): Promise<Outcome<AccessRequest>>
  /** Proves a key at the service that is asked for. */
  checkKey(which: WhichRequest, key: SharedKey): Promise<Outcome<KeyCheck>>
  approve(actor: Actor, which: WhichRequest, approval: Approval): Promise<Outcome<AccessRequest>>
  decline(actor: Actor, which: WhichRequest, answer: string): Promise<Outcome<AccessRequest>>
}

export interface RequestParts {
  readonly database: Database
  readonly organizations: Pick<Organizations, 'controlFor' | 'amendPolicy' | 'grantException'>
  readonly serviceKeys: Pick<ServiceKeys, 'add' | 'check'>
  readonly alerts: Pick<Alerts, 'notifyIn' | 'soon'>
  readonly clock: Clock
}

/** Beyond that nobody reads them. */
const mostOpen = 20
const decidingRoles = roles.filter((role) => may(role, 'requests.decide'))

type End = Parameters<typeof store.decide>[2]

export const makeRequests = (parts: RequestParts): Requests => {
  const { database, organizations, serviceKeys, alerts, clock } = parts
  const { kysely } = database

  const read = async (which: WhichRequest): Promise<AccessRequest> => {
    const found = await store.find(kysely, which)
    if (!found) throw new FaultError(fault('not_found'))
    return found
  }
  const readOpen = async (which: WhichRequest): Promise<AccessRequest> => {
    const found = await read(which)
    if (found.state !== 'open') throw new FaultError(answered)
    return found
  }

  /** Within the change that grants it, if one does. */
  const end = async (t: Transaction<Schema>, actor: Actor, request: AccessRequest, to: End) => {
    if (!(await store.decide(t, request, to))) throw new FaultError(answered)
    const { organizationId, id, kind, serviceId, model, userId } = request
    await recordAudit(t, {
      organizationId,
      actor,
      action: `access_request.${to.state}`,
      subject: { kind: 'access_request', id },
      after: { userId, kind, serviceId, model, grantedBy: to.grantedBy, answer: to.answer },
    })
    const type = to.state === 'declined' ? ('request.denied' as const) : (`request.${to.state}` as const)
    await emit(t, { organizationId, type, data: dataOf(request), at: to.at })
    if (to.state !== 'withdrawn') await alerts.notifyIn(t, answerNotice(request, to))
  }

  const ended = (actor: Actor, which: WhichRequest, to: Omit<End, 'at' | 'decidedBy'>) =>
    outcomeOf(async () => {
      const request = await readOpen(which)
      await kysely.transaction().execute((t) => end(t, actor, request, withActor(to, actor, clock())))
      alerts.soon()
      return read(which)
    })

  /** Grants it by a change whose transaction has the answer, too: one is never there without the other. */
  const grant = async (
    actor: Actor,
    request: AccessRequest,
    approval: Approval,
  ): Promise<Outcome<unknown>> => {
    const { organizationId, userId, serviceId } = request
    const { answer } = approval
    const approved = (grantedBy: NonNullable<AccessRequest['grantedBy']>) => (t: Transaction<Schema>) =>
      end(t, actor, request, withActor({ state: 'approved', grantedBy, answer }, actor, clock()))
    const reason = `${whatOf(request)} for ${request.email}: ${request.reason}`.slice(0, 500)
    switch (approval.by) {
      case 'policy': {
        const { exceptedServices } = must(await organizations.controlFor(request))
        return organizations.amendPolicy(actor, organizationId, {
          amend: (control) => {
            const opening = openingFor(control, request)
            if (opening === null && !isAllowedBy({ ...control, exceptedServices }, request))
              throw new FaultError(noOpening)
            return opening
          },
          reason,
          // Null: the policy has come to allow it while the request was waiting.
          within: (t, version) => approved(version === null ? 'other' : 'policy')(t),
        })
      }
      case 'exception': {
        if (request.kind !== 'own_key') return failure('conflict', noException)
        const { expiresAt } = approval
        const wanted = { organizationId, userId, serviceId, reason: request.reason, expiresAt }
        return organizations.grantException(actor, wanted, approved('exception'))
      }
      case 'key': {
        const control = must(await organizations.controlFor(request))
        if (!isServiceAllowed(control, serviceId)) return failure('conflict', notAllowed)
        const owner = { organizationId, owner: 'organization', userId: null } as const
        return serviceKeys.add(actor, { ...approval.key, ...owner, serviceId }, approved('key'))
      }
      case 'other':
        return success(await kysely.transaction().execute(approved('other')))
    }
  }

  return {
    create: (wanted) =>
      outcomeOf(async () => {
        const { organizationId, userId, serviceId } = wanted
        if (!findService(serviceId))
          throw new FaultError(
            fault('invalid_request', { message: `There is no service ${serviceId}.`, field: 'serviceId' }),
          )
        must(mayAskFor(must(await organizations.controlFor(wanted)), wanted))
        const id = newId()
        await kysely.transaction().execute(async (t) => {
          if (!(await store.isMember(t, organizationId, userId))) throw new FaultError(fault('not_found'))
          if ((await store.countOpen(t, organizationId, userId)) >= mostOpen) throw new FaultError(tooMany)
          if (!(await store.insert(t, id, clock(), wanted))) throw new FaultError(askedAlready)
          const request = (await store.find(t, { organizationId, id })) as AccessRequest
          await recordAudit(t, {
            organizationId,
            actor: { kind: 'user', id: userId },
            action: 'access_request.created',
            subject: { kind: 'access_request', id },
            after: { kind: request.kind, serviceId, model: request.model },
            reason: request.reason,
          })
          await emit(t, { organizationId, type: 'request.created', data: dataOf(request), at: clock() })
          await alerts.notifyIn(t, askNotice(request))
        })
        alerts.soon()
        return read({ organizationId, id })
      }),

    list: (filter, page) => store.list(kysely, filter, page),
    deciders: (organizationId) => store.deciders(kysely, organizationId, decidingRoles),

    withdraw: (actor, { userId, ...which }) =>
      outcomeOf(async () => {
        if ((await read(which)).userId !== userId) throw new FaultError(fault('not_found'))
        return must(await ended(actor, which, { state: 'withdrawn', grantedBy: null, answer: null }))
      }),

    checkKey: (which, key) =>
      outcomeOf(async () => {
        const { serviceId } = await readOpen(which)
        return must(await serviceKeys.check({ ...key, serviceId }))
      }),

    approve: (actor, which, approval) =>
      outcomeOf(async () => {
        must(await grant(actor, await readOpen(which), approval))
        alerts.soon()
        return read(which)
      }),

    decline: (actor, which, answer) => ended(actor, which, { state: 'declined', grantedBy: null, answer }),
  }
}

/** The policy with the least change that grants a request; null: none would. */
export const openingOf = <Control extends OrganizationControl>(
  control: Control,
  request: AccessRequest,
): Control | null => (request.state === 'open' ? openingFor(control, request) : null)

/** Whether an exception for its member grants it. */
export const isExceptable = (
  control: OrganizationControl,
  { kind, state, serviceId }: AccessRequest,
): boolean => kind === 'own_key' && state === 'open' && mayBeExcepted(control, serviceId).ok

const withActor = (to: Omit<End, 'at' | 'decidedBy'>, actor: Actor, at: Date): End => ({
  ...to,
  decidedBy: actor.kind === 'user' ? actor.id : null,
  at,
})

const notAllowed = {
  message: 'The control policy does not allow this service, whosever key it is.',
  next: 'Allow the service first.',
}
const noOpening = fault('conflict', {
  message: 'No change of the policy grants this request.',
  next: 'Share a key where one of the organisation is asked for, or make an exception where an own key is.',
})
const noException = {
  message: 'An exception is for own keys only.',
  next: 'Change the policy, or share a key.',
}
const answered = fault('conflict', {
  message: 'This request has been answered or withdrawn.',
  next: 'Look at the list again.',
})
const askedAlready = fault('conflict', {
  message: 'You have asked for this already.',
  next: 'Wait for the answer, or withdraw the request and ask anew.',
})
const tooMany = fault('conflict', {
  message: `You have ${mostOpen} requests that nobody has answered yet.`,
  next: 'Withdraw some, or ask somebody who runs your organisation.',
})

const serviceName = (serviceId: string): string => findService(serviceId)?.name ?? serviceId

/** In a sentence: “… asks for …”. */
const whatOf = ({ kind, serviceId, model }: Want): string => {
  const service = serviceName(serviceId)
  switch (kind) {
    case 'service':
      return `access to ${service}`
    case 'model':
      return `access to ${model} of ${service}`
    case 'own_key':
      return `an own key of ${service}`
    case 'organization_key':
      return `a shared key of ${service}`
  }
}

const dataOf = ({ id, userId, kind, serviceId, model }: AccessRequest) => ({
  requestId: id,
  userId,
  kind,
  serviceId,
  model,
})

const askNotice = (request: AccessRequest): Parameters<Alerts['notifyIn']>[1] => ({
  audience: { kind: 'organization_administrators', organizationId: request.organizationId },
  kind: 'access_request',
  // Somebody waits: by e-mail, too.
  severity: 'warning',
  key: `access_request ${request.id}`,
  title: `${request.email} asks for ${whatOf(request)}`,
  text: `They write: ${request.reason}`,
  path: '/requests',
})

const answerNotice = (request: AccessRequest, { state, answer }: End): Parameters<Alerts['notifyIn']>[1] => ({
  audience: { kind: 'user', organizationId: request.organizationId, userId: request.userId },
  kind: 'access_request',
  severity: 'info',
  key: `access_request ${request.id} ${state}`,
  title:
    state === 'approved' ? `You have ${whatOf(request)}` : `Your request was declined: ${whatOf(request)}`,
  text: answer ?? (state === 'approved' ? 'It holds from the next operation on.' : ''),
  path: '/services',
})

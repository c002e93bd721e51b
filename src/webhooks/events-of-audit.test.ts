import { expect, test } from 'vitest'
import { eventOfAlert } from '../alerts/alerts.ts'
import { toldActions, toldByRooms, untoldActions } from '../audit/actions.ts'
import { eventTypes } from '../contract/event-types.ts'
import { eventOfAudit } from './events-of-audit.ts'

const entry = (action: string, more: object = {}) => ({
  actor: { kind: 'user', id: 'u' },
  action,
  subject: { kind: 'service_key', id: 'k' },
  ...more,
})

test('each action of the audit trail is told by its entry, by its room, or for a reason not at all: one of the three', () => {
  const tables = [toldActions, toldByRooms, untoldActions].flatMap((table) => Object.keys(table))
  expect(tables).toHaveLength(new Set(tables).size)
  for (const [action, type] of Object.entries(toldActions))
    expect(eventOfAudit(entry(action))?.type).toBe(type)
  for (const action of [...Object.keys(toldByRooms), ...Object.keys(untoldActions)])
    expect(eventOfAudit(entry(action)), action).toBeNull()
})

test('each type that receivers can choose is told by something', () => {
  const bySituation = ['key.suspended', 'key.restored', 'key.invalid', 'key.exhausted', 'webhook.test']
  const told = [toldActions, toldByRooms, eventOfAlert].flatMap((table) => Object.values(table))
  expect([...new Set([...told, ...bySituation])].sort()).toEqual(Object.keys(eventTypes).sort())
})

test('a key whose status changed is told by the status that it has now', () => {
  const typeFor = (status: string) =>
    eventOfAudit(entry('service_key.status_change', { after: { status } }))?.type
  expect(['invalid', 'exhausted', 'active'].map(typeFor)).toEqual([
    'key.invalid',
    'key.exhausted',
    'key.changed',
  ])
})

test('of an endpoint the others are told the host, as whoever knows the path may send there', () => {
  const url = 'https://hooks.example.com/services/T1/whoever-knows-this'
  const subject = { kind: 'webhook_endpoint', id: 'e' }
  const told = eventOfAudit(
    entry('webhook_endpoint.changed', { subject, before: { url }, after: { url, state: 'disabled' } }),
  )
  expect(told?.data).toMatchObject({
    before: { url: 'https://hooks.example.com' },
    after: { url: 'https://hooks.example.com', state: 'disabled' },
  })
})

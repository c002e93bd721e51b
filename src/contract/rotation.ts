import { z } from 'zod'
import { defineEndpoints } from './endpoint.ts'
import * as wire from './wire.ts'

/** In the order an attempt goes through them, the side states after them. docs/rotation.md draws it. */
export const rotationState = z.enum([
  'scheduled',
  'intended',
  'created',
  'stored',
  'proven',
  'promoted',
  'draining',
  'disabling',
  'disabled',
  'revoking',
  'done',
  'withdrawing',
  'asked',
  'confirming',
  'recovering',
  'cleaning',
  'needs_human',
  'rolling_back',
  'leaving',
  'rolled_back',
  'failed_safe',
  'abandoned',
])
export type RotationState = z.infer<typeof rotationState>

export const rotationMode = z
  .enum(['normal', 'breach'])
  .describe('breach: the old key is revoked at once; operations on it may fail')
export type RotationMode = z.infer<typeof rotationMode>

export const crashClass = z.enum(['recoverable', 'orphan_detectable', 'blind', 'assisted'])

/** What may be asked for next; only what the state allows. */
export const rotationCommand = z.enum(['roll_back', 'retry', 'abandon', 'confirm', 'new_secret'])
export type RotationCommand = z.infer<typeof rotationCommand>

export const keyVersionState = z
  .enum(['next', 'current', 'retiring', 'retired'])
  .describe('retiring: no new operation uses it; it still opens, so that one may go back to it')
export type KeyVersionState = z.infer<typeof keyVersionState>

export const keyVersion = z.object({
  version: z.number().int().positive(),
  state: keyVersionState,
  lastFour: z.string(),
  createdAt: wire.time,
  promotedAt: wire.time.nullable(),
  retiredAt: wire.time.nullable().describe('Since when no new operation uses it'),
  destroyedAt: wire.time.nullable().describe('Since when nothing opens it any more'),
  remoteId: z.string().nullable().describe('What the service calls it, where known'),
  rotationId: wire.id.nullable().describe('The rotation that made it'),
  inFlight: wire.count
    .nullable()
    .describe('Operations that use it now, over all processes; null unless retiring'),
})
export type KeyVersion = z.infer<typeof keyVersion>

/** One remote key that an attempt made, may have made, or found. */
export const rotationRemote = z.object({
  name: z.string().describe('What we named it at the service'),
  remoteId: z.string().nullable(),
  state: z
    .enum(['intended', 'exists', 'in_use', 'deleted', 'absent', 'left_to_person'])
    .describe('intended: it may exist; looked for until that is known'),
  at: wire.time,
})

export const rotationStep = z.object({
  at: wire.time,
  state: rotationState,
  text: z.string().describe('What happened, for a person'),
  actor: z.string().nullable().describe('Who, where it was a person'),
})
export type RotationStep = z.infer<typeof rotationStep>

export const rotatedKey = z.object({
  id: wire.id,
  organizationId: wire.id,
  organizationName: z.string(),
  owner: wire.keyOwner,
  serviceId: wire.serviceId,
  label: z.string(),
  lastFour: z.string(),
  priority: z.number().int().min(1).max(3).nullable(),
})

/** One rotation of one key, from its beginning to its end. */
export const rotation = z.object({
  id: wire.id,
  key: rotatedKey,
  driverId: z.string(),
  crashClass,
  mode: rotationMode,
  trigger: z.enum(['schedule', 'person', 'breach']),
  state: rotationState,
  isOver: z.boolean(),
  reason: z.string().nullable().describe('Why it was started or abandoned, as somebody wrote it'),
  message: z.string().nullable().describe('What went wrong or is waited for; null: all is well'),
  next: z.string().nullable().describe('What a person has to do; null: nothing'),
  commands: z.array(rotationCommand),
  fromVersion: z.number().int().positive(),
  toVersion: z.number().int().positive().nullable(),
  tries: wire.count,
  startedAt: wire.time,
  promotedAt: wire.time.nullable(),
  overlapUntil: wire.time.nullable().describe('The old key is not revoked before'),
  inFlight: wire.count.nullable().describe('Operations that still use the version that goes; while draining'),
  nextActionAt: wire.time.nullable(),
  endedAt: wire.time.nullable(),
})
export type Rotation = z.infer<typeof rotation>

export const rotationDetail = rotation.extend({
  steps: z.array(rotationStep),
  remotes: z.array(rotationRemote),
  versions: z.array(keyVersion),
})
export type RotationDetail = z.infer<typeof rotationDetail>

const days = z.number().int().min(1).max(3650)
const overlapSeconds = z
  .number()
  .int()
  .min(0)
  .max(30 * 86_400)

/** null: as the next wider one says (key → service → organisation → none). */
export const rotationSchedule = z.object({
  everyDays: days.nullable(),
  overlapSeconds: overlapSeconds.nullable(),
})
export type RotationSchedule = z.infer<typeof rotationSchedule>

export const keyRotation = z.object({
  key: rotatedKey,
  version: z.number().int().positive(),
  versionSince: wire.time,
  driverId: z.string(),
  crashClass,
  automatic: z.boolean().describe('It rotates by itself: the service can, and a credential is set'),
  notAutomaticBecause: z.string().nullable(),
  schedule: rotationSchedule.describe('As set for this key'),
  effective: rotationSchedule.describe('After service and organisation had their say'),
  maximumAgeDays: days.nullable().describe('The organisation’s policy'),
  dueAt: wire.time.nullable(),
  isOverdue: z.boolean().describe('Older than the policy allows'),
  rotationId: wire.id.nullable().describe('The one under way'),
  rotationState: rotationState.nullable(),
  lastRotatedAt: wire.time.nullable(),
})
export type KeyRotation = z.infer<typeof keyRotation>

export const credentialField = z.object({
  id: z.string(),
  label: z.string(),
  hint: z.string(),
  required: z.boolean(),
  secret: z.boolean(),
  kind: z.enum(['word', 'json']),
  pattern: z.string().describe('Anchored regular expression'),
  flags: z.string(),
  expected: z.string(),
})

export const rotationDriver = z.object({
  id: z.string(),
  name: z.string(),
  serviceIds: z.array(wire.serviceId).nullable().describe('null: any'),
  crashClass,
  docsUrl: z.string(),
  fields: z.array(credentialField),
  maximumKeys: z.number().int().nullable(),
  canCreate: z.boolean(),
  canDisable: z.boolean(),
  canRevoke: z.boolean(),
})
export type RotationDriverOnWire = z.infer<typeof rotationDriver>

export const finding = z.object({ what: z.string(), ok: z.boolean(), detail: z.string() })

/** Secret fields are never shown again; `lastFour` tells one from another. */
export const rotationCredential = z.object({
  id: wire.id,
  organizationId: wire.id,
  driverId: z.string(),
  serviceId: wire.serviceId,
  serviceKeyId: wire.id.nullable().describe('Of one key only; null: of every key of the service'),
  fields: z.record(z.string(), z.string()).describe('Those that are no secrets'),
  secrets: z.record(z.string(), z.string()).describe('Of the secret ones the last four characters'),
  status: z.enum(['valid', 'invalid', 'unknown']),
  findings: z.array(finding),
  checkedAt: wire.time.nullable(),
  updatedAt: wire.time,
})
export type RotationCredential = z.infer<typeof rotationCredential>

export const drill = z.object({
  ok: z.boolean(),
  findings: z.array(finding),
  steps: z.array(z.string()).describe('What a rotation would do now, in order. Nothing was changed'),
})
export type Drill = z.infer<typeof drill>

export const reason = z.string().trim().min(1).max(500)
const organizationId = wire.id.optional().describe('Absent: the platform, whose keys are the system keys')
export const start = z.object({ mode: rotationMode.default('normal'), reason: reason.optional() })
export const newSecret = z.object({ secret: wire.secret, settings: wire.keySettings.optional() })
export const confirmation = z.object({ note: z.string().trim().max(500).optional() })
const keyParams = z.object({ organization: wire.id, id: wire.id })
export const keyVersions = z.object({ items: z.array(keyVersion) })
export const rotations = z.object({ items: z.array(rotation) })
export const filter = z.object({
  state: z.enum(['open', 'needs_person', 'over']).optional(),
  serviceKeyId: wire.id.optional(),
  limit: z.coerce.number<number | string>().int().min(1).max(200).default(50),
})

export const rotationEndpoints = defineEndpoints({
  listKeyRotations: {
    method: 'GET',
    path: '/admin/rotation/keys',
    auth: 'administrator',
    group: 'rotation',
    summary: 'System and organisation keys: how and when each rotates',
    reply: z.object({ items: z.array(keyRotation) }),
  },
  listRotations: {
    method: 'GET',
    path: '/admin/rotations',
    auth: 'administrator',
    group: 'rotation',
    summary: 'Rotations, newest first',
    query: filter,
    reply: rotations,
  },
  readRotation: {
    method: 'GET',
    path: '/admin/rotations/:id',
    auth: 'administrator',
    group: 'rotation',
    summary: 'One rotation with its steps and the remote keys it made',
    params: wire.idParams,
    reply: rotationDetail,
  },
  listRotationDrivers: {
    method: 'GET',
    path: '/admin/rotation/drivers',
    auth: 'administrator',
    group: 'rotation',
    summary: 'What each service lets us do to its keys',
    reply: z.object({ items: z.array(rotationDriver) }),
  },
  listSystemKeyVersions: {
    method: 'GET',
    path: '/admin/rotation/keys/:organization/:id/versions',
    auth: 'administrator',
    group: 'rotation',
    summary: 'Versions of a key, newest first, without secrets',
    params: keyParams,
    reply: keyVersions,
  },
  startRotation: {
    method: 'POST',
    path: '/admin/rotation/keys/:organization/:id/rotate',
    auth: 'administrator',
    stepUp: true,
    group: 'rotation',
    summary: 'Rotate a system or organisation key now; breach revokes the old one at once',
    params: keyParams,
    body: start,
    reply: rotation,
  },
  drillRotation: {
    method: 'POST',
    path: '/admin/rotation/keys/:organization/:id/drill',
    auth: 'administrator',
    group: 'rotation',
    summary: 'Say what a rotation would do, without changing anything',
    params: keyParams,
    reply: drill,
  },
  scheduleKeyRotation: {
    method: 'PUT',
    path: '/admin/rotation/keys/:organization/:id/schedule',
    auth: 'administrator',
    stepUp: true,
    group: 'rotation',
    summary: 'When a key is rotated, and for how long the old one stays',
    params: keyParams,
    body: rotationSchedule,
    reply: keyRotation,
  },
  listServiceSchedules: {
    method: 'GET',
    path: '/admin/rotation/schedules',
    auth: 'administrator',
    group: 'rotation',
    summary: 'Schedules of services and of organisations',
    reply: z.object({
      services: z.array(rotationSchedule.extend({ serviceId: wire.serviceId })),
      organizations: z.array(
        z.object({ organizationId: wire.id, organizationName: z.string(), maximumAgeDays: days }),
      ),
    }),
  },
  scheduleServiceRotation: {
    method: 'PUT',
    path: '/admin/rotation/services/:service/schedule',
    auth: 'administrator',
    stepUp: true,
    group: 'rotation',
    summary: 'When the system keys of a service are rotated',
    params: z.object({ service: wire.serviceId }),
    body: rotationSchedule,
    reply: wire.done,
  },
  setMaximumKeyAge: {
    method: 'PUT',
    path: '/admin/rotation/organizations/:organization/maximum-age',
    auth: 'administrator',
    stepUp: true,
    group: 'rotation',
    summary: 'How old a key of an organisation may become',
    params: z.object({ organization: wire.id }),
    body: z.object({ maximumAgeDays: days.nullable() }),
    reply: wire.done,
  },
  rollBackRotation: {
    method: 'POST',
    path: '/admin/rotations/:id/roll-back',
    auth: 'administrator',
    stepUp: true,
    group: 'rotation',
    summary: 'Back to the old version, while it is not revoked',
    params: wire.idParams,
    body: z.object({ reason }),
    reply: rotation,
  },
  retryRotation: {
    method: 'POST',
    path: '/admin/rotations/:id/retry',
    auth: 'administrator',
    stepUp: true,
    group: 'rotation',
    summary: 'Go on after what was wrong has been mended',
    params: wire.idParams,
    body: confirmation,
    reply: rotation,
  },
  abandonRotation: {
    method: 'POST',
    path: '/admin/rotations/:id/abandon',
    auth: 'administrator',
    stepUp: true,
    group: 'rotation',
    summary: 'Give a rotation up that has not switched yet; what it made is deleted',
    params: wire.idParams,
    body: z.object({ reason }),
    reply: rotation,
  },
  confirmRotation: {
    method: 'POST',
    path: '/admin/rotations/:id/confirm',
    auth: 'administrator',
    stepUp: true,
    group: 'rotation',
    summary: 'A person has deleted the old key at the service',
    params: wire.idParams,
    body: confirmation,
    reply: rotation,
  },
  giveNewSecret: {
    method: 'POST',
    path: '/admin/rotations/:id/new-secret',
    auth: 'administrator',
    stepUp: true,
    group: 'rotation',
    summary: 'The new key that a person made; it is proven before it is used',
    params: wire.idParams,
    body: newSecret,
    reply: rotation,
  },

  listRotationCredentials: {
    method: 'GET',
    path: '/admin/rotation/credentials',
    auth: 'administrator',
    group: 'rotation',
    summary: 'What keys are made and revoked with, without secrets',
    reply: z.object({ items: z.array(rotationCredential) }),
  },
  setRotationCredential: {
    method: 'PUT',
    path: '/admin/rotation/credentials',
    auth: 'administrator',
    stepUp: true,
    group: 'rotation',
    summary: 'Set a credential for a service or for one key; it is proven first',
    body: z.object({
      organizationId,
      driverId: z.string().regex(/^[a-z][a-z0-9_]{0,59}$/),
      serviceId: wire.serviceId,
      serviceKeyId: wire.id.optional(),
      fields: z
        .record(z.string().regex(/^[a-z][A-Za-z0-9]{0,39}$/), z.string().max(16_384))
        .describe('An empty text takes one away; a secret that is left out stays'),
    }),
    reply: rotationCredential,
  },
  checkRotationCredential: {
    method: 'POST',
    path: '/admin/rotation/credentials/:id/check',
    auth: 'administrator',
    group: 'rotation',
    summary: 'Prove a stored credential again',
    params: wire.idParams,
    reply: rotationCredential,
  },
  removeRotationCredential: {
    method: 'DELETE',
    path: '/admin/rotation/credentials/:id',
    auth: 'administrator',
    stepUp: true,
    group: 'rotation',
    summary: 'Destroy a credential',
    params: wire.idParams,
    reply: wire.done,
  },
})

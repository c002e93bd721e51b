import { z } from 'zod'
import { defineEndpoints } from './endpoint.ts'
import * as wire from './wire.ts'

/** Deletion of people, after a time in which they can be kept. */

const reply = z.object({ deleteAt: wire.time })

export const userDeletionEndpoints = defineEndpoints({
  scheduleUserDeletion: {
    method: 'POST',
    path: '/me/deletion',
    auth: 'session',
    ofWholeAccount: true,
    despiteObstacle: true,
    permission: 'own.account',
    stepUp: true,
    group: 'session',
    status: 201,
    summary:
      'Delete your account when the grace time is over: memberships, tokens, keys and personal data; books and audit trail stay',
    body: z.object({ email: z.string().max(254).describe('That of the account, to be sure') }),
    reply,
  },
  cancelUserDeletion: {
    method: 'DELETE',
    path: '/me/deletion',
    auth: 'session',
    despiteObstacle: true,
    permission: 'own.account',
    group: 'session',
    summary: 'Keep your account after all',
    reply: wire.done,
  },
  scheduleDeletionOfUser: {
    method: 'POST',
    path: '/admin/users/:id/deletion',
    auth: 'administrator',
    stepUp: true,
    group: 'users',
    status: 201,
    summary: 'The same for a user, who is told and can keep the account until then',
    params: wire.idParams,
    body: z.object({ reason: z.string().trim().min(1).max(500) }),
    reply,
  },
  cancelDeletionOfUser: {
    method: 'DELETE',
    path: '/admin/users/:id/deletion',
    auth: 'administrator',
    group: 'users',
    summary: 'The user stays',
    params: wire.idParams,
    reply: wire.done,
  },
})

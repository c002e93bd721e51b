import type { Transaction } from 'kysely'
import { type Actor, recordAudit } from '../audit/audit.ts'
import type { Database } from '../db/database.ts'
import type { Schema } from '../db/schema.ts'
import type { Clock } from '../kit/clock.ts'
import { failure, type Outcome, success } from '../kit/fault.ts'
import type { Attempts } from './attempts.ts'
import { generateSecretToken, hashOfSecretToken } from './secret-token.ts'
import type { IdentityStore } from './store.ts'
import { linkBuckets } from './throttle.ts'

const setUpLinkSeconds = 24 * 3600
const signInLinkSeconds = 72 * 3600

export interface Link {
  /** `/sign-in#<token>` or `/setup#<token>`: what follows the hash stays in the browser. */
  readonly path: string
  readonly token: string
  readonly expiresAt: Date
}

export interface Links {
  /** True until there is a platform administrator. */
  needsSetUp(): Promise<boolean>
  /** A one-time link that makes the first administrator; null when there is one. */
  createSetUpLink(): Promise<Link | null>
  /** Uses a set-up link up inside the transaction that creates the administrator. */
  useSetUpLink(transaction: Transaction<Schema>, token: string): Promise<Outcome<void>>
  countLinkAttempt(address: string): Promise<Outcome<void>>
  createSignInLink(
    actor: Actor,
    userId: string,
    options?: { reusable?: boolean; ttlSeconds?: number },
  ): Promise<Outcome<Link>>
}

export const makeLinks = (parts: {
  database: Database
  clock: Clock
  store: IdentityStore
  attempts: Attempts
}): Links => {
  const { database, clock, store, attempts } = parts
  const after = (seconds: number) => new Date(clock().getTime() + seconds * 1000)
  let setUpDone = false

  return {
    async needsSetUp() {
      setUpDone ||= (await store.countAdministrators()) > 0
      return !setUpDone
    },

    async createSetUpLink() {
      if ((await store.countAdministrators()) > 0) return null
      const token = generateSecretToken()
      const expiresAt = after(setUpLinkSeconds)
      await store.insertLink(database.kysely, {
        tokenHash: hashOfSecretToken(token),
        purpose: 'setup',
        userId: null,
        reusable: false,
        expiresAt,
      })
      return { path: `/setup#${token}`, token, expiresAt }
    },

    async useSetUpLink(transaction, token) {
      // Several starts may have printed several links: one administrator is made, whichever is used first.
      await store.lockSetUp(transaction)
      if ((await store.countAdministrators(transaction)) > 0) return failure('invalid_link')
      const link = await store.useLink(
        transaction,
        { tokenHash: hashOfSecretToken(token), purpose: 'setup' },
        clock(),
      )
      return link ? success(undefined) : failure('invalid_link')
    },

    countLinkAttempt: (address) => attempts.count(linkBuckets(address)),

    async createSignInLink(actor, userId, options = {}) {
      if (!(await store.readUser(userId))) return failure('not_found')
      const token = generateSecretToken()
      const expiresAt = after(options.ttlSeconds ?? signInLinkSeconds)
      await database.kysely.transaction().execute(async (transaction) => {
        await store.insertLink(transaction, {
          tokenHash: hashOfSecretToken(token),
          purpose: 'sign_in',
          userId,
          reusable: options.reusable ?? false,
          expiresAt,
        })
        const organizationId = await store.organizationOf(transaction, userId)
        if (organizationId !== undefined)
          await recordAudit(transaction, {
            organizationId,
            actor,
            action: 'sign_in_link.created',
            subject: { kind: 'user', id: userId },
          })
      })
      return success({ path: `/sign-in#${token}`, token, expiresAt })
    },
  }
}

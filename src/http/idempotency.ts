import { createCipheriv, createDecipheriv, hash, hkdfSync, randomBytes } from 'node:crypto'
import type { Database } from '../db/database.ts'
import type { Clock } from '../kit/clock.ts'
import { FaultError, fault } from '../kit/fault.ts'
import type { Log } from '../kit/log.ts'
import type { Vault } from '../vault/vault.ts'
import * as store from './store-idempotency.ts'

export interface IdempotentRequest {
  readonly organizationId: string
  readonly userId: string
  /** As the caller named the request. */
  readonly key: string
  /** Method, address and body: what the key must not be used for anew with something else. */
  readonly content: string
}

export interface StoredReply {
  readonly status: number
  readonly body: string
}

/** A request that is sent twice under one key takes effect once, and is answered alike both times. */
export interface Idempotency {
  run(
    request: IdempotentRequest,
    work: () => Promise<StoredReply>,
  ): Promise<StoredReply & { readonly isReplayed: boolean }>
  sweep(): Promise<void>
}

const keptMs = 24 * 3600 * 1000
/** No request is under way for longer: the shell ends it before. */
const longestMs = 60_000

export const makeIdempotency = (parts: {
  database: Database
  vault: Pick<Vault, 'fingerprint' | 'problem'>
  clock: Clock
  log: Log
}): Idempotency => {
  const { database, vault, clock, log } = parts

  /** Not wrapped by anything that is stored: without the caller's key there is no way to it. */
  const replyKey = ({ organizationId, userId, key }: IdempotentRequest): Buffer =>
    Buffer.from(
      hkdfSync('sha256', vault.fingerprint(organizationId, 'idempotent reply', key), userId, 'reply', 32),
    )

  const replayed = (request: IdempotentRequest, row: store.Row): StoredReply => {
    if (!row.requestHash.equals(requestHash(request))) throw new FaultError(fault('idempotency_key_reused'))
    if (row.state === 'under_way' && clock().getTime() - row.startedAt.getTime() < longestMs)
      throw new FaultError(fault('idempotency_under_way', { retryAfterSeconds: 1 }))
    if (row.state !== 'done' || row.sealedReply === null || row.status === null)
      throw new FaultError(fault('outcome_unknown'))
    return { status: row.status, body: open(replyKey(request), row.sealedReply) }
  }

  return {
    async run(request, work) {
      const id = {
        organizationId: request.organizationId,
        userId: request.userId,
        keyHash: keyHash(request),
      }
      const startedAt = clock()
      const expiresAt = new Date(startedAt.getTime() + keptMs)
      const known = await store.begin(database, {
        ...id,
        requestHash: requestHash(request),
        startedAt,
        expiresAt,
      })
      if (known !== null) return { ...replayed(request, known), isReplayed: true }
      try {
        const reply = await work()
        // Without the vault the reply cannot be kept; that it was given can.
        const sealed = vault.problem() === null ? seal(replyKey(request), reply.body) : null
        await store
          .finish(database, id, { state: 'done', status: reply.status, sealedReply: sealed })
          .catch((error: unknown) => log.warn({ err: error }, 'a reply could not be kept for its repetition'))
        return { ...reply, isReplayed: false }
      } catch (error) {
        // A fault is a known outcome, with which nothing was changed: the same key may try again.
        const settled =
          error instanceof FaultError
            ? store.forget(database, id)
            : store.finish(database, id, { state: 'unknown', status: null, sealedReply: null })
        await settled.catch(() => {})
        throw error
      }
    },
    sweep: () => store.sweep(database, clock()),
  }
}

const keyHash = ({ key }: IdempotentRequest): Buffer => hash('sha256', `key ${key}`, 'buffer')
/** Salted by the key, which is not stored: nobody tries passwords against it. */
const requestHash = ({ key, content }: IdempotentRequest): Buffer =>
  hash('sha256', `request ${key.length} ${key} ${content}`, 'buffer')

const seal = (key: Buffer, text: string): Buffer => {
  const nonce = randomBytes(12)
  const cipher = createCipheriv('aes-256-gcm', key, nonce)
  return Buffer.concat([nonce, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()])
}

const open = (key: Buffer, sealed: Buffer): string => {
  const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, 12))
  decipher.setAuthTag(sealed.subarray(-16))
  return decipher.update(sealed.subarray(12, -16), undefined, 'utf8') + decipher.final('utf8')
}

import type { Kysely } from 'kysely'
import type { Schema } from '../db/schema.ts'
import type { SealedSecret } from '../vault/envelope.ts'
import type { SignInMethod } from './session.ts'
import type { Executor } from './store.ts'

export interface TotpRow extends SealedSecret {
  readonly id: string
  readonly lastStep: bigint
  readonly createdAt: Date
}

export interface PasskeyRow {
  readonly id: string
  readonly userId: string
  readonly credentialId: string
  readonly publicKey: Buffer
  readonly counter: bigint
  readonly transports: string[]
  readonly rpId: string
  readonly name: string
  readonly isBackedUp: boolean
  readonly createdAt: Date
  readonly lastUsedAt: Date | null
}

export type ChallengePurpose = 'register' | 'prove' | 'sign_in'

export interface PendingRow {
  readonly userId: string
  readonly method: SignInMethod
  readonly onlyOrganizationId: string | null
  readonly ssoConnectionId: string | null
  readonly ssoSession: string | null
}

const passkeyColumns = [
  'id',
  'user_id as userId',
  'credential_id as credentialId',
  'public_key as publicKey',
  'counter',
  'transports',
  'rp_id as rpId',
  'name',
  'is_backed_up as isBackedUp',
  'created_at as createdAt',
  'last_used_at as lastUsedAt',
] as const

/** TOTP secrets, recovery codes, passkeys and their challenges, sign-ins that have come half-way. */
/** Changes to how one user signs in, the end of their sessions and sign-ins come one after the other; before any other lock. */
export const lockUser = async (executor: Executor, userId: string): Promise<void> => {
  await executor.selectFrom('users').select('id').where('id', '=', userId).forNoKeyUpdate().execute()
}

export const makeFactorStore = (kysely: Kysely<Schema>) => ({
  lockUser,

  readTotp: (
    userId: string,
    which: 'confirmed' | 'beginning',
    executor: Executor = kysely,
  ): Promise<TotpRow | undefined> =>
    executor
      .selectFrom('totp_factors')
      .select([
        'id',
        'last_step as lastStep',
        'created_at as createdAt',
        'master_key_id as masterKeyId',
        'wrapped_key as wrappedKey',
        'sealed_secret as sealedSecret',
      ])
      .where('user_id', '=', userId)
      .where('confirmed_at', which === 'confirmed' ? 'is not' : 'is', null)
      .executeTakeFirst(),

  /** In the place of one that was begun before. */
  beginTotp: async (
    executor: Executor,
    totp: { userId: string; id: string; sealed: SealedSecret; at: Date },
  ): Promise<void> => {
    await executor
      .deleteFrom('totp_factors')
      .where('user_id', '=', totp.userId)
      .where('confirmed_at', 'is', null)
      .execute()
    await executor
      .insertInto('totp_factors')
      .values({
        user_id: totp.userId,
        id: totp.id,
        master_key_id: totp.sealed.masterKeyId,
        wrapped_key: totp.sealed.wrappedKey,
        sealed_secret: totp.sealed.sealedSecret,
        created_at: totp.at,
      })
      .execute()
  },

  /** False: another one was begun meanwhile. Replaces the one that was confirmed. */
  confirmTotp: async (
    executor: Executor,
    totp: { userId: string; id: string; step: bigint; at: Date },
  ): Promise<boolean> => {
    await executor
      .deleteFrom('totp_factors')
      .where('user_id', '=', totp.userId)
      .where('confirmed_at', 'is not', null)
      .execute()
    const result = await executor
      .updateTable('totp_factors')
      .set({ confirmed_at: totp.at, last_step: totp.step })
      .where('user_id', '=', totp.userId)
      .where('id', '=', totp.id)
      .executeTakeFirst()
    return result.numUpdatedRows === 1n
  },

  /** One statement: of two simultaneous uses of a code one finds its step taken. */
  useStep: async (
    executor: Executor,
    totp: { userId: string; id: string; step: bigint },
  ): Promise<boolean> => {
    const result = await executor
      .updateTable('totp_factors')
      .set({ last_step: totp.step })
      .where('user_id', '=', totp.userId)
      .where('id', '=', totp.id)
      .where('last_step', '<', totp.step)
      .executeTakeFirst()
    return result.numUpdatedRows === 1n
  },

  removeTotp: async (executor: Executor, userId: string): Promise<boolean> => {
    const rows = await executor
      .deleteFrom('totp_factors')
      .where('user_id', '=', userId)
      .returning('confirmed_at')
      .execute()
    return rows.some((row) => row.confirmed_at !== null)
  },

  replaceRecoveryCodes: async (
    executor: Executor,
    userId: string,
    hashes: readonly Buffer[],
    at: Date,
  ): Promise<void> => {
    await executor.deleteFrom('recovery_codes').where('user_id', '=', userId).execute()
    if (hashes.length === 0) return
    await executor
      .insertInto('recovery_codes')
      .values(hashes.map((codeHash) => ({ user_id: userId, code_hash: codeHash, created_at: at })))
      .execute()
  },

  useRecoveryCode: async (
    executor: Executor,
    userId: string,
    codeHash: Buffer,
    at: Date,
  ): Promise<boolean> => {
    const result = await executor
      .updateTable('recovery_codes')
      .set({ used_at: at })
      .where('user_id', '=', userId)
      .where('code_hash', '=', codeHash)
      .where('used_at', 'is', null)
      .executeTakeFirst()
    return result.numUpdatedRows === 1n
  },

  countRecoveryCodes: async (userId: string, executor: Executor = kysely): Promise<number> => {
    const row = await executor
      .selectFrom('recovery_codes')
      .select((e) => e.fn.countAll<bigint>().as('count'))
      .where('user_id', '=', userId)
      .where('used_at', 'is', null)
      .executeTakeFirstOrThrow()
    return Number(row.count)
  },

  listPasskeys: (userId: string, executor: Executor = kysely): Promise<PasskeyRow[]> =>
    executor
      .selectFrom('passkeys')
      .select(passkeyColumns)
      .where('user_id', '=', userId)
      .orderBy('created_at')
      .orderBy('id')
      .execute(),

  findPasskey: (credentialId: string): Promise<PasskeyRow | undefined> =>
    kysely
      .selectFrom('passkeys')
      .select(passkeyColumns)
      .where('credential_id', '=', credentialId)
      .executeTakeFirst(),

  /** False: this passkey is somebody's already. */
  insertPasskey: async (
    executor: Executor,
    passkey: Omit<PasskeyRow, 'createdAt' | 'lastUsedAt'> & { at: Date },
  ): Promise<boolean> => {
    const row = await executor
      .insertInto('passkeys')
      .values({
        id: passkey.id,
        user_id: passkey.userId,
        credential_id: passkey.credentialId,
        public_key: passkey.publicKey,
        counter: passkey.counter,
        transports: passkey.transports,
        rp_id: passkey.rpId,
        name: passkey.name,
        is_backed_up: passkey.isBackedUp,
        created_at: passkey.at,
      })
      .onConflict((conflict) => conflict.doNothing())
      .returning('id')
      .executeTakeFirst()
    return row !== undefined
  },

  /** Counters only rise; passkeys that are synchronised between devices have none, which is 0. */
  usePasskey: async (
    executor: Executor,
    used: { id: string; counter: bigint; isBackedUp: boolean; at: Date },
  ): Promise<boolean> => {
    const result = await executor
      .updateTable('passkeys')
      .set({ counter: used.counter, is_backed_up: used.isBackedUp, last_used_at: used.at })
      .where('id', '=', used.id)
      .where((e) => (used.counter === 0n ? e('counter', '=', 0n) : e('counter', '<', used.counter)))
      .executeTakeFirst()
    return result.numUpdatedRows === 1n
  },

  renamePasskey: async (executor: Executor, userId: string, id: string, name: string): Promise<boolean> => {
    const result = await executor
      .updateTable('passkeys')
      .set({ name })
      .where('user_id', '=', userId)
      .where('id', '=', id)
      .executeTakeFirst()
    return result.numUpdatedRows === 1n
  },

  removePasskey: async (executor: Executor, userId: string, id: string): Promise<boolean> => {
    const result = await executor
      .deleteFrom('passkeys')
      .where('user_id', '=', userId)
      .where('id', '=', id)
      .executeTakeFirst()
    return result.numDeletedRows === 1n
  },

  removeAllFactors: async (executor: Executor, userId: string): Promise<void> => {
    await executor.deleteFrom('totp_factors').where('user_id', '=', userId).execute()
    await executor.deleteFrom('recovery_codes').where('user_id', '=', userId).execute()
    await executor.deleteFrom('passkeys').where('user_id', '=', userId).execute()
  },

  insertChallenge: async (challenge: {
    hash: Buffer
    purpose: ChallengePurpose
    boundTo: string
    userId: string | null
    expiresAt: Date
  }): Promise<void> => {
    await kysely
      .insertInto('passkey_challenges')
      .values({
        challenge_hash: challenge.hash,
        purpose: challenge.purpose,
        bound_to: challenge.boundTo,
        user_id: challenge.userId,
        expires_at: challenge.expiresAt,
      })
      .execute()
  },

  /** Gone with the first answer, right or wrong. */
  useChallenge: async (
    challenge: { hash: Buffer; purpose: ChallengePurpose; boundTo: string },
    now: Date,
  ): Promise<boolean> => {
    const result = await kysely
      .deleteFrom('passkey_challenges')
      .where('challenge_hash', '=', challenge.hash)
      .where('purpose', '=', challenge.purpose)
      .where('bound_to', '=', challenge.boundTo)
      .where('expires_at', '>', now)
      .executeTakeFirst()
    return result.numDeletedRows === 1n
  },

  insertPending: async (
    executor: Executor,
    pending: PendingRow & { tokenHash: Buffer; expiresAt: Date },
  ): Promise<void> => {
    await executor
      .insertInto('pending_sign_ins')
      .values({
        token_hash: pending.tokenHash,
        user_id: pending.userId,
        method: pending.method,
        only_organization_id: pending.onlyOrganizationId,
        sso_connection_id: pending.ssoConnectionId,
        sso_session: pending.ssoSession,
        expires_at: pending.expiresAt,
      })
      .execute()
  },

  readPending: (tokenHash: Buffer, now: Date): Promise<PendingRow | undefined> =>
    kysely
      .selectFrom('pending_sign_ins')
      .select([
        'user_id as userId',
        'method',
        'only_organization_id as onlyOrganizationId',
        'sso_connection_id as ssoConnectionId',
        'sso_session as ssoSession',
      ])
      .where('token_hash', '=', tokenHash)
      .where('expires_at', '>', now)
      .executeTakeFirst() as Promise<PendingRow | undefined>,

  /** True once. */
  usePending: async (executor: Executor, tokenHash: Buffer, now: Date): Promise<boolean> => {
    const result = await executor
      .deleteFrom('pending_sign_ins')
      .where('token_hash', '=', tokenHash)
      .where('expires_at', '>', now)
      .executeTakeFirst()
    return result.numDeletedRows === 1n
  },
})
export type FactorStore = ReturnType<typeof makeFactorStore>

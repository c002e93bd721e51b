import { type Obvious, obviousBecause, type PasswordOwner, whyObvious } from '../contract/password-rules.ts'
import type { Database } from '../db/database.ts'
import { failure, type Outcome, success } from '../kit/fault.ts'
import type { Attempts } from './attempts.ts'
import type { BreachedPasswords } from './breached-passwords.ts'
import { makeGate } from './gate.ts'
import { hashPassword, verifyPassword } from './password.ts'
import { hasSecondFactor, type OpenedSession, type SignedIn } from './session.ts'
import type { SessionParts } from './sessions.ts'
import type { IdentityStore } from './store.ts'
import { passwordBuckets } from './throttle.ts'

export interface Passwords {
  /** Of a new password: not obvious, and in no list of leaked ones. Costs no transaction any time. */
  hashPassword(password: string, owner?: PasswordOwner): Promise<Outcome<string>>
  /** Ends every other session and unused links, and renews this one. A first password needs a fresh proof. */
  changePassword(
    who: SignedIn,
    token: string,
    change: { currentPassword?: string; newPassword: string },
  ): Promise<Outcome<OpenedSession>>
  /** Null: too many at a time. */
  verify(password: string, stored: string | null): ReturnType<typeof verifyPassword> | Promise<null>
  /** A password that was right, under today's parameters. */
  rehash(password: string): Promise<string | null>
  check(userId: string, password: string): Promise<Outcome<void>>
}

export const makePasswords = (parts: {
  database: Database
  store: IdentityStore
  sessions: Pick<SessionParts, 'renew' | 'endOthers' | 'audit' | 'tell'>
  attempts: Attempts
  breached: BreachedPasswords | null
}): Passwords => {
  const { database, store, sessions, attempts, breached } = parts
  const gate = makeGate(2, 32)

  const verify = (password: string, stored: string | null) => gate(() => verifyPassword(password, stored))

  const hashNew = async (password: string, owner?: PasswordOwner): Promise<Outcome<string>> => {
    const because = whyObvious(password, owner)
    if (because !== null) return obvious(because)
    if (breached !== null && (await breached.has(password))) return leaked
    const hashed = await gate(() => hashPassword(password))
    return hashed === null ? failure('overloaded') : success(hashed)
  }

  const check = async (userId: string, password: string): Promise<Outcome<void>> => {
    const user = await store.readUser(userId)
    const verified = await verify(password, user?.passwordHash ?? null)
    if (verified === null) return failure('overloaded')
    return verified.matches ? success(undefined) : failure('invalid_credentials', wrongPassword)
  }

  return {
    verify: verify as Passwords['verify'],
    rehash: (password) => gate(() => hashPassword(password)),
    check,
    hashPassword: hashNew,

    async changePassword(who, token, { currentPassword, newPassword }) {
      // Whoever took the session of a user without a password over could set one, and would have two ways in. With a second
      // factor the password alone shows too little.
      if ((!who.hasPassword || hasSecondFactor(who)) && who.provedUntil === null)
        return failure('step_up_required')
      const allowed = await attempts.count(passwordBuckets(who.userId))
      if (!allowed.ok) return allowed
      if (who.hasPassword) {
        const checked = await check(who.userId, currentPassword ?? '')
        if (!checked.ok) return checked
      }
      const hashed = await hashNew(newPassword, who)
      if (!hashed.ok) return hashed
      const renewed = await database.kysely.transaction().execute(async (transaction) => {
        await store.setPassword(transaction, who.userId, hashed.value)
        await sessions.endOthers(transaction, who)
        const subject = { kind: 'user', id: who.userId }
        await sessions.audit(transaction, who.userId, 'user.password_changed', subject)
        await sessions.tell(transaction, who.userId, 'password_changed')
        return sessions.renew(transaction, token, { secondFactor: false })
      })
      return renewed ? success(renewed) : failure('not_signed_in')
    },
  }
}

const wrongPassword = {
  message: 'The current password is wrong.',
  next: 'Enter the password you signed in with, or ask an administrator for a sign-in link.',
  field: 'currentPassword',
}
const obvious = (because: Obvious) =>
  failure('invalid_request', {
    message: `This password is one of the first that somebody would try: ${obviousBecause[because]}.`,
    next: 'Choose another one: a sentence that is not about you or this product is easy to remember.',
    field: 'newPassword',
  })
const leaked = failure('invalid_request', {
  message: 'This password is in a list of passwords that were leaked.',
  next: 'Choose another one, and change it wherever else you use it.',
  field: 'newPassword',
})

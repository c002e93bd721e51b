import { sql } from 'kysely'
import type { Access } from '../access/access.ts'
import type { Database } from '../db/database.ts'
import type { Clock } from '../kit/clock.ts'
import { FaultError, failure, fault, must, type Outcome } from '../kit/fault.ts'
import type { Identity } from '../identity/identity.ts'
import { generateSecretToken, hashOfSecretToken } from '../identity/secret-token.ts'
import type { OpenedSession, Origin } from '../identity/session.ts'
import { outcomeOf } from '../organizations/outcome.ts'
import type { HostApplications } from './host-applications.ts'
import type { ApplicationStore } from './store-applications.ts'

export interface Embedding {
  /** For the user that the application's signed token names. */
  createLink(hostToken: string): Promise<Outcome<{ path: string; expiresAt: Date }>>
  /** Works once. The session is that of a member, in this organisation only, and can prove nothing. */
  open(token: string, origin: Origin): Promise<Outcome<OpenedSession>>
  /** Origins that may show the pages of this application; none: it is not there, or not to be shown. */
  framesOf(applicationId: string): Promise<readonly string[]>
}

const linkSeconds = 60
const sessionSeconds = 8 * 3600

/** The user's own pages inside a host application: by a link that its server asks for and its page shows in a frame. */
export const makeEmbedding = (parts: {
  database: Database
  access: Access
  identity: Pick<Identity, 'openSession'>
  applications: HostApplications
  store: ApplicationStore
  clock: Clock
}): Embedding => {
  const { database, access, identity, applications, store, clock } = parts
  const after = (seconds: number) => new Date(clock().getTime() + seconds * 1000)

  return {
    async createLink(hostToken) {
      const caller = await applications.authenticate(hostToken)
      if (!caller.ok) return caller
      const { application, person } = caller.value
      if (application.frameAncestors.length === 0) return notShown
      const token = generateSecretToken()
      const expiresAt = after(linkSeconds)
      await store.insertLink({
        organizationId: application.organizationId,
        tokenHash: hashOfSecretToken(token),
        applicationId: application.id,
        userId: person.userId,
        expiresAt,
      })
      return { ok: true, value: { path: `/embedded/${application.id}#${token}`, expiresAt } }
    },

    open: (token, origin) =>
      outcomeOf(() =>
        database.kysely.transaction().execute(async (t) => {
          const link = await store.takeLink(t, hashOfSecretToken(token), clock())
          if (!link) throw new FaultError(fault('invalid_link'))
          const { organizationId, applicationId: id, userId } = link
          must(await access.authenticateFor('application', { organizationId, id }))
          must(await access.person(organizationId, userId))
          const opening = {
            method: 'embedding',
            secondFactor: false,
            onlyOrganizationId: organizationId,
          } as const
          // Whatever session the same browser has at our own address goes on.
          const opened = await identity.openSession(t, userId, { ...origin, previousToken: null }, opening)
          const expiresAt = after(sessionSeconds)
          await sql`
            UPDATE sessions SET embedded_by = ${id}, proved_at = NULL, expires_at = ${expiresAt}
            WHERE token_hash = ${hashOfSecretToken(opened.token)}`.execute(t)
          return { token: opened.token, expiresAt, browser: null }
        }),
      ),

    async framesOf(applicationId) {
      const application = await applications.find(applicationId)
      if (!application) return []
      const { organizationId, id, frameAncestors } = application
      const standing = await access.authenticateFor('application', { organizationId, id })
      return standing.ok ? frameAncestors : []
    },
  }
}

const notShown = failure('forbidden', {
  message: 'No origin is set that may show this application’s embedded dashboards.',
  next: 'Set the origins of its pages under host applications.',
})

import type { Config } from '../config/config.ts'
import { withRooms } from './database.ts'

const operator = { kind: 'operator', id: null } as const

/** `aideon-keys sign-in-link`: the way in for people made by `apply`, and back in for who lost their password. */
export const signInLink = (config: Config, email: string): Promise<number> =>
  withRooms(config, async ({ identity, organizations }) => {
    const person = await organizations.findPerson({ email })
    const link = person && (await identity.createSignInLink(operator, person.userId))
    if (!link?.ok) {
      console.error(`There is no user ${email} here.`)
      return 1
    }
    const { path, expiresAt } = link.value
    console.log(
      `Sign in as ${email} (valid once, until ${expiresAt.toISOString()}): ${baseUrl(config)}${path}`,
    )
    return 0
  })

/** As far as a command can know it: the gateway itself may have been given another port. */
const baseUrl = ({ publicUrl, host, port }: Config): string =>
  publicUrl ?? `http://${host.includes(':') ? `[${host}]` : host}:${port}`

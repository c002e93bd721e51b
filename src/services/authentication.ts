import type { Service } from './service.ts'

type Authenticate = Service['authenticate']

/** `Authorization: Bearer …`, as most services want it. */
export const bearer: Authenticate = ({ secret }) => ({ authorization: `Bearer ${secret}` })

/** `Authorization: <word> …` with another word. */
export const authorization =
  (word: string): Authenticate =>
  ({ secret }) => ({ authorization: `${word} ${secret}` })

/** The key alone in a header of the service's own. */
export const header =
  (name: string): Authenticate =>
  ({ secret }) => ({ [name]: secret })

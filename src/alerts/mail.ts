import { createTransport } from 'nodemailer'
import type { MailSettings } from '../config/config.ts'

export interface Letter {
  /** The same for every attempt: mail programs show a letter once that comes twice. */
  readonly id: string
  readonly to: string
  readonly subject: string
  readonly text: string
}

export type MailOutcome =
  | { readonly kind: 'sent'; readonly status: number | null }
  | {
      readonly kind: 'failed'
      /** The server's answer; null: there was none. */
      readonly status: number | null
      /** A word of the SMTP client's, such as EAUTH; never what the server said, which may be anything. */
      readonly fault: string
      /** The server will not take it at any time. */
      readonly isFinal: boolean
    }

export interface Mail {
  readonly isAvailable: boolean
  readonly from: string | null
  /** `host:port`, without user and password. */
  readonly server: string | null
  send(letter: Letter): Promise<MailOutcome>
}

const connectTimeoutMs = 10_000
const answerTimeoutMs = 20_000

export const noMail: Mail = {
  isAvailable: false,
  from: null,
  server: null,
  send: async () => ({ kind: 'failed', status: null, fault: 'no_mail_server', isFinal: true }),
}

/** E-mail over one SMTP server. A user name and a password go over TLS only, unless the server is on this machine. */
export const makeMail = ({ url, from }: MailSettings): Mail => {
  const server = new URL(url)
  const isSecure = server.protocol === 'smtps:'
  const port = server.port === '' ? (isSecure ? 465 : 587) : Number(server.port)
  const auth =
    server.username === ''
      ? undefined
      : { user: decodeURIComponent(server.username), pass: decodeURIComponent(server.password) }
  const host = server.hostname.replace(/^\[|\]$/g, '')
  const transport = createTransport({
    host,
    port,
    secure: isSecure,
    requireTLS: !isSecure && auth !== undefined && !isLocal(host),
    // Within one machine there is nobody to listen, and no certificate that anybody could have.
    ignoreTLS: !isSecure && isLocal(host),
    ...(auth === undefined ? {} : { auth }),
    connectionTimeout: connectTimeoutMs,
    greetingTimeout: connectTimeoutMs,
    socketTimeout: answerTimeoutMs,
    disableFileAccess: true,
    disableUrlAccess: true,
  })
  const domain = /@([A-Za-z0-9.-]+)>?\s*$/.exec(from)?.[1] ?? 'localhost'

  return {
    isAvailable: true,
    from,
    server: `${server.hostname}:${port}`,
    async send({ id, to, subject, text }) {
      try {
        const sent: { response?: string } = await transport.sendMail({
          from,
          // An object: an address is never read as a list of several.
          to: { name: '', address: to },
          subject,
          text,
          messageId: `<${id}@${domain}>`,
          headers: { 'Auto-Submitted': 'auto-generated' },
        })
        return { kind: 'sent', status: statusIn(sent.response) }
      } catch (error) {
        return failureOf(error)
      }
    },
  }
}

const isLocal = (host: string): boolean => host === 'localhost' || host === '::1' || host.startsWith('127.')

const statusIn = (response: string | undefined): number | null => {
  const code = Number.parseInt(response ?? '', 10)
  return Number.isNaN(code) ? null : code
}

const failureOf = (error: unknown): MailOutcome => {
  const { code, responseCode } = error as { code?: unknown; responseCode?: unknown }
  const status = typeof responseCode === 'number' ? responseCode : null
  const fault = typeof code === 'string' && /^[A-Z_]{1,40}$/.test(code) ? code : 'EMAIL'
  // What is wrong with the letter or its address stays wrong; a password can be put right.
  const isFinal = status !== null && status >= 500 && (fault === 'EENVELOPE' || fault === 'EMESSAGE')
  return { kind: 'failed', status, fault, isFinal }
}

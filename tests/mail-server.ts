import { SMTPServer } from 'smtp-server'

export interface ReceivedLetter {
  readonly from: string
  readonly to: readonly string[]
  readonly user: string | null
  readonly isSecure: boolean
  /** As it came over the wire. */
  readonly source: string
}

/** An SMTP server of another make than the client, on a port of its own. */
export const startMailServer = async (
  options: { readonly user?: { name: string; password: string }; readonly offersTls?: boolean } = {},
) => {
  const letters: ReceivedLetter[] = []
  const answers: { code: number; times: number }[] = []
  const refuse = (at: 'recipient' | 'data'): Error | null => {
    const next = answers[0]
    if (!next || next.times === 0 || (at === 'recipient') !== next.code >= 550) return null
    next.times--
    return Object.assign(new Error('no'), { responseCode: next.code })
  }
  const server = new SMTPServer({
    disabledCommands: options.offersTls === true ? [] : ['STARTTLS'],
    authOptional: options.user === undefined,
    allowInsecureAuth: true,
    onAuth: ({ username, password }, _, done) =>
      username === options.user?.name && password === options.user?.password
        ? done(null, { user: username })
        : done(new Error('535 Wrong password s3cret-in-the-answer')),
    onRcptTo: (_, __, done) => done(refuse('recipient')),
    onData: (stream, session, done) => {
      const chunks: Buffer[] = []
      stream.on('data', (chunk: Buffer) => chunks.push(chunk))
      stream.on('end', () => {
        const refused = refuse('data')
        if (refused) return done(refused)
        const { mailFrom, rcptTo } = session.envelope
        letters.push({
          from: mailFrom === false ? '' : mailFrom.address,
          to: rcptTo.map(({ address }) => address),
          user: typeof session.user === 'string' ? session.user : null,
          isSecure: session.secure,
          source: Buffer.concat(chunks).toString('utf8'),
        })
        done(null, 'taken')
      })
    },
  })
  server.on('error', () => {})
  await new Promise<void>((done) => {
    server.listen(0, '127.0.0.1', done)
  })
  const address = server.server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  return {
    port,
    letters,
    /** The next letters are answered so: from 550 on to their recipient, below to their text. */
    answer: (code: number, times = 1) => void answers.splice(0, answers.length, { code, times }),
    close: () => new Promise<void>((done) => server.close(() => done())),
  }
}

/** What the shell answered. */
export interface BrowserReply {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly text: string
}

/** Someone who is signed in at a dashboard, without the dashboard. */
export interface Browser {
  send(
    method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE',
    path: string,
    body?: unknown,
  ): Promise<BrowserReply>
}

/** `open` names the call that signs in: by link, by password, by set-up. */
export const signIn = async (url: string, open: { path: string; body: unknown }): Promise<Browser> => {
  const anonymous = await sendTo(url, {}, 'POST', open.path, open.body)
  if (anonymous.status !== 200)
    throw new Error(`${open.path} answered ${anonymous.status}: ${anonymous.text}`)
  const cookies = anonymous.headers['set-cookie']?.split('\n') ?? []
  const cookie = cookies.map((line) => line.split(';')[0]).join('; ')
  const { csrfToken } = JSON.parse(anonymous.text) as { csrfToken: string }
  const headers = { cookie, 'x-csrf-token': csrfToken }
  return { send: (method, path, body) => sendTo(url, headers, method, path, body) }
}

export const sendTo = async (
  url: string,
  headers: Readonly<Record<string, string>>,
  method: string,
  path: string,
  body?: unknown,
): Promise<BrowserReply> => {
  const reply = await fetch(url + path, {
    method,
    headers: { ...headers, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  })
  // Of several cookies a record would keep the last.
  const cookies = reply.headers.getSetCookie()
  const received = {
    ...Object.fromEntries(reply.headers),
    ...(cookies.length > 0 ? { 'set-cookie': cookies.join('\n') } : {}),
  }
  return { status: reply.status, headers: received, text: await reply.text() }
}

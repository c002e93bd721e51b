import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Provider } from 'oidc-provider'

export interface Account {
  readonly sub: string
  readonly [claim: string]: unknown
}

/** A real provider on loopback: one client, people who are signed in there already. */
export const startOidcProvider = async (o: { redirectUris: () => string[]; clientSecret: string }) => {
  const accounts = new Map<string, Account>()
  let signedIn = ''
  let since: number | undefined
  const told: string[] = []
  const server = createServer((request, response) => void handle(request, response))
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready))
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const metadata = {
    client_id: 'aideon',
    client_secret: o.clientSecret,
    token_endpoint_auth_method: 'client_secret_post' as const,
  }
  const provider = new Provider(issuer, {
    clients: [
      {
        ...metadata,
        redirect_uris: ['https://placeholder.example/'],
        backchannel_logout_uri: 'https://placeholder.example/logout',
        backchannel_logout_session_required: true,
      },
    ],
    pkce: { required: () => true },
    claims: {
      email: ['email', 'email_verified'],
      profile: ['name'],
      groups: ['groups'],
      openid: ['sub', 'hd'],
    },
    conformIdTokenClaims: false,
    // What it tells clients is passed on by the test.
    fetch: async (_, options) => {
      const body = options?.body as URLSearchParams
      told.push(body.get('logout_token') ?? '')
      return new Response(null, { status: 200 })
    },
    cookies: { keys: ['a key of the test'] },
    features: {
      devInteractions: { enabled: false },
      backchannelLogout: { enabled: true },
    },
    interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
    findAccount: (_, id) => ({ accountId: id, claims: async () => accounts.get(id) ?? { sub: id } }),
    async loadExistingGrant(context) {
      const { session, client } = context.oidc
      const grant = new context.oidc.provider.Grant({
        clientId: client?.clientId as string,
        accountId: session?.accountId as string,
      })
      grant.addOIDCScope('openid email profile groups')
      await grant.save()
      return grant
    },
    extraClientMetadata: { properties: [] },
  })
  // Addresses of connections are known only when these exist.
  const { Client } = provider
  const find = Client.find.bind(Client)
  Client.find = async (id: string) => {
    const client = await find(id)
    if (client) Object.assign(client, { redirectUris: o.redirectUris() })
    return client
  }
  const answer = provider.callback()
  const handle = async (request: IncomingMessage, response: ServerResponse) => {
    if (!request.url?.startsWith('/interaction/')) return answer(request, response)
    const login = { accountId: signedIn, ...(since !== undefined && { ts: since }) }
    await provider.interactionFinished(request, response, { login })
  }
  return {
    issuer,
    /** Who sits at the browser, as the provider sees it, and since when; left out: since they are asked. */
    signIn: (account: Account, at?: Date) => {
      accounts.set(account.sub, account)
      signedIn = account.sub
      since = at && Math.floor(at.getTime() / 1000)
    },
    /** What it tells clients when somebody signs out there. */
    logoutToken: async (sub: string, sid: string): Promise<string> => {
      const client = (await find('aideon')) as unknown as {
        backchannelLogout(sub: string, sid: string): Promise<void>
      }
      await client.backchannelLogout(sub, sid)
      return told.at(-1) ?? ''
    },
    /** Goes there like a browser, until it is sent back to us; gives that address. */
    visit: async (url: string): Promise<string> => {
      const jar = new Map<string, string>()
      let next = url
      for (let hops = 0; hops < 8 && next.startsWith(issuer); hops++) {
        const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ')
        const reply = await fetch(next, { redirect: 'manual', headers: { cookie } })
        for (const set of reply.headers.getSetCookie()) {
          const [pair = ''] = set.split(';')
          jar.set(pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1))
        }
        const location = reply.headers.get('location')
        if (location === null) throw new Error(`${reply.status}: ${(await reply.text()).slice(0, 500)}`)
        next = new URL(location, next).href
      }
      return next
    },
    stop: async () => {
      server.closeAllConnections()
      await new Promise((done) => server.close(done))
    },
  }
}

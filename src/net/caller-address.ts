import type { IncomingMessage } from 'node:http'
import proxyAddress from '@fastify/proxy-addr'

/** Of who sends a request: the last one that no trusted proxy vouches for, as Fastify tells it at the management API. */
export const makeCallerAddress = (
  trustedProxies: readonly string[],
): ((incoming: IncomingMessage) => string) => {
  const isTrusted = proxyAddress.compile([...trustedProxies])
  return (incoming) => proxyAddress(incoming, isTrusted) ?? ''
}

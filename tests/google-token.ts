import type { Outbound, OutboundRequest } from '../src/net/outbound.ts'

const googleTokenUrl = 'https://oauth2.googleapis.com/token'

/**
 * Lets the simulator answer at Google's token address. That address is fixed, on purpose: neither a key's own document nor a
 * replaced base URL (a private endpoint, an egress proxy) may say where a signed assertion goes. So nothing in the
 * product can be set to lead it elsewhere, and the stand-in is put where the network would begin: the request is made,
 * signed, checked and read as ever, and only this one address is answered by somebody else.
 */
export const standInForGoogle = (
  outbound: Pick<Outbound, 'request'>,
  simulatorUrl: string,
): Pick<Outbound, 'request'> => ({
  request: (request: OutboundRequest) =>
    outbound.request(
      request.url === googleTokenUrl ? { ...request, url: `${simulatorUrl}/vertex/token` } : request,
    ),
})

import { isIP, SocketAddress } from 'node:net'

/**
 * As it is compared, without a zone. A listener on `::` sees IPv4 callers as `::ffff:192.0.2.1`, and proxies may write that as
 * `::ffff:c000:201`: each is that IPv4 address. Null: no address.
 */
export const plainAddress = (text: string): { address: string; family: 'ipv4' | 'ipv6' } | null => {
  const bare = text.split('%')[0] ?? ''
  const kind = isIP(bare)
  if (kind === 0) return null
  if (kind === 4) return { address: bare, family: 'ipv4' }
  const { address } = new SocketAddress({ address: bare, family: 'ipv6' })
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/.exec(address)?.[1]
  return mapped === undefined ? { address, family: 'ipv6' } : { address: mapped, family: 'ipv4' }
}

/** Whom an address counts as, where somebody's calls are counted. One IPv6 customer has a /64 at least: all of it is one. */
export const networkOf = (text: string): string => {
  const plain = plainAddress(text)
  if (plain?.family !== 'ipv6') return plain?.address ?? text
  const [head = '', tail] = plain.address.split('::')
  const groups = head.split(':').filter(Boolean)
  if (tail !== undefined) {
    const rest = tail.split(':').filter(Boolean)
    while (groups.length + rest.length < 8) groups.push('0')
    groups.push(...rest)
  }
  return groups
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':')
}

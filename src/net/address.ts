import { BlockList, isIP } from 'node:net'

/** Networks that are not the public internet (IANA special-purpose registries, RFC 6890). */
const notPublic: readonly (readonly [string, number, 'ipv4' | 'ipv6'])[] = [
  ['0.0.0.0', 8, 'ipv4'],
  ['10.0.0.0', 8, 'ipv4'],
  ['100.64.0.0', 10, 'ipv4'],
  ['127.0.0.0', 8, 'ipv4'],
  // Public by number, and the inside of every machine at Azure: its agent and metadata answer there.
  ['168.63.129.16', 32, 'ipv4'],
  ['169.254.0.0', 16, 'ipv4'],
  ['172.16.0.0', 12, 'ipv4'],
  ['192.0.0.0', 24, 'ipv4'],
  ['192.0.2.0', 24, 'ipv4'],
  ['192.88.99.0', 24, 'ipv4'],
  ['192.168.0.0', 16, 'ipv4'],
  ['198.18.0.0', 15, 'ipv4'],
  ['198.51.100.0', 24, 'ipv4'],
  ['203.0.113.0', 24, 'ipv4'],
  ['224.0.0.0', 3, 'ipv4'],
  // Everything outside 2000::/3 is not global unicast; these are the special parts within or beside it.
  ['::', 3, 'ipv6'],
  ['4000::', 2, 'ipv6'],
  ['8000::', 1, 'ipv6'],
  ['2001::', 23, 'ipv6'],
  ['2001:db8::', 32, 'ipv6'],
  ['2002::', 16, 'ipv6'],
  ['3fff::', 20, 'ipv6'],
]

// One list a family: a list of both judges an IPv4 address by the IPv6 networks around its mapped form too.
const blocked = { ipv4: new BlockList(), ipv6: new BlockList() }
for (const [network, prefix, family] of notPublic) blocked[family].addSubnet(network, prefix, family)

/** An IPv4 address written inside IPv6 (`::ffff:10.0.0.1`) is judged as that IPv4 address. */
const unmapped = (address: string): string => {
  const dotted = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)
  if (dotted) return dotted[1] as string
  const hex = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/i.exec(address)
  if (!hex) return address
  const high = Number.parseInt(hex[1] as string, 16)
  const low = Number.parseInt(hex[2] as string, 16)
  return `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`
}

export const isPublicAddress = (address: string): boolean => {
  const plain = unmapped(address)
  const family = isIP(plain)
  if (family === 0) return false
  return family === 4 ? !blocked.ipv4.check(plain, 'ipv4') : !blocked.ipv6.check(plain, 'ipv6')
}

/** What the administrator lists: `host`, `host:port`, an address, or a network in CIDR form. */
export interface Allowances {
  readonly isEmpty: boolean
  /** The host itself is listed, whatever it resolves to; also lifts the demand for https. */
  allowsHost(host: string, port: number): boolean
  allowsAddress(address: string, port: number): boolean
}

const cidrPattern = /^([0-9a-f.:]+)\/(\d{1,3})$/i

/** Null when `text` is none of the forms above. */
export const parseAllowance = (
  text: string,
): { host: string; port: number | null } | { network: string; prefix: number } | null => {
  const cidr = cidrPattern.exec(text)
  if (cidr) {
    const family = isIP(cidr[1] as string)
    const prefix = Number(cidr[2])
    return family !== 0 && prefix <= (family === 4 ? 32 : 128) ? { network: cidr[1] as string, prefix } : null
  }
  if (isIP(text) === 6) return { host: text, port: null }
  const match = /^(\[[0-9a-f:.]+\]|[a-z0-9.-]{1,253})(?::(\d{1,5}))?$/i.exec(text)
  if (!match || Number(match[2] ?? 1) > 65535) return null
  return { host: bare(match[1] as string), port: match[2] === undefined ? null : Number(match[2]) }
}

export const makeAllowances = (listed: readonly string[]): Allowances => {
  const networks = new BlockList()
  const hosts: { host: string; port: number | null }[] = []
  for (const text of listed) {
    const entry = parseAllowance(text)
    if (!entry) continue
    if ('network' in entry)
      networks.addSubnet(entry.network, entry.prefix, isIP(entry.network) === 4 ? 'ipv4' : 'ipv6')
    else hosts.push(entry)
  }
  const listsHost = (host: string, port: number) =>
    hosts.some((entry) => entry.host === host && (entry.port === null || entry.port === port))
  const listsNetwork = (address: string) => {
    const family = isIP(address)
    return family !== 0 && networks.check(address, family === 4 ? 'ipv4' : 'ipv6')
  }
  return {
    isEmpty: listed.length === 0,
    allowsHost: (host, port) => listsHost(bare(host), port) || listsNetwork(unmapped(bare(host))),
    allowsAddress: (address, port) => listsHost(unmapped(address), port) || listsNetwork(unmapped(address)),
  }
}

/**
 * Ports of protocols that would take an HTTP request for commands, or do harm by being dialled: those that browsers refuse
 * (https://fetch.spec.whatwg.org/#port-blocking), and the ones of databases and of Docker and Kubernetes.
 */
const badPorts = new Set([
  0, 1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102, 103, 104,
  109, 110, 111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 465, 512, 513, 514, 515,
  526, 530, 531, 532, 540, 548, 554, 556, 563, 587, 601, 636, 989, 990, 993, 995, 1719, 1720, 1723, 2049,
  3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080, 445, 1433, 1521,
  2375, 2376, 2379, 2380, 3306, 3389, 5432, 5984, 6379, 6443, 9042, 9200, 9300, 10250, 11211, 27017,
])

export const isBadPort = (port: number): boolean => badPorts.has(port)

/** This machine, whatever a resolver says (RFC 6761). */
export const isLoopbackName = (host: string): boolean => /^(?:.+\.)?localhost\.?$/.test(host)

/** No name of the public internet: a single label, or one of the special-use domains of private networks. */
export const isLocalName = (host: string): boolean =>
  isLoopbackName(host) || !/\./.test(host.slice(0, -1)) || /\.(?:local|internal|home\.arpa)\.?$/.test(host)

/** URL hosts keep IPv6 in brackets and lower case; addresses come without. */
export const bare = (host: string): string => host.replace(/^\[|\]$/g, '').toLowerCase()

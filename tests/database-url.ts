/** The same server, another database; a Unix-socket address has no host, which URL cannot read. */
export const withDatabase = (url: string, name: string): string =>
  url.replace(/^(postgres(?:ql)?:\/\/[^/]*\/)[^?]*/, `$1${name}`)

/** The user name in an address. */
export const roleOf = (url: string): string =>
  decodeURIComponent(/^postgres(?:ql)?:\/\/([^:@/]+)/.exec(url)?.[1] ?? '')

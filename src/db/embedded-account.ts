import { readFileSync, statSync } from 'node:fs'
import { userInfo } from 'node:os'
import { dirname } from 'node:path'

/** The operating-system account that PostgreSQL runs as. */
export interface Account {
  readonly name: string
  readonly uid: number
  readonly gid: number
}

/** A start that cannot work here. The message is the whole story for a person: what is wrong and what to do. */
export class PostgresError extends Error {
  override readonly name = 'PostgresError'
}

export const parsePasswd = (text: string): Account[] =>
  text.split('\n').flatMap((line) => {
    const [name, , uid, gid] = line.split(':')
    return name && uid && gid ? [{ name, uid: Number(uid), gid: Number(gid) }] : []
  })

/**
 * PostgreSQL refuses to run as root. Started by root we hand it to the account that owns the database already, else to
 * `postgres`, else to `nobody`; it must be in passwd, where initdb looks its name up.
 */
export const chooseAccount = (
  passwd: readonly Account[],
  uid: number,
  ownerUid: number | null,
): Account | { readonly problem: string } => {
  if (uid !== 0) {
    return (
      passwd.find((account) => account.uid === uid) ?? {
        problem: `User id ${uid} has no entry in /etc/passwd, which the built-in PostgreSQL needs. Add one, or set DATABASE_URL to an external PostgreSQL.`,
      }
    )
  }
  if (ownerUid !== null && ownerUid !== 0) {
    const owner = passwd.find((account) => account.uid === ownerUid)
    return (
      owner ?? {
        problem: `The database belongs to user id ${ownerUid}, which has no entry in /etc/passwd. Add it back, or give the files to another account (chown -R).`,
      }
    )
  }
  return (
    passwd.find((account) => account.name === 'postgres' && account.uid !== 0) ??
    passwd.find((account) => account.name === 'nobody' && account.uid !== 0) ?? {
      problem:
        'PostgreSQL does not run as root, and there is neither a user postgres nor a user nobody. Create one (useradd --system postgres), start as an ordinary user, or set DATABASE_URL.',
    }
  )
}

export const databaseAccount = (databaseDirectory: string): Account => {
  const uid = process.getuid?.() ?? -1
  const account = chooseAccount(knownAccounts(uid), uid, ownerOf(databaseDirectory))
  if ('problem' in account) throw new PostgresError(account.problem)
  return account
}

/** Ordinary users may come from a directory service, so their own entry is asked from the system. */
const knownAccounts = (uid: number): Account[] => {
  if (uid === 0) return parsePasswd(readFileSync('/etc/passwd', 'utf8'))
  try {
    const { username, gid } = userInfo()
    return [{ name: username, uid, gid }]
  } catch {
    return []
  }
}

const ownerOf = (path: string): number | null => {
  try {
    return statSync(path).uid
  } catch {
    return null
  }
}

export interface Mode {
  readonly mode: number
  readonly uid: number
  readonly gid: number
}

export const mayEnter = (directory: Mode, account: Account): boolean => {
  if (directory.uid === account.uid) return (directory.mode & 0o100) !== 0
  if (directory.gid === account.gid) return (directory.mode & 0o010) !== 0
  return (directory.mode & 0o001) !== 0
}

/** The first directory on the way to `path`, from the root down, that the account may not enter; null when there is none. */
export const closedDirectory = (path: string, account: Account): string | null => {
  const above: string[] = []
  for (let at = path; ; at = dirname(at)) {
    above.unshift(at)
    if (at === dirname(at)) break
  }
  return above.find((directory) => !mayEnter(statSync(directory), account)) ?? null
}

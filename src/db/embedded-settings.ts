import { join } from 'node:path'

/** The superuser: used to make role and database at the first start, and by nothing that serves callers. */
export const administratorRole = 'aideon_administrator'
/** Role and database of the gateway. */
export const databaseName = 'aideon'
/** As whom requests of tenants are answered (src/db/tenant-wall.ts). */
export const tenantRole = 'aideon_tenant'

export const socketUrl = (directory: string, role = databaseName, database = databaseName): string =>
  `postgres://${role}@/${database}?host=${encodeURIComponent(directory)}`

export interface ServerPlace {
  readonly socketDirectory: string
  readonly rulesDirectory: string
  readonly clusterName: string
}

export const serverParameters = (place: ServerPlace): Record<string, string> => ({
  listen_addresses: '',
  port: '5432',
  // A list of directories: quoted, so that a comma or space in the path does not end it.
  unix_socket_directories: `"${place.socketDirectory.replaceAll('"', '""')}"`,
  unix_socket_permissions: '0700',
  hba_file: join(place.rulesDirectory, 'pg_hba.conf'),
  ident_file: join(place.rulesDirectory, 'pg_ident.conf'),
  cluster_name: place.clusterName,
  max_connections: '100',
  shared_buffers: '128MB',
  timezone: 'UTC',
  log_timezone: 'UTC',
  log_destination: 'stderr',
  log_line_prefix: '%m [%p] ',
  log_min_messages: 'warning',
  log_checkpoints: 'off',
  // Neither statements nor row contents may reach the log: they could hold what callers sent.
  log_statement: 'none',
  log_min_error_statement: 'panic',
  log_error_verbosity: 'terse',
  // This build has no LLVM.
  jit: 'off',
})

/**
 * Who may connect: the operating-system user that started us, over the socket, and nobody over a network. `peer` asks
 * the kernel, so there is no password to store or lose; the map is needed because that user (root, say) has another name
 * than the role. The socket's directory is 0700 besides. `trust` would let in every program of the account `nobody`.
 */
export const accessRules = (userName: string): Record<'pg_hba.conf' | 'pg_ident.conf', string> => ({
  'pg_hba.conf': 'local all all peer map=aideon\n',
  'pg_ident.conf': [databaseName, administratorRole]
    .map((role) => `aideon "${userName.replaceAll('"', '""')}" ${role}\n`)
    .join(''),
})

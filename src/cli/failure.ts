import { MigrationError } from '../db/migrate.ts'
import { PostgresError } from '../db/embedded-account.ts'
import { FaultError } from '../kit/fault.ts'
import { redactSecrets } from '../kit/redact.ts'

/** What to tell a person about a command that failed: a sentence where the cause is known, else the stack for a report. */
export const explainFailure = (error: unknown): string => redactSecrets(explanationOf(error))

const explanationOf = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error)
  if (error instanceof MigrationError || error instanceof PostgresError) return error.message
  if (error instanceof FaultError) return `${error.fault.message} ${error.fault.next}`
  const { code, syscall, path, port, address, hostname } = error as NodeJS.ErrnoException & {
    port?: number
    address?: string
    hostname?: string
  }
  if (syscall === 'listen' && code === 'EADDRINUSE')
    return `Port ${port} is taken by another program. Choose another one with --port, or --port 0 for any free one.`
  if (syscall === 'listen' && code === 'EACCES')
    return `This user may not listen on port ${port}. Choose one above 1023 with --port.`
  if (syscall === 'listen' && code === 'EADDRNOTAVAIL')
    return `This machine does not have the address ${address}. Choose another one with --host.`
  if (path !== undefined && (code === 'EACCES' || code === 'EPERM' || code === 'EROFS' || code === 'ENOSPC'))
    return `${path} cannot be written (${code}). Choose another data directory with --data.`
  if (syscall === 'getaddrinfo')
    return `The name ${hostname} cannot be resolved (${code}). Choose another one with --host, or write an IP address.`
  return error.stack ?? error.message
}

import type { StreamRecord } from './record.ts'

/** Facility 13, log audit; severity 5, notice. */
const priority = 13 * 8 + 5

/** What a receiver over UDP must at least be prepared for is 480 bytes, what it should be is 2048 (RFC 5426). */
const largestDatagramBytes = 8_192

const field = (text: string, most: number): string => text.replace(/[^\x21-\x7e]/g, '').slice(0, most) || '-'

/**
 * A message of RFC 5424. No structured data: its names belong to whoever has an enterprise number; the text is JSON in ASCII,
 * so it needs no byte order mark.
 */
export const syslogMessage = ({ at, action, line }: StreamRecord, host: string, pid: number): string =>
  `<${priority}>1 ${at.toISOString()} ${field(host, 255)} aideon-keys ${pid} ${field(action, 32)} - ${line}`

/** By its length, RFC 6587 and RFC 5425: what stands in a message can be taken for the end of none. */
export const syslogFrame = (message: string): string => `${Buffer.byteLength(message)} ${message}`

/** What is too long for a datagram keeps its place and its hash, and says that the rest is not there. */
export const syslogDatagram = (record: StreamRecord, host: string, pid: number): Buffer => {
  const whole = Buffer.from(syslogMessage(record, host, pid))
  if (whole.length <= largestDatagramBytes) return whole
  const { entry: _, text: __, ...rest } = JSON.parse(record.line) as Record<string, unknown>
  return Buffer.from(
    syslogMessage({ ...record, line: JSON.stringify({ ...rest, omitted: 'text' }) }, host, pid),
  )
}

/** One request as the simulator received it, and what became of the reply. */
export interface JournalEntry {
  readonly number: number
  readonly at: string
  readonly service: string
  readonly method: string
  /** With the service's prefix and the query. */
  readonly path: string
  /** Names in lower case; repeated headers joined with `, `. */
  readonly headers: Readonly<Record<string, string>>
  /** The secret exactly as received, whatever header it came in. */
  readonly credential: string | null
  /** As text, for the last requests only (`bodiesKept`). */
  body: string | null
  readonly bodyBytes: number
  model: string | null
  streamed: boolean
  /** Null: no reply was begun. */
  status: number | null
  bytesSent: number
  chunksSent: number
  /** The caller closed the connection before the reply was complete. */
  clientHungUp: boolean
  /** The reply was sent to its end. */
  complete: boolean
  durationMs: number | null
}

const entriesKept = 20_000
/** Bodies are what takes memory. */
const bodiesKept = 300

export interface Journal {
  open(entry: Omit<JournalEntry, 'number' | 'at'>): JournalEntry
  entries(): JournalEntry[]
  clear(): void
}

export const makeJournal = (): Journal => {
  let number = 0
  let kept: JournalEntry[] = []
  return {
    open: (fields) => {
      number += 1
      const entry: JournalEntry = { number, at: new Date().toISOString(), ...fields }
      kept.push(entry)
      const old = kept.at(-bodiesKept - 1)
      if (old) old.body = null
      if (kept.length > entriesKept * 1.1) kept = kept.slice(-entriesKept)
      return entry
    },
    entries: () => kept.slice(-entriesKept),
    clear: () => {
      kept = []
    },
  }
}

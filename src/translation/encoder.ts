import type { Wishes } from './call.ts'
import type { Finish, Piece, Reply } from './pieces.ts'

/** What a reply says about itself. */
export interface About {
  /** Without dashes, as services write theirs. */
  readonly id: string
  /** As the caller named it. */
  readonly model: string
  readonly createdSeconds: number
  readonly wishes: Wishes
  readonly wantsUsageEvent: boolean
  /** About what the prompt holds: where a dialect must say so before the service has. */
  readonly estimatedInputTokens: number
  /** The request, for dialects that repeat it. */
  readonly request: Readonly<Record<string, unknown>>
}

/** One dialect's side of a stream: text of whole events. */
export interface StreamEncoder {
  begin(): string
  piece(piece: Piece): string
  end(finish: Finish): string
}

export interface Encoder {
  whole(reply: Reply, about: About): Readonly<Record<string, unknown>>
  makeStream(about: About): StreamEncoder
}

import type { KeyVersion, Rotation } from '../../src/contract/rotation.ts'

export interface Span {
  readonly from: number
  readonly to: number
}

/** A stretch of a version's life; from and to as shares of the shown time. */
export interface Stretch extends Span {
  readonly kind: 'waiting' | 'current' | 'retiring'
}

export interface TimelineRow {
  readonly version: number
  readonly stretches: readonly Stretch[]
}

const time = (at: string): number => Date.parse(at)

/**
 * While a rotation is under way: that one, up to the end of the overlap. Else the lives of the last versions. Some room at
 * the sides, so that what begins or ends there is seen to.
 */
export const shownSpan = (
  versions: readonly KeyVersion[],
  rotation: Pick<Rotation, 'startedAt' | 'overlapUntil'> | null,
  now: number,
): Span => {
  const begins = rotation
    ? time(rotation.startedAt)
    : Math.min(now, ...versions.slice(0, 4).map(({ createdAt }) => time(createdAt)))
  const ends = Math.max(now, rotation?.overlapUntil ? time(rotation.overlapUntil) : now)
  const length = Math.max(ends - begins, 60_000)
  return { from: begins - length * (rotation ? 0.25 : 0), to: ends + length * (ends > now ? 0.1 : 0) }
}

/** Newest first, as the table below it; versions that were over before the shown time are left out. */
export const timelineRows = (versions: readonly KeyVersion[], span: Span, now: number): TimelineRow[] =>
  versions.flatMap((version) => {
    const promoted = version.promotedAt === null ? null : time(version.promotedAt)
    const retired = version.retiredAt === null ? null : time(version.retiredAt)
    const destroyed = version.destroyedAt === null ? null : time(version.destroyedAt)
    const end = destroyed ?? now
    const lives: readonly (readonly [Stretch['kind'], number, number])[] = [
      ['waiting', time(version.createdAt), promoted ?? retired ?? end],
      ['current', promoted ?? end, retired ?? end],
      ['retiring', retired ?? end, end],
    ]
    const share = (at: number): number => Math.min(1, Math.max(0, (at - span.from) / (span.to - span.from)))
    const stretches = lives
      .filter(([, from, to]) => to > from && to > span.from)
      .map(([kind, from, to]) => ({ kind, from: share(from), to: share(to) }))
    return stretches.length === 0 ? [] : [{ version: version.version, stretches }]
  })

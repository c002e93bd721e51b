import type { KeyVersion, Rotation } from '../../src/contract/rotation.ts'
import { useNow } from '../ui/figures.tsx'
import { moment } from '../ui/format.ts'
import classes from './rotation.module.css'
import { shownSpan, timelineRows } from './timeline.ts'

const percent = (share: number): string => `${(share * 100).toFixed(3)}%`

/** When which version was in use, and for how long two of them overlapped. The table below says the same in words. */
export const VersionTimeline = (props: { versions: readonly KeyVersion[]; rotation: Rotation | null }) => {
  const now = useNow()
  const span = shownSpan(props.versions, props.rotation, now.getTime())
  const rows = timelineRows(props.versions, span, now.getTime())
  const nowShare = (now.getTime() - span.from) / (span.to - span.from)
  const overlap = props.rotation?.overlapUntil
  const overlapShare = overlap ? (Date.parse(overlap) - span.from) / (span.to - span.from) : null
  return (
    <figure className={classes.timeline} aria-label="When which version was in use">
      <div className={classes.timelineRows} aria-hidden>
        {rows.map((row) => (
          <div key={row.version} className={classes.timelineRow}>
            <span className={classes.timelineName}>Version {row.version}</span>
            <span className={classes.timelineTrack}>
              {row.stretches.map((stretch) => (
                <span
                  key={stretch.kind}
                  className={classes.stretch}
                  data-kind={stretch.kind}
                  style={{ left: percent(stretch.from), width: percent(stretch.to - stretch.from) }}
                />
              ))}
              {nowShare < 0.995 && <span className={classes.nowLine} style={{ left: percent(nowShare) }} />}
              {overlapShare !== null && overlapShare > nowShare && (
                <span className={classes.overlapLine} style={{ left: percent(overlapShare) }} />
              )}
            </span>
          </div>
        ))}
        <div className={classes.timelineRow}>
          <span />
          <span className={classes.axis}>
            <span>{moment(new Date(span.from).toISOString(), now)}</span>
            {overlap && overlapShare !== null && overlapShare > nowShare ? (
              <span>overlap ends {moment(overlap, now)}</span>
            ) : (
              <span>now</span>
            )}
          </span>
        </div>
      </div>
      <figcaption className={classes.legend}>
        <span data-kind="waiting">Stored, not used yet</span>
        <span data-kind="current">In use</span>
        <span data-kind="retiring">No new operations; can be gone back to</span>
      </figcaption>
    </figure>
  )
}

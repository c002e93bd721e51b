import { Tooltip } from '@mantine/core'
import { useSyncExternalStore } from 'react'
import {
  exactCredits,
  exactUsd,
  fullMoment,
  moment,
  relative,
  shortCredits,
  shortUsd,
  signedCredits,
  timeZoneLabel,
} from './format.ts'

/** Rounded where it was rounded, with every digit on hover; equal texts need no second one. */
const Figure = (props: { shown: string; exact: string; unit?: string }) => (
  <span className="figure" title={props.shown === props.exact ? undefined : props.exact}>
    {props.shown}
    {props.unit && ` ${props.unit}`}
  </span>
)

export const Credits = (props: { micros: string; unit?: boolean; signed?: boolean; aligned?: boolean }) => (
  <Figure
    shown={props.signed ? signedCredits(props.micros) : shortCredits(props.micros, props.aligned)}
    exact={`${exactCredits(props.micros)} credits`}
    {...(props.unit && { unit: exactCredits(props.micros) === '1' ? 'credit' : 'credits' })}
  />
)

export const Usd = (props: { nanoUsd: string | null }) =>
  props.nanoUsd === null ? (
    <span title="No price is known for this model">no price</span>
  ) : (
    <Figure shown={shortUsd(props.nanoUsd)} exact={exactUsd(props.nanoUsd)} />
  )

const tickMilliseconds = 5_000
const everyTick = (listener: () => void): (() => void) => {
  const timer = setInterval(listener, tickMilliseconds)
  return () => clearInterval(timer)
}
const thisTick = (): number => Math.floor(Date.now() / tickMilliseconds) * tickMilliseconds

/** Renders again every few seconds, so that `12 seconds ago` stays true. */
export const useNow = (): Date => new Date(useSyncExternalStore(everyTick, thisTick))

/** `Europe/Berlin (UTC+1)`: named wherever times are shown. */
export const useTimeZone = (): string => timeZoneLabel(useNow())

/** `3 minutes ago`, exact moment and time zone on hover and focus. */
export const Ago = (props: { at: string | null; never?: string }) => {
  const now = useNow()
  if (props.at === null) return <span>{props.never ?? 'never'}</span>
  return (
    <Tooltip label={fullMoment(props.at)}>
      <time dateTime={props.at}>{relative(props.at, now)}</time>
    </Tooltip>
  )
}

/** A moment to the second; its table or page names the time zone. */
export const Moment = (props: { at: string }) => {
  const now = useNow()
  return (
    <time dateTime={props.at} title={fullMoment(props.at)}>
      {moment(props.at, now)}
    </time>
  )
}

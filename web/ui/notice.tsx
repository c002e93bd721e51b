import { Button, Skeleton } from '@mantine/core'
import { IconAlertTriangle, IconCircleX, IconInfoCircle } from '@tabler/icons-react'
import type { CSSProperties, ReactNode } from 'react'
import { CallFault } from '../data/call.ts'
import classes from './notice.module.css'

/** Nothing to show yet: why, and the one thing to do about it. */
export const EmptyState = (props: { title: string; children: ReactNode; action?: ReactNode }) => (
  <div className={classes.empty}>
    <p className={classes.emptyTitle}>{props.title}</p>
    <p className={classes.emptyText}>{props.children}</p>
    {props.action && <div className={classes.emptyAction}>{props.action}</div>}
  </div>
)

const symbols = { info: IconInfoCircle, warning: IconAlertTriangle, bad: IconCircleX } as const

/** A sentence that belongs to what stands next to it. `live`: it appeared by itself and is to be read out. */
export const Notice = (props: {
  tone: keyof typeof symbols
  title?: string
  live?: boolean
  action?: ReactNode
  children?: ReactNode
}) => {
  const Symbol = symbols[props.tone]
  return (
    <div className={classes.notice} data-tone={props.tone} role={props.live ? 'alert' : undefined}>
      <Symbol className={classes.symbol} size={16} stroke={1.8} aria-hidden />
      <div className={classes.words}>
        {props.title && <p className={classes.noticeTitle}>{props.title}</p>}
        {props.children && <div className={classes.noticeText}>{props.children}</div>}
      </div>
      {props.action}
    </div>
  )
}

/** The fault's own message and next step; ours only where the API gave none. */
export const FaultNotice = (props: { error: unknown; onRetry?: () => void }) => {
  const known = props.error instanceof CallFault ? props.error : null
  return (
    <Notice
      tone="bad"
      live
      title={known?.message ?? 'Something failed on this page.'}
      action={
        props.onRetry && (
          <Button size="compact-sm" variant="default" onClick={props.onRetry}>
            Try again
          </Button>
        )
      }
    >
      {known?.next ?? 'Reload the page.'}
      {known?.operationId && (
        <>
          {' '}
          Reference: <code>{known.operationId}</code>
        </>
      )}
    </Notice>
  )
}

interface Reading<Data> {
  readonly data: Data | undefined
  readonly error: unknown
  readonly refetch: () => unknown
}

/** Loading, failed or there: pages say only what each looks like. `skeleton` has the height of the content. */
export const Loaded = <Data,>(props: {
  of: Reading<Data>
  skeleton: ReactNode
  children: (data: Data) => ReactNode
}) => {
  if (props.of.data !== undefined) return props.children(props.of.data)
  const { error } = props.of
  // What is not there, or not the caller's, is not there the next time either.
  if (error instanceof CallFault && error.status === 404) return <FaultNotice error={error} />
  if (error) return <FaultNotice error={error} onRetry={() => void props.of.refetch()} />
  return (
    <div aria-busy="true" className={classes.loading}>
      <output className="visually-hidden">Loading</output>
      {props.skeleton}
    </div>
  )
}

export const Lines = (props: { count: number; height?: number }) => (
  <div className={classes.lines}>
    {Array.from({ length: props.count }, (_, index) => (
      <Skeleton key={index} height={props.height ?? 16} radius="sm" width={`${96 - ((index * 17) % 40)}%`} />
    ))}
  </div>
)

/** In the place of a panel; heights are those that panels of usual content have, so that little moves when it comes. */
export const Block = (props: { height: number; narrow?: number }) => (
  <div
    className={classes.block}
    style={
      { '--height': `${props.height}px`, '--narrow': `${props.narrow ?? props.height}px` } as CSSProperties
    }
  >
    <Skeleton height="100%" radius="lg" />
  </div>
)

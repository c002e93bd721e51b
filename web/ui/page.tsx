import { useDocumentTitle } from '@mantine/hooks'
import type { ReactNode } from 'react'
import { PageTabs } from './page-tabs.tsx'
import classes from './page.module.css'

export const Page = (props: {
  title: string
  description?: ReactNode
  actions?: ReactNode
  /** A link to the list that this is one of. */
  above?: ReactNode
  /** Forms and settings read better narrow. */
  narrow?: boolean
  children: ReactNode
}) => {
  useDocumentTitle(`${props.title} · Aideon Keys`)
  return (
    <div className={classes.page}>
      {!props.above && <PageTabs />}
      <div className={classes.body} data-narrow={props.narrow || undefined}>
        <header className={classes.head}>
          <div className={classes.heading}>
            {props.above && <p className={classes.above}>{props.above}</p>}
            <h1 className={classes.title}>{props.title}</h1>
            {props.description && <p className={classes.description}>{props.description}</p>}
          </div>
          {props.actions && <div className={classes.actions}>{props.actions}</div>}
        </header>
        {props.children}
      </div>
    </div>
  )
}

/** A surface with an optional heading; `flush` lets tables reach its edges. */
export const Panel = (props: {
  title?: string
  description?: ReactNode
  actions?: ReactNode
  flush?: boolean
  children: ReactNode
}) => (
  <section className={classes.panel} aria-label={props.title}>
    {props.title && (
      <div className={classes.panelHead}>
        <div className={classes.heading}>
          <h2 className={classes.panelTitle}>{props.title}</h2>
          {props.description && <p className={classes.panelDescription}>{props.description}</p>}
        </div>
        {props.actions && <div className={classes.actions}>{props.actions}</div>}
      </div>
    )}
    <div className={classes.panelBody} data-flush={props.flush || undefined}>
      {props.children}
    </div>
  </section>
)

/** Label above, figure below; the figures of one row share a baseline. */
export const Stats = (props: { children: ReactNode }) => <dl className={classes.stats}>{props.children}</dl>

export const Stat = (props: { label: string; value: ReactNode; note?: ReactNode; lead?: boolean }) => (
  <div className={classes.stat} data-lead={props.lead || undefined}>
    <dt className={classes.statLabel}>{props.label}</dt>
    <dd className={classes.statValue}>{props.value}</dd>
    {props.note && <dd className={classes.statNote}>{props.note}</dd>}
  </div>
)

/** Name and value pairs, as receipts show them. */
export const Facts = (props: { children: ReactNode }) => <dl className={classes.facts}>{props.children}</dl>

export const Fact = (props: { name: string; children: ReactNode }) => (
  <div className={classes.fact}>
    <dt>{props.name}</dt>
    <dd>{props.children}</dd>
  </div>
)

export const Columns = (props: { children: ReactNode }) => (
  <div className={classes.columns}>{props.children}</div>
)

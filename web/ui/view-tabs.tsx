import type { ReactNode } from 'react'
import { count } from './format.ts'
import classes from './view-tabs.module.css'

/** Views of one page, as links of the router; where they are too wide for one line, it scrolls. */
export const ViewTabs = (props: { label: string; children: ReactNode }) => (
  <nav className={classes.tabs} aria-label={props.label}>
    {props.children}
  </nav>
)

/** How many wait in a view; nothing where none do. */
export const TabCount = (props: { of: number }) =>
  props.of > 0 && <span className={classes.count}>{count(props.of)}</span>

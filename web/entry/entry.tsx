import type { ReactNode } from 'react'
import { Brand } from '../shell/brand.tsx'
import classes from './entry.module.css'

/** The frame of the pages before the session: one card. */
export const Entry = (props: { title: string; lead: ReactNode; children: ReactNode }) => (
  <main className={classes.entry}>
    <div className={classes.card}>
      <Brand />
      <div>
        <h1 className={classes.title}>{props.title}</h1>
        <p className={classes.lead}>{props.lead}</p>
      </div>
      {props.children}
    </div>
  </main>
)

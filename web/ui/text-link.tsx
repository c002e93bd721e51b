import type { ReactNode } from 'react'
import classes from './text-link.module.css'

/** Gives the link inside it the look of a link; the link itself stays the router's, typed by its routes. */
export const TextLink = (props: { quiet?: boolean; children: ReactNode }) => (
  <span className={classes.link} data-quiet={props.quiet || undefined}>
    {props.children}
  </span>
)

import { Link } from '@tanstack/react-router'
import { createContext, useContext } from 'react'
import classes from './page-tabs.module.css'

/** Pages that belong together with the one that is shown, itself among them. The shell knows them. */
export const Siblings = createContext<readonly { to: string; label: string; isCurrent: boolean }[]>([])

/** One line, which scrolls sideways where it does not fit. */
export const PageTabs = () => {
  const siblings = useContext(Siblings)
  if (siblings.length < 2) return null
  return (
    <nav className={classes.tabs} aria-label="Pages of this section">
      {siblings.map(({ to, label, isCurrent }) => (
        <Link
          key={to}
          to={to}
          className={classes.tab}
          activeOptions={{ exact: true, includeSearch: false }}
          aria-current={isCurrent ? 'page' : undefined}
        >
          {label}
        </Link>
      ))}
    </nav>
  )
}

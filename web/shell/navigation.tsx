import { useMergedRef, useResizeObserver } from '@mantine/hooks'
import { Link } from '@tanstack/react-router'
import { useEffect, useRef } from 'react'
import classes from './navigation.module.css'
import type { Area, Entry, Group } from './places.ts'
import { useAreas } from './use-areas.ts'

export const Navigation = () => {
  const { areas, here } = useAreas()
  const area = here?.area ?? areas[0]
  const scrolled = useCurrentInView(here?.entry)
  return (
    <nav ref={scrolled} className={classes.navigation} aria-label="Main">
      {areas.length > 1 && <AreaSwitch areas={areas} current={area} />}
      {area?.groups.map((group, index) => (
        <Entries key={group.label ?? index} group={group} current={here?.entry} />
      ))}
    </nav>
  )
}

/** In low windows the navigation scrolls by itself: where one is stays in view. */
const useCurrentInView = (entry: Entry | undefined) => {
  const scrolled = useRef<HTMLElement>(null)
  const [measured, { height }] = useResizeObserver<HTMLElement>()
  useEffect(() => {
    if (entry && height)
      scrolled.current?.querySelector('li [aria-current="page"]')?.scrollIntoView({ block: 'nearest' })
  }, [entry, height])
  return useMergedRef(scrolled, measured)
}

const Entries = (props: { group: Group; current: Entry | undefined }) => (
  <div>
    {props.group.label && <p className={classes.group}>{props.group.label}</p>}
    <ul className={classes.places} aria-label={props.group.label}>
      {props.group.entries.map((entry) => (
        <li key={entry.label}>
          <Link
            to={entry.places[0]?.to}
            className={classes.place}
            activeOptions={{ exact: true, includeSearch: false }}
            aria-current={entry === props.current ? 'page' : undefined}
          >
            <entry.icon size={17} stroke={1.7} aria-hidden />
            {entry.label}
          </Link>
        </li>
      ))}
    </ul>
  </div>
)

const AreaSwitch = (props: { areas: readonly Area[]; current: Area | undefined }) => (
  <div className={classes.switch}>
    {props.areas.map((area) => (
      <Link
        key={area.label}
        to={area.groups[0]?.entries[0]?.places[0]?.to}
        className={classes.switchItem}
        activeOptions={{ exact: true, includeSearch: false }}
        data-on={area === props.current || undefined}
      >
        {area.label}
      </Link>
    ))}
  </div>
)

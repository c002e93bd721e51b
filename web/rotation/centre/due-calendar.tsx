import { ActionIcon, Button } from '@mantine/core'
import { IconChevronLeft, IconChevronRight } from '@tabler/icons-react'
import { getRouteApi, Link, useNavigate } from '@tanstack/react-router'
import type { KeyRotation } from '../../../src/contract/rotation.ts'
import { ServiceName } from '../../data/service-name.tsx'
import { Ago, Moment, useNow } from '../../ui/figures.tsx'
import { counted } from '../../ui/format.ts'
import { EmptyState } from '../../ui/notice.tsx'
import { Panel } from '../../ui/page.tsx'
import { dayKey, daysOfMonth, monthAfter, monthName, monthOf, weekdays } from '../calendar.ts'
import classes from '../rotation.module.css'

const route = getRouteApi('/shell/admin/rotation')

interface Due extends KeyRotation {
  readonly dueAt: string
}

const toneOf = (of: KeyRotation): 'own' | 'credits' | 'bad' =>
  of.isOverdue || (of.dueAt !== null && Date.parse(of.dueAt) < Date.now())
    ? 'bad'
    : of.automatic
      ? 'own'
      : 'credits'

/** Which key is due on which day; on narrow screens a list of the same month. */
export const DueCalendar = (props: { keys: readonly KeyRotation[] }) => {
  const search = route.useSearch()
  const navigate = useNavigate({ from: '/admin/rotation' })
  const today = useNow()
  const month = search.month ?? monthOf(today)
  const due = props.keys
    .filter((each): each is Due => each.dueAt !== null)
    .toSorted((a, b) => a.dueAt.localeCompare(b.dueAt))
  const past = due.filter(({ dueAt }) => Date.parse(dueAt) < today.getTime())
  const inMonth = due.filter(({ dueAt }) => monthOf(new Date(dueAt)) === month)
  const turn = (by: number) =>
    void navigate({ search: (now) => ({ ...now, month: monthAfter(month, by) }), replace: true })
  return (
    <>
      {past.length > 0 && (
        <Panel flush title="Past due" description="Begins as soon as nothing is in the way.">
          <DueList keys={past} />
        </Panel>
      )}
      <section className={classes.calendar} aria-label={`Due in ${monthName(month)}`}>
        <div className={classes.monthHead}>
          <h2 className={classes.heading} aria-live="polite">
            {monthName(month)}: {counted(inMonth.length, 'key')} due
          </h2>
          <span className={classes.buttons}>
            <Button
              size="compact-sm"
              variant="default"
              disabled={month === monthOf(today)}
              onClick={() =>
                void navigate({ search: (now) => ({ ...now, month: undefined }), replace: true })
              }
            >
              Today
            </Button>
            <ActionIcon variant="default" aria-label="Month before" onClick={() => turn(-1)}>
              <IconChevronLeft size={16} />
            </ActionIcon>
            <ActionIcon variant="default" aria-label="Month after" onClick={() => turn(1)}>
              <IconChevronRight size={16} />
            </ActionIcon>
          </span>
        </div>
        <div className={classes.month}>
          {weekdays.map((name) => (
            <span key={name} className={classes.weekday} aria-hidden>
              {name}
            </span>
          ))}
          {daysOfMonth(month).map((day) => (
            <div
              key={day.key}
              className={classes.day}
              data-outside={day.isOutside || undefined}
              data-today={day.key === dayKey(today) || undefined}
            >
              <span className={classes.dayNumber}>{day.day}</span>
              {due
                .filter(({ dueAt }) => dayKey(new Date(dueAt)) === day.key)
                .map((each) => (
                  <Link
                    key={each.key.id}
                    className={classes.due}
                    data-tone={toneOf(each)}
                    to="/admin/keys/$id"
                    params={{ id: each.key.id }}
                    title={`${each.key.label}${each.automatic ? '' : ', by hand'}`}
                  >
                    <ServiceName id={each.key.serviceId} />: {each.key.label}
                  </Link>
                ))}
            </div>
          ))}
        </div>
        <div className={classes.agenda}>
          {inMonth.length === 0 ? (
            <EmptyState title="Nothing is due in this month">Turn to another month.</EmptyState>
          ) : (
            <DueList keys={inMonth} />
          )}
        </div>
        <p className={classes.monthFoot}>
          <span className={classes.due} data-tone="own">
            By itself
          </span>
          <span className={classes.due} data-tone="credits">
            By hand
          </span>
          <span className={classes.due} data-tone="bad">
            Past due or too old
          </span>
        </p>
      </section>
    </>
  )
}

const DueList = ({ keys }: { keys: readonly Due[] }) => (
  <ul className={classes.dueList}>
    {keys.map((each) => (
      <li key={each.key.id}>
        <Link className={classes.plainLink} to="/admin/keys/$id" params={{ id: each.key.id }}>
          <span className={classes.name}>{each.key.label}</span>
        </Link>
        <span className={classes.quiet}>
          <ServiceName id={each.key.serviceId} />
          {each.key.owner !== 'system' && `, ${each.key.organizationName}`}
        </span>
        <span>
          <Moment at={each.dueAt} />{' '}
          <span className={classes.quiet}>
            (<Ago at={each.dueAt} />
            {each.automatic ? '' : ', by hand'})
          </span>
        </span>
      </li>
    ))}
  </ul>
)

import { Link } from '@tanstack/react-router'
import type { HygieneFinding, HygieneItem, HygieneReport } from '../../src/contract/key-hygiene.ts'
import { ServiceName } from '../data/service-name.tsx'
import { FilterChips } from '../ui/filter-chips.tsx'
import { Ago } from '../ui/figures.tsx'
import { count, counted } from '../ui/format.ts'
import { Mark, SecretTail, ServiceTile } from '../ui/mark.tsx'
import { EmptyState, Notice } from '../ui/notice.tsx'
import { Panel } from '../ui/page.tsx'
import { findings, findingWords, withFinding } from './hygiene-words.ts'
import classes from './hygiene.module.css'

/** Keys that want a look, the gravest first, each with what to do about it. */
export const Report = (props: {
  of: HygieneReport
  finding: HygieneFinding | undefined
  onFinding: (finding: HygieneFinding | undefined) => void
  /** Where a key's own page is; null: the reader may not open it. */
  pageOf: (item: HygieneItem) => '/keys/$id' | '/admin/keys/$id' | null
  withOwner: boolean
}) => {
  const { of } = props
  const shown = withFinding(of.items, props.finding)
  return (
    <Panel
      flush
      title={
        of.items.length === 0
          ? 'Nothing wants a look'
          : `${counted(of.items.length, 'key')} of ${count(of.total)} ${of.items.length === 1 ? 'wants' : 'want'} a look`
      }
      description={`Unused after ${counted(of.unusedDays, 'day')}, old after ${counted(of.oldDays, 'day')}${
        of.checkEveryHours === null ? '' : `; proven anew about every ${counted(of.checkEveryHours, 'hour')}`
      }.`}
    >
      {of.items.length === 0 ? (
        <EmptyState title={of.total === 0 ? 'No key is stored yet' : 'All keys are in order'}>
          {of.total === 0
            ? 'Once there are keys, those that are unused, old, too broad or possibly leaked stand here.'
            : 'None is unused, old, too broad, stored twice or possibly leaked.'}
        </EmptyState>
      ) : (
        <>
          <div className={classes.chips}>
            <FilterChips
              label="Show keys by finding"
              chips={findings
                .filter((finding) => (of.counts[finding] ?? 0) > 0 || finding === props.finding)
                .map((finding) => ({
                  value: finding,
                  label: findingWords[finding].text,
                  tone: findingWords[finding].tone,
                  count: of.counts[finding] ?? 0,
                }))}
              chosen={props.finding}
              onChoose={props.onFinding}
            />
          </div>
          <ul className={classes.items}>
            {shown.map((item) => (
              <Item
                key={`${item.organizationId} ${item.id}`}
                of={item}
                page={props.pageOf(item)}
                withOwner={props.withOwner}
              />
            ))}
          </ul>
        </>
      )}
      {of.isCut && (
        <div className={classes.cut}>
          <Notice tone="info">These are the gravest; more keys have findings than are shown.</Notice>
        </div>
      )}
    </Panel>
  )
}

const Item = (props: {
  of: HygieneItem
  page: '/keys/$id' | '/admin/keys/$id' | null
  withOwner: boolean
}) => {
  const { of, page } = props
  return (
    <li className={classes.item} aria-label={`Key ${of.label}`}>
      <ServiceTile name={of.serviceId} small />
      <div className={classes.itemWords}>
        <p className={classes.itemHead}>
          {page === null ? (
            <span className={classes.name}>{of.label}</span>
          ) : (
            <Link className={classes.name} to={page} params={{ id: of.id }}>
              {of.label}
            </Link>
          )}
          <SecretTail lastFour={of.lastFour} />
          <span className={classes.quiet}>
            <ServiceName id={of.serviceId} />
            {props.withOwner && `, ${of.ownerEmail ?? ownerWords(of)}`}
          </span>
        </p>
        <p className={classes.quiet}>
          secret {counted(of.ageDays, 'day')} old · used <Ago at={of.lastUsedAt} /> · checked{' '}
          <Ago at={of.validatedAt} />
        </p>
        <ul className={classes.found}>
          {of.findings.map(({ finding, text, next }) => (
            <li key={finding}>
              <Mark tone={findingWords[finding].tone}>{findingWords[finding].text}</Mark>
              <span>
                {text} <span className={classes.next}>{next}</span>
              </span>
            </li>
          ))}
        </ul>
      </div>
    </li>
  )
}

const ownerWords = ({ owner, organizationName }: HygieneItem): string =>
  owner === 'system'
    ? 'system key'
    : owner === 'organization'
      ? organizationName
      : `a member of ${organizationName}`

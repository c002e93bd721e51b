import { Drawer } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import type { PriceBookVersion } from '../../src/contract/price-book.ts'
import { usePages, useRead } from '../data/queries.ts'
import type { Column } from '../ui/data-table.tsx'
import { Moment } from '../ui/figures.tsx'
import { exactUsd } from '../ui/format.ts'
import { Mark } from '../ui/mark.tsx'
import { EmptyState, Lines, Loaded } from '../ui/notice.tsx'
import { Fact, Facts, Panel } from '../ui/page.tsx'
import { TextLink } from '../ui/text-link.tsx'
import classes from './billing.module.css'
import { isEver } from './billing-words.ts'
import { PagedTable } from './paged-table.tsx'
import { By } from './people.tsx'
import { Withdraw } from './price-book-now.tsx'
import { PriceDifferenceView } from './price-difference.tsx'

const looks = {
  in_force: { tone: 'own', text: 'In force' },
  scheduled: { tone: 'credits', text: 'To come' },
  past: { tone: 'quiet', text: 'Past' },
  withdrawn: { tone: 'quiet', text: 'Withdrawn' },
} as const

const VersionMark = ({ state }: { state: PriceBookVersion['state'] }) => (
  <Mark tone={looks[state].tone} plain>
    {looks[state].text}
  </Mark>
)

const From = ({ version }: { version: PriceBookVersion }) =>
  isEver(version.effectiveAt) ? <>The start</> : <Moment at={version.effectiveAt} />

const columns: readonly Column<PriceBookVersion>[] = [
  {
    key: 'version',
    header: 'Version',
    render: (row) => <span className={classes.strong}>Version {row.version}</span>,
  },
  { key: 'state', header: 'State', render: (row) => <VersionMark state={row.state} /> },
  {
    key: 'why',
    header: 'Why',
    render: (row) => row.reason ?? (row.source === 'shipped' ? 'Prices of a release' : '—'),
  },
  {
    key: 'by',
    header: 'By',
    render: (row) => (row.createdBy ? <By by={row.createdBy} /> : 'the installation'),
  },
  { key: 'from', header: 'From', align: 'end', render: (row) => <From version={row} /> },
]

export const PriceVersions = (props: { open: number | undefined; onOpen: (version: number) => void }) => {
  const pages = usePages('listPriceBookVersions', {})
  return (
    <Panel flush>
      <PagedTable
        pages={pages}
        label="Versions of the price book"
        columns={columns}
        rowKey={(row) => String(row.version)}
        openKey={props.open === undefined ? undefined : String(props.open)}
        onOpen={(row) => props.onOpen(row.version)}
        empty={<EmptyState title="No versions">The first comes with the first start.</EmptyState>}
      />
    </Panel>
  )
}

export const PriceVersionDrawer = (props: { version: number | undefined; onClose: () => void }) => {
  const read = useRead(
    'readPriceBookVersion',
    { params: { version: props.version ?? 0 } },
    { enabled: props.version !== undefined },
  )
  return (
    <Drawer
      opened={props.version !== undefined}
      onClose={props.onClose}
      title={`Version ${props.version ?? ''}`}
      size={640}
    >
      {props.version !== undefined && (
        <Loaded of={read} skeleton={<Lines count={10} />}>
          {({ version, baseVersion, difference }) => (
            <div className={classes.detail}>
              <Facts>
                <Fact name="State">
                  <VersionMark state={version.state} />
                </Fact>
                <Fact name="From">
                  <From version={version} />
                </Fact>
                <Fact name="Why">{version.reason ?? 'Prices that came with a release'}</Fact>
                {version.createdBy && (
                  <Fact name="By">
                    <By by={version.createdBy} />
                    {version.approvedBy && version.approvedBy !== version.createdBy && (
                      <>
                        , approved by <By by={version.approvedBy} />
                      </>
                    )}
                  </Fact>
                )}
                <Fact name="One credit">{exactUsd(version.nanoUsdPerCredit)}</Fact>
                {version.changeId && (
                  <Fact name="Change">
                    <TextLink>
                      <Link to="/admin/price-book" search={{ show: 'changes', change: version.changeId }}>
                        Show the change
                      </Link>
                    </TextLink>
                  </Fact>
                )}
              </Facts>
              {version.state === 'scheduled' && (
                <div className={classes.buttons}>
                  <Withdraw version={version} />
                </div>
              )}
              {difference && (
                <section className={classes.section} aria-label="What it changed">
                  <h3 className={classes.sectionTitle}>
                    {baseVersion === null ? 'What it set' : `Compared with version ${baseVersion}`}
                  </h3>
                  <PriceDifferenceView difference={difference} />
                </section>
              )}
            </div>
          )}
        </Loaded>
      )}
    </Drawer>
  )
}

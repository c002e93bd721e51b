import { Button, Drawer, TextInput } from '@mantine/core'
import { useState } from 'react'
import type { TierVersionOnWire } from '../../src/contract/billing.ts'
import { useAct, useRead } from '../data/queries.ts'
import { ConfirmDialog } from '../ui/dialog.tsx'
import { Moment, useNow } from '../ui/figures.tsx'
import { counted } from '../ui/format.ts'
import { Mark } from '../ui/mark.tsx'
import { Lines, Loaded, Notice } from '../ui/notice.tsx'
import { tellDone } from '../ui/toast.tsx'
import { after } from './after.ts'
import classes from './billing.module.css'
import { isEver } from './billing-words.ts'
import { DifferenceList } from './difference-list.tsx'
import { By } from './people.tsx'
import { termsInWords, tierChanges } from './tier-changes.ts'
import { TierForm } from './tier-form.tsx'
import type { AdminTier } from './tiers.tsx'

/** One tier: what it is, a new version of it, and every version with what it changed. `new`: a tier that is not there. */
export const TierDrawer = (props: {
  id: string | undefined
  tiers: readonly AdminTier[] | undefined
  onMade: (id: string) => void
  onClose: () => void
}) => {
  const tier = props.tiers?.find(({ id }) => id === props.id)
  const isNew = props.id === 'new'
  return (
    <Drawer
      opened={props.id !== undefined}
      onClose={props.onClose}
      title={isNew ? 'New tier' : (tier?.current.name ?? 'Tier')}
      size={560}
    >
      {isNew ? (
        <TierForm key="new" tier={null} onSaved={props.onMade} />
      ) : tier ? (
        <TierDetail key={tier.id} tier={tier} />
      ) : props.tiers ? (
        props.id !== undefined && <Notice tone="warning" title="There is no such tier." />
      ) : (
        <Lines count={8} />
      )}
    </Drawer>
  )
}

const TierDetail = ({ tier }: { tier: AdminTier }) => {
  const [editing, setEditing] = useState(false)
  if (editing)
    return <TierForm tier={tier} onSaved={() => setEditing(false)} onCancel={() => setEditing(false)} />
  return (
    <div className={classes.detail}>
      {tier.archivedAt !== null && (
        <Notice tone="info" title="Archived">
          Nobody can change to it any more. {counted(tier.subscribers, 'subscriber')} keep it.
        </Notice>
      )}
      <section className={classes.section} aria-label="In effect">
        <DifferenceList differences={termsInWords(tier.current)} />
        <div className={classes.buttons}>
          <Button variant="default" onClick={() => setEditing(true)}>
            New version
          </Button>
          {tier.archivedAt === null && <ArchiveTier tier={tier} />}
        </div>
      </section>
      <Versions id={tier.id} current={tier.current.version} />
    </div>
  )
}

const Versions = (props: { id: string; current: number }) => {
  const versions = useRead('listTierVersions', { params: { tier: props.id } })
  return (
    <section className={classes.section} aria-label="Versions">
      <h3 className={classes.sectionTitle}>Versions</h3>
      <Loaded of={versions} skeleton={<Lines count={6} />}>
        {({ items }) => (
          <ol className={classes.versions} reversed>
            {items.map((version, index) => (
              <Version
                key={version.version}
                version={version}
                before={items[index + 1] ?? null}
                isCurrent={version.version === props.current}
              />
            ))}
          </ol>
        )}
      </Loaded>
    </section>
  )
}

const Version = (props: {
  version: TierVersionOnWire
  before: TierVersionOnWire | null
  isCurrent: boolean
}) => {
  const { version, before } = props
  const changes = tierChanges(before, version)
  const isLater = new Date(version.effectiveAt) > useNow()
  return (
    <li className={classes.version} aria-label={`Version ${version.version}`}>
      <div className={classes.versionHead}>
        <span className={classes.strong}>Version {version.version}</span>
        {props.isCurrent ? (
          <Mark tone="own" plain>
            In effect
          </Mark>
        ) : (
          isLater && (
            <Mark tone="credits" plain>
              Takes effect later
            </Mark>
          )
        )}
      </div>
      <p className={classes.quiet}>
        {isEver(version.effectiveAt) ? (
          'From the start'
        ) : (
          <>
            From <Moment at={version.effectiveAt} />
          </>
        )}
        , by <By by={version.createdBy} />: {version.reason}
      </p>
      {changes.length === 0 ? (
        <p className={classes.note}>Nothing is different.</p>
      ) : (
        <DifferenceList differences={changes} />
      )}
    </li>
  )
}

const ArchiveTier = ({ tier }: { tier: AdminTier }) => {
  const archive = useAct('archiveTier', ['listAdminTiers', 'listTiers'])
  const [asking, setAsking] = useState(false)
  const [reason, setReason] = useState('')
  return (
    <>
      <Button variant="subtle" color="red" onClick={() => setAsking(true)}>
        Archive
      </Button>
      <ConfirmDialog
        opened={asking}
        title={`Archive ${tier.current.name}?`}
        submit="Archive tier"
        busy={archive.isPending}
        error={archive.error}
        onClose={() => setAsking(false)}
        onConfirm={() =>
          after(
            archive.mutateAsync({ params: { tier: tier.id }, body: { reason: reason.trim() || 'Archived' } }),
            () => {
              setAsking(false)
              tellDone(`${tier.current.name} is archived.`)
            },
          )
        }
      >
        <p>
          Nobody can change to <strong>{tier.current.name}</strong> any more.{' '}
          {tier.subscribers === 0
            ? 'Nobody has it now.'
            : `${counted(tier.subscribers, 'subscriber')} keep it, and their renewals go on.`}
        </p>
        <TextInput
          label="Reason"
          maxLength={300}
          value={reason}
          onChange={(event) => setReason(event.currentTarget.value)}
          data-autofocus
        />
      </ConfirmDialog>
    </>
  )
}

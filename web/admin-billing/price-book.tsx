import { Button } from '@mantine/core'
import { IconPlus } from '@tabler/icons-react'
import { getRouteApi, Link, useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import type { PriceEdit } from '../../src/contract/price-book.ts'
import { useRead } from '../data/queries.ts'
import { useTimeZone } from '../ui/figures.tsx'
import { Block, Loaded } from '../ui/notice.tsx'
import { Page } from '../ui/page.tsx'
import { TextLink } from '../ui/text-link.tsx'
import { TabCount, ViewTabs } from '../ui/view-tabs.tsx'
import { PriceBookNow } from './price-book-now.tsx'
import { PriceChangeDrawer } from './price-change-drawer.tsx'
import { PriceChangeEditor } from './price-change-editor.tsx'
import { PriceChanges } from './price-changes.tsx'
import { PriceVersionDrawer, PriceVersions } from './price-versions.tsx'
import { Reratings } from './reratings.tsx'

const route = getRouteApi('/shell/admin/price-book')

const views = [
  { show: undefined, label: 'In force' },
  { show: 'changes', label: 'Changes' },
  { show: 'versions', label: 'Versions' },
  { show: 'reratings', label: 'Re-rating' },
] as const

/** What credits are charged by: versions that never change, and the changes that become versions. */
export const PriceBook = () => {
  const zone = useTimeZone()
  const { show, change, version } = route.useSearch()
  const navigate = useNavigate({ from: '/admin/price-book' })
  const book = useRead('readPriceBook', {})
  const [edited, setEdited] = useState<readonly PriceEdit[] | null>(null)
  return (
    <Page
      title="Price book"
      description={
        <>
          What is charged in credits. A change becomes a version when it is approved, holds from its instant
          on and never touches past operations. Prices of models are under{' '}
          <TextLink>
            <Link to="/admin/prices">models and prices</Link>
          </TextLink>
          . Times in {zone}.
        </>
      }
      actions={
        <Button leftSection={<IconPlus size={16} />} onClick={() => setEdited([])}>
          New change
        </Button>
      }
    >
      <ViewTabs label="Views of the price book">
        {views.map((view) => (
          <Link
            key={view.label}
            to="/admin/price-book"
            search={{ show: view.show }}
            aria-current={show === view.show ? 'page' : undefined}
          >
            {view.label}
            {view.show === 'changes' && <TabCount of={book.data?.openChanges ?? 0} />}
          </Link>
        ))}
      </ViewTabs>
      {show === undefined && (
        <Loaded of={book} skeleton={<Block height={420} />}>
          {(data) => <PriceBookNow book={data} onEdit={(edit) => setEdited([edit])} />}
        </Loaded>
      )}
      {show === 'changes' && (
        <PriceChanges
          openId={change}
          onOpen={(id) => void navigate({ search: (now) => ({ ...now, change: id }) })}
        />
      )}
      {show === 'versions' && (
        <PriceVersions
          open={version}
          onOpen={(number) => void navigate({ search: (now) => ({ ...now, version: number }) })}
        />
      )}
      {show === 'reratings' && <Reratings />}
      <PriceChangeDrawer
        id={change}
        onClose={() => void navigate({ search: (now) => ({ ...now, change: undefined }), replace: true })}
      />
      <PriceVersionDrawer
        version={version}
        onClose={() => void navigate({ search: (now) => ({ ...now, version: undefined }), replace: true })}
      />
      <PriceChangeEditor
        edits={edited}
        onSaved={(id) => {
          setEdited(null)
          void navigate({ search: { show: 'changes', change: id } })
        }}
        onClose={() => setEdited(null)}
      />
    </Page>
  )
}

import { Button } from '@mantine/core'
import { IconFileImport } from '@tabler/icons-react'
import { getRouteApi, useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import { useRead } from '../data/queries.ts'
import { Block, Loaded } from '../ui/notice.tsx'
import { Page } from '../ui/page.tsx'
import { ImportOwnKeys } from './import-keys.tsx'
import { Report } from './report.tsx'

const route = getRouteApi('/shell/key-hygiene')

/** The user's own keys; those of all members for who manages the organisation. */
export const OwnHygiene = () => {
  const { finding } = route.useSearch()
  const navigate = useNavigate({ from: '/key-hygiene' })
  const report = useRead('readKeyHygiene', {})
  const keys = useRead('listServiceKeys', {})
  const [importing, setImporting] = useState(false)
  const services = useRead('listServices', {})
  const mayAdd = services.data?.items.some(({ mayManageKey }) => mayManageKey)
  return (
    <Page
      title="Key hygiene"
      description="Keys that nobody uses, that are old, that may do more than they need, or that somebody else may have."
      actions={
        mayAdd && (
          <Button
            variant="default"
            leftSection={<IconFileImport size={16} />}
            onClick={() => setImporting(true)}
          >
            Import keys
          </Button>
        )
      }
    >
      <Loaded of={report} skeleton={<Block height={420} narrow={640} />}>
        {(data) => (
          <Report
            of={data}
            finding={finding}
            onFinding={(chosen) => void navigate({ search: { finding: chosen }, replace: true })}
            pageOf={(item) => (keys.data?.items.some(({ id }) => id === item.id) ? '/keys/$id' : null)}
            withOwner={data.items.some((item) => item.owner !== 'user' || item.ownerEmail !== null)}
          />
        )}
      </Loaded>
      {importing && <ImportOwnKeys onClose={() => setImporting(false)} />}
    </Page>
  )
}

import { Button } from '@mantine/core'
import { IconAdjustments, IconFileImport } from '@tabler/icons-react'
import { getRouteApi, useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import { useRead } from '../data/queries.ts'
import { Block, Loaded } from '../ui/notice.tsx'
import { Page } from '../ui/page.tsx'
import { HygieneSettingsDialog } from './hygiene-settings.tsx'
import { ImportSystemKeys } from './import-keys.tsx'
import { Report } from './report.tsx'

const route = getRouteApi('/shell/admin/key-hygiene')

/** Keys of the whole platform, with their owners. */
export const AllHygiene = () => {
  const { finding } = route.useSearch()
  const navigate = useNavigate({ from: '/admin/key-hygiene' })
  const report = useRead('readAllKeyHygiene', {})
  const [opened, setOpened] = useState<'import' | 'settings' | null>(null)
  return (
    <Page
      title="Key hygiene"
      description="Keys of the whole platform that nobody uses, that are old, too broad, stored twice, or possibly leaked."
      actions={
        <>
          <Button
            variant="default"
            leftSection={<IconAdjustments size={16} />}
            onClick={() => setOpened('settings')}
          >
            Thresholds
          </Button>
          <Button
            variant="default"
            leftSection={<IconFileImport size={16} />}
            onClick={() => setOpened('import')}
          >
            Import system keys
          </Button>
        </>
      }
    >
      <Loaded of={report} skeleton={<Block height={520} narrow={820} />}>
        {(data) => (
          <Report
            of={data}
            finding={finding}
            onFinding={(chosen) => void navigate({ search: { finding: chosen }, replace: true })}
            pageOf={(item) => (item.owner === 'user' ? null : '/admin/keys/$id')}
            withOwner
          />
        )}
      </Loaded>
      {opened === 'import' && <ImportSystemKeys onClose={() => setOpened(null)} />}
      {opened === 'settings' && <HygieneSettingsDialog onClose={() => setOpened(null)} />}
    </Page>
  )
}

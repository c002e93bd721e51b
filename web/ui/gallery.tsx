import {
  ActionIcon,
  Button,
  Checkbox,
  NativeSelect,
  PasswordInput,
  Radio,
  Switch,
  TextInput,
  useMantineColorScheme,
} from '@mantine/core'
import { IconDots } from '@tabler/icons-react'
import { Link } from '@tanstack/react-router'
import { type ReactNode, useState } from 'react'
import { CallFault } from '../data/call.ts'
import { CodeBlock, CopyableId, CopyField } from './copy.tsx'
import { DataTable } from './data-table.tsx'
import { ConfirmDialog, FormDialog } from './dialog.tsx'
import { DownloadMenu } from './download-menu.tsx'
import { Ago, Credits, Moment, Usd } from './figures.tsx'
import { FilterChips } from './filter-chips.tsx'
import classes from './gallery.module.css'
import { Ladder, type Rung } from './ladder.tsx'
import {
  CoverageMark,
  KeyMark,
  Mark,
  OperationMark,
  OwnerMark,
  SecretTail,
  ServiceTile,
  HealthMark,
  ServedMark,
} from './mark.tsx'
import { Block, EmptyState, FaultNotice, Lines, Notice } from './notice.tsx'
import { Siblings } from './page-tabs.tsx'
import { Columns, Fact, Facts, Page, Panel, Stat, Stats } from './page.tsx'
import { SearchField } from './search-field.tsx'
import { ShareBar } from './share-bar.tsx'
import { type Bar, StackedBars } from './stacked-bars.tsx'
import { DeliveryMark, TaskMark } from './state-mark.tsx'
import { TextLink } from './text-link.tsx'
import { tellDone, tellFault } from './toast.tsx'
import { TabCount, ViewTabs } from './view-tabs.tsx'

/** Every part of the kit on one page, without data: for whoever changes the kit. */
export const Gallery = () => (
  <main className={classes.gallery}>
    <Siblings value={samplePages}>
      <Parts />
    </Siblings>
  </main>
)

const samplePages = [
  { to: '/gallery', label: 'Gallery', isCurrent: true },
  { to: '/sign-in', label: 'A page beside it', isCurrent: false },
]

const Parts = () => (
  <Page title="Gallery" description="The kit of web/ui in all its states." actions={<SchemeSwitch />}>
    <Stats>
      <Stat lead label="Available" value={<Credits micros="1234567890" />} note="Tier: Pro" />
      <Stat label="Held" value={<Credits micros="42100" />} note="For operations under way" />
      <Stat label="Cost" value={<Usd nanoUsd="210500" />} note="Never 2.1e-4" />
    </Stats>
    <Columns>
      <Panel title="Marks" description="Words with a symbol; the colour only repeats them.">
        <MarksPart />
      </Panel>
      <Panel title="Controls">
        <ControlsPart />
      </Panel>
    </Columns>
    <Panel title="Chart" description="With its table.">
      <StackedBars
        label="Operations by day"
        unit="operations"
        series={[
          { key: 'user', label: 'Own keys', color: 'var(--own-bar)' },
          { key: 'organization', label: 'Organisation’s keys', color: 'var(--shared-bar)' },
          { key: 'system', label: 'System keys', color: 'var(--credits-bar)' },
        ]}
        bars={sampleBars}
      />
    </Panel>
    <Columns>
      <Panel title="Ladder" description="Steps in the order in which they are tried.">
        <Ladder label="Sample route" rungs={sampleRungs} />
      </Panel>
      <Panel title="Filters and shares">
        <FiltersPart />
      </Panel>
    </Columns>
    <ViewTabs label="Sample views">
      <Link to="/gallery">
        A view <TabCount of={3} />
      </Link>
      <Link to="/sign-in">Another one</Link>
    </ViewTabs>
    <Columns>
      <Panel
        title="Facts"
        description="As receipts show them."
        actions={<DownloadMenu files={sampleFiles} />}
      >
        <Facts>
          <Fact name="Key">
            Own key <SecretTail lastFour="Xy9z" />
          </Fact>
          <Fact name="Started">
            <Moment at={samplePast} />, <Ago at={samplePast} />
          </Fact>
          <Fact name="Explained">
            <TextLink>
              <Link to="/gallery">A link</Link>
            </TextLink>
            , and{' '}
            <TextLink quiet>
              <Link to="/gallery">a figure that is one</Link>
            </TextLink>
          </Fact>
        </Facts>
      </Panel>
      <Panel title="Form" description="In a dialog; the fault stays until the next try.">
        <FormPart />
      </Panel>
    </Columns>
    <Panel flush title="Table">
      <TablePart />
    </Panel>
    <Columns>
      <Panel title="Notices">
        <NoticesPart />
      </Panel>
      <Panel title="Copying">
        <div className={classes.stack}>
          <CopyField text="aik_sample0000000000000000000000000000" label="Sample token" />
          <CodeBlock
            code={'curl http://127.0.0.1:8787/v1/models \\\n  -H "authorization: Bearer aik_…"'}
            label="curl"
          />
          <CopyableId id="0199a8f2-6c1e-7d40-9f5e-1f2a3b4c5d6e" label="Copy the id" />
        </div>
      </Panel>
      <Panel title="Empty">
        <EmptyState title="No operations yet" action={<Button>Create an access token</Button>}>
          Point a client at this gateway; its first call appears here.
        </EmptyState>
      </Panel>
      <Panel title="Loading">
        <div className={classes.stack}>
          <Lines count={3} />
          <Block height={72} />
        </div>
      </Panel>
    </Columns>
  </Page>
)

const SchemeSwitch = () => {
  const { colorScheme, setColorScheme } = useMantineColorScheme()
  return (
    <Button variant="default" onClick={() => setColorScheme(colorScheme === 'dark' ? 'light' : 'dark')}>
      Switch light and dark
    </Button>
  )
}

const Line = (props: { children: ReactNode }) => <div className={classes.line}>{props.children}</div>

const MarksPart = () => (
  <div className={classes.stack}>
    <Line>
      <CoverageMark status="own_key" />
      <CoverageMark status="own_key" owner="organization" />
      <CoverageMark status="system_credits" />
      <CoverageMark status="alternative" />
      <CoverageMark status="not_covered" />
      <CoverageMark status="keys_only" />
      <Mark tone="quiet">Quiet</Mark>
    </Line>
    <Line>
      {(['succeeded', 'failed', 'refused', 'cancelled', 'interrupted'] as const).map((status) => (
        <OperationMark key={status} status={status} />
      ))}
    </Line>
    <Line>
      {(['active', 'cooling', 'invalid', 'exhausted', 'suspended', 'revoked'] as const).map((status) => (
        <KeyMark key={status} status={status} verdict="valid" />
      ))}
      <KeyMark status="active" verdict="unknown" />
      <KeyMark status="active" verdict="valid_but_unusable" />
    </Line>
    <Line>
      <OwnerMark owner="user" />
      <OwnerMark owner="organization" />
      <OwnerMark owner="system" priority={2} />
      <OwnerMark owner={null} />
    </Line>
    <Line>
      {(['pending', 'delivered', 'failed', 'superseded'] as const).map((state) => (
        <DeliveryMark key={state} state={state} />
      ))}
    </Line>
    <Line>
      <ServiceTile name="OpenAI" />
      <ServiceTile name="Anthropic" />
      <ServiceTile name="Midjourney" small />
      <SecretTail lastFour="Xy9z" />
    </Line>
  </div>
)

const ControlsPart = () => {
  const [asking, setAsking] = useState(false)
  return (
    <div className={classes.stack}>
      <Line>
        <Button>Primary</Button>
        <Button variant="default">Default</Button>
        <Button variant="subtle" color="gray">
          Subtle
        </Button>
        <Button variant="light">Light</Button>
        <Button color="red" onClick={() => setAsking(true)}>
          Danger
        </Button>
        <Button disabled>Disabled</Button>
        <Button loading>Loading</Button>
        <ActionIcon variant="subtle" color="gray" aria-label="More">
          <IconDots size={16} />
        </ActionIcon>
      </Line>
      <Line>
        <Button variant="default" onClick={() => tellDone('It is done.', () => Promise.resolve())}>
          Toast with undo
        </Button>
        <Button variant="default" onClick={() => tellFault(sampleFault)}>
          Toast of a fault
        </Button>
      </Line>
      <TextInput label="Text" description="What it is for." placeholder="Placeholder" />
      <TextInput label="Wrong" defaultValue="abc" error="A number is needed." />
      <PasswordInput
        label="Secret"
        defaultValue="secret"
        visibilityToggleButtonProps={{ 'aria-label': 'Show' }}
      />
      <NativeSelect label="Choice" data={['One', 'Two']} />
      <Checkbox label="Checked" description="With a description." defaultChecked />
      <Radio label="Chosen" defaultChecked />
      <Switch label="On" defaultChecked />
      <ConfirmDialog
        opened={asking}
        title="Revoke “Laptop”?"
        submit="Revoke"
        word="revoke"
        busy={false}
        error={null}
        onConfirm={() => setAsking(false)}
        onClose={() => setAsking(false)}
      >
        <p>This cannot be undone.</p>
      </ConfirmDialog>
    </div>
  )
}

const FormPart = () => {
  const [isOpen, setIsOpen] = useState(false)
  return (
    <>
      <Button variant="default" onClick={() => setIsOpen(true)}>
        Open the form
      </Button>
      <FormDialog
        opened={isOpen}
        title="Rename “Laptop”"
        submit="Rename"
        busy={false}
        error={sampleFault}
        onSubmit={() => setIsOpen(false)}
        onClose={() => setIsOpen(false)}
      >
        <TextInput label="Name" defaultValue="Laptop" data-autofocus />
      </FormDialog>
    </>
  )
}

const sampleFiles = [{ label: 'Sample, CSV', note: 'As the page shows it', href: '/healthz' }]
const samplePast = '2026-01-05T09:30:00Z'

const sampleFault = new CallFault(402, {
  code: 'insufficient_credits',
  message: 'There are not enough credits for this call.',
  next: 'Add your own key for the service, buy credits, or wait for the next monthly allocation.',
  operationId: '0199a8f2-6c1e-7d40-9f5e-1f2a3b4c5d6e',
})

const NoticesPart = () => (
  <div className={classes.stack}>
    <Notice tone="info" title="Acme manages all keys centrally">
      Keys of your own cannot be added.
    </Notice>
    <Notice tone="warning" title="2 system keys need attention">
      The next priorities take over meanwhile.
    </Notice>
    <FaultNotice error={sampleFault} onRetry={() => undefined} />
  </div>
)

const TablePart = () => {
  const [opened, setOpened] = useState<string | undefined>(undefined)
  return (
    <DataTable
      label="Sample"
      rows={sampleRows}
      rowKey={(row) => row.model}
      openKey={opened}
      onOpen={(row) => setOpened(row.model)}
      columns={[
        { key: 'model', header: 'Model', render: (row) => row.model },
        { key: 'owner', header: 'Ran on', render: (row) => <OwnerMark owner={row.owner} priority={1} /> },
        {
          key: 'at',
          header: 'Used',
          render: () => <Ago at={new Date(Date.now() - 240_000).toISOString()} />,
        },
        { key: 'cost', header: 'Cost', align: 'end', render: (row) => <Usd nanoUsd={row.cost} /> },
        {
          key: 'credits',
          header: 'Credits',
          align: 'end',
          render: (row) => <Credits micros={row.credits} aligned />,
        },
      ]}
    />
  )
}

const sampleRungs: readonly Rung[] = [
  {
    key: '1',
    tone: 'own',
    taken: true,
    title: (
      <>
        OpenAI <OwnerMark owner="user" />
      </>
    ),
    aside: 'no credits',
    words: 'Your own key, so no credits.',
  },
  {
    key: '2',
    tone: 'credits',
    title: (
      <>
        OpenAI <OwnerMark owner="system" priority={1} />
      </>
    ),
    aside: 'about 0.12 credits',
    words: 'A system key on credits.',
  },
]

const FiltersPart = () => {
  const [chosen, setChosen] = useState<'own' | 'credits' | undefined>('own')
  return (
    <div className={classes.stack}>
      <ShareBar
        label="Sample shares"
        shares={[
          { key: 'own', label: 'Own key', tone: 'own', count: 3 },
          { key: 'credits', label: 'Credits', tone: 'credits', count: 9 },
          { key: 'none', label: 'Not covered', tone: 'quiet', count: 21 },
        ]}
      />
      <FilterChips
        label="Sample filter"
        chips={[
          { value: 'own', label: 'Own key', tone: 'own', count: 3 },
          { value: 'credits', label: 'Credits', tone: 'credits', count: 9 },
        ]}
        chosen={chosen}
        onChoose={setChosen}
      />
      <SearchField label="Find a sample" text="" onSearch={() => undefined} />
      <Line>
        {(['closed', 'half_open', 'open'] as const).map((state) => (
          <HealthMark key={state} state={state} />
        ))}
      </Line>
      <Line>
        {(['submitted', 'running', 'succeeded', 'failed', 'unresolved', 'cancelled'] as const).map(
          (state) => (
            <TaskMark key={state} state={state} />
          ),
        )}
      </Line>
      <Line>
        {(['own_key', 'organization_key', 'credits', 'not_available'] as const).map((by) => (
          <ServedMark key={by} by={by} />
        ))}
      </Line>
    </div>
  )
}

const sampleRows = [
  { model: 'gpt-5-mini', owner: 'user', cost: '210500', credits: '0' },
  { model: 'claude-haiku-4-5', owner: 'system', cost: '1840000000', credits: '184000000' },
  { model: 'text-embedding-3-small', owner: 'organization', cost: '2', credits: '0' },
] as const

const sampleBars: readonly Bar[] = Array.from({ length: 30 }, (_, index) => ({
  key: String(index),
  label: `${index + 1} Nov`,
  values: {
    user: index % 7 === 5 ? 0 : 40 + ((index * 37) % 60),
    organization: (index * 13) % 20,
    system: (index * 23) % 45,
  },
}))

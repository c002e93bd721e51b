import { Button, NativeSelect } from '@mantine/core'
import { IconPlus } from '@tabler/icons-react'
import { getRouteApi, useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import { may } from '../../src/contract/permissions.ts'
import type { AccessRequest } from '../../src/contract/requests.ts'
import type { CoverageSummary, Service, ServiceKey } from '../../src/contract/service-keys.ts'
import type { Me } from '../../src/contract/session.ts'
import { useOwnKeyActions } from '../data/key-actions.ts'
import { useRead } from '../data/queries.ts'
import { useMe } from '../data/session.ts'
import { taskName } from '../data/words.ts'
import { AddKeyDialog } from '../keys/add-key-dialog.tsx'
import { KeyDialogs, type KeyTask } from '../keys/key-dialogs.tsx'
import { KeyRow } from '../keys/key-row.tsx'
import { AskDialog } from '../requests/ask-dialog.tsx'
import { wishesFor } from '../requests/request-words.ts'
import { FilterChips } from '../ui/filter-chips.tsx'
import { counted } from '../ui/format.ts'
import { Block, EmptyState, Loaded, Notice } from '../ui/notice.tsx'
import { Page, Panel } from '../ui/page.tsx'
import { SearchField } from '../ui/search-field.tsx'
import { ShareBar } from '../ui/share-bar.tsx'
import { matchingServices, serviceGroups, standings, tasksOf } from './service-groups.ts'
import { ServiceRow } from './service-row.tsx'
import classes from './services.module.css'

const route = getRouteApi('/shell/services')

export const Services = () => {
  const me = useMe()
  const services = useRead('listServices', {})
  const actions = useOwnKeyActions()
  const [adding, setAdding] = useState<{ serviceId: string | null } | null>(null)
  const [task, setTask] = useState<KeyTask | null>(null)
  const [asking, setAsking] = useState<Service | null>(null)
  // Those who run the organisation change its policy themselves.
  const mayAsk = may(me.role, 'own.use') && !may(me.role, 'policy.change')
  const asked = useRead('listOwnRequests', { query: { limit: 100 } }, { enabled: mayAsk }).data?.items ?? []
  const manageable = (services.data?.items ?? []).filter((service) => service.mayManageKey)
  return (
    <Page
      title="Services"
      description="Where you have your own key, calls cost no credits. A new key is used from the next operation on."
      actions={
        manageable.length > 0 && (
          <Button leftSection={<IconPlus size={16} />} onClick={() => setAdding({ serviceId: null })}>
            Add key
          </Button>
        )
      }
    >
      <PolicyNotice me={me} />
      <Loaded of={services} skeleton={<Skeletons />}>
        {({ items, summary }) => (
          <>
            <Coverage summary={summary} />
            <ServiceList
              services={items}
              actions={actions}
              onAdd={(serviceId) => setAdding({ serviceId })}
              onAsk={mayAsk ? setAsking : undefined}
              asked={asked}
              onTask={setTask}
            />
          </>
        )}
      </Loaded>
      <AddKeyDialog
        opened={adding !== null}
        services={manageable}
        actions={actions}
        serviceId={adding?.serviceId ?? null}
        onClose={() => {
          actions.check.reset()
          actions.add.reset()
          setAdding(null)
        }}
      />
      <KeyDialogs task={task} actions={actions} onClose={() => setTask(null)} />
      <AskDialog
        locked={
          asking && {
            serviceId: asking.id,
            model: null,
            name: asking.name,
            why: asking.mayNotBecause,
            wishes: wishesFor(me.organization, asking.id),
          }
        }
        onClose={() => setAsking(null)}
      />
    </Page>
  )
}

const Skeletons = () => (
  <>
    <Block height={106} narrow={190} />
    <Block height={1900} narrow={2500} />
  </>
)

/** What the organisation has decided, in the words of its effect. */
const PolicyNotice = ({ me }: { me: Me }) => {
  const { organization } = me
  if (organization.controlPolicy === 'user_control') return null
  return (
    <Notice
      tone="info"
      title={
        organization.controlPolicy === 'it_control'
          ? `${organization.name} manages all keys centrally`
          : `${organization.name} manages the keys of some services`
      }
    >
      {organization.controlPolicy === 'it_control'
        ? 'You may add keys of your own only where there is an exception for you. Keys you had are suspended, not deleted, and come back if this changes.'
        : 'Those services are marked below; for all others you can add your own keys.'}
    </Notice>
  )
}

const countOf = {
  own_key: 'ownKey',
  alternative: 'alternative',
  system_credits: 'systemCredits',
  not_covered: 'notCovered',
  keys_only: 'keysOnly',
} as const

/** Where one stands with all of them; each count is a filter of the list below. */
const Coverage = ({ summary }: { summary: CoverageSummary }) => {
  const { status } = route.useSearch()
  const navigate = useNavigate({ from: '/services' })
  const usable = summary.total - summary.notCovered - summary.keysOnly
  const shares = standings.map((standing) => ({
    key: standing.status,
    label: standing.label,
    tone: standing.tone,
    count: summary[countOf[standing.status]],
  }))
  return (
    <Panel
      title="Coverage"
      description={`You can use ${usable} of ${counted(summary.total, 'service')} now.`}
    >
      <div className={classes.coverage}>
        <ShareBar label="Coverage" shares={shares} />
        <FilterChips
          label="Show services by coverage"
          chips={standings.map((standing) => ({
            value: standing.status,
            label: standing.label,
            tone: standing.tone,
            count: summary[countOf[standing.status]],
          }))}
          chosen={status}
          onChoose={(chosen) =>
            void navigate({ search: (search) => ({ ...search, status: chosen }), replace: true })
          }
        />
      </div>
    </Panel>
  )
}

const ServiceList = (props: {
  services: readonly Service[]
  actions: ReturnType<typeof useOwnKeyActions>
  onAdd: (serviceId: string) => void
  onAsk: ((service: Service) => void) | undefined
  /** Newest first. */
  asked: readonly AccessRequest[]
  onTask: (task: KeyTask) => void
}) => {
  const search = route.useSearch()
  const navigate = useNavigate({ from: '/services' })
  const keys = useRead('listServiceKeys', {})
  const health = useRead('readServiceHealth', {}, { refreshSeconds: 15 })
  const found = matchingServices(props.services, search)
  const keysOf = (id: string): ServiceKey[] =>
    (keys.data?.items ?? []).filter((key) => key.serviceId === id && key.status !== 'revoked')
  return (
    <section className={classes.panel} aria-label="All services">
      <Controls services={props.services} />
      {found.length === 0 && (
        <EmptyState
          title="No service matches"
          action={
            <Button variant="default" onClick={() => void navigate({ search: {}, replace: true })}>
              Show all services
            </Button>
          }
        >
          {`None of the ${counted(props.services.length, 'service')} fits these filters.`}
        </EmptyState>
      )}
      {serviceGroups(found, search.by ?? 'status').map((group) => (
        <section key={group.key} aria-label={group.title}>
          <div className={classes.groupHead}>
            <h2 className={classes.groupTitle}>
              {group.title} <span className={classes.groupCount}>{group.services.length}</span>
            </h2>
            {group.words && <p className={classes.groupWords}>{group.words}</p>}
          </div>
          <ul>
            {group.services.map((service) => (
              <ServiceRow
                key={service.id}
                service={service}
                health={health.data?.services.find((each) => each.serviceId === service.id)}
                onAdd={() => props.onAdd(service.id)}
                onAsk={props.onAsk && (() => props.onAsk?.(service))}
                asked={props.asked.find(({ serviceId, model }) => serviceId === service.id && model === null)}
              >
                {keysOf(service.id).map((key) => (
                  <KeyRow
                    key={key.id}
                    serviceKey={key}
                    actions={props.actions}
                    page="/keys/$id"
                    mayManage={service.mayManageKey && key.owner === 'user'}
                    onTask={props.onTask}
                  />
                ))}
              </ServiceRow>
            ))}
          </ul>
        </section>
      ))}
    </section>
  )
}

const Controls = ({ services }: { services: readonly Service[] }) => {
  const search = route.useSearch()
  const navigate = useNavigate({ from: '/services' })
  const change = (changes: Partial<typeof search>) =>
    void navigate({ search: { ...search, ...changes }, replace: true })
  return (
    <search className={classes.controls} aria-label="Find services">
      <SearchField
        slash
        label="Find a service"
        text={search.q ?? ''}
        onSearch={(text) => change({ q: text || undefined })}
      />
      <NativeSelect
        aria-label="Task"
        value={search.task ?? ''}
        data={[
          { value: '', label: 'Any task' },
          ...tasksOf(services).map((task) => ({ value: task, label: taskName(task) })),
        ]}
        onChange={(event) => change({ task: event.currentTarget.value || undefined })}
      />
      <NativeSelect
        aria-label="Grouped by"
        value={search.by ?? 'status'}
        data={[
          { value: 'status', label: 'By coverage' },
          { value: 'task', label: 'By task' },
        ]}
        onChange={(event) => change({ by: event.currentTarget.value === 'task' ? 'task' : undefined })}
      />
    </search>
  )
}

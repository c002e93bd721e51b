import { Button, CloseButton, NativeSelect, Radio, Select } from '@mantine/core'
import { IconListTree } from '@tabler/icons-react'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import type { Reply } from '../../src/contract/endpoints.ts'
import type { Service } from '../../src/contract/service-keys.ts'
import type { Fallback } from '../../src/contract/wire.ts'
import { type CallFault, call } from '../data/call.ts'
import { read, useRead } from '../data/queries.ts'
import { useMe } from '../data/session.ts'
import { ServiceTile } from '../ui/mark.tsx'
import { Block, Loaded, Notice } from '../ui/notice.tsx'
import { Page, Panel } from '../ui/page.tsx'
import { tellDone, tellFault } from '../ui/toast.tsx'
import classes from './fallback.module.css'
import { choiceLabel, choices } from '../policy/fallbacks.ts'

type Preferences = Reply<'readPreferences'>

export const FallbackPreference = () => {
  const { organization } = useMe()
  const preferences = useRead('readPreferences', {})
  return (
    <Page
      narrow
      title="Fallback"
      description="What happens to a call when no key of your own can serve it. Your own keys always come first."
      actions={
        <Button
          variant="default"
          leftSection={<IconListTree size={16} />}
          renderRoot={(rest) => <Link to="/simulator" {...rest} />}
        >
          Try what would happen
        </Button>
      }
    >
      <Loaded of={preferences} skeleton={<Block height={560} narrow={760} />}>
        {(data) => (
          <>
            {data.locked && (
              <Notice
                tone="info"
                title={`${organization.name} has set this for everybody: ${choiceLabel(data.locked)}`}
              >
                Your own choice is kept and applies again when the organisation lifts the lock.
              </Notice>
            )}
            <Choices preferences={data} />
            <Overrides preferences={data} />
          </>
        )}
      </Loaded>
    </Page>
  )
}

/** Saved as soon as chosen: shown at once, taken back when refused, undoable afterwards. */
const useChangePreferences = (current: Preferences) => {
  const client = useQueryClient()
  const { queryKey } = read('readPreferences', {})
  const mutation = useMutation<Preferences, CallFault, Omit<Preferences, 'locked'>>({
    mutationFn: (body) => call('changePreferences', { body }),
    onMutate: async (next) => {
      // What is being read is how it was.
      await client.cancelQueries({ queryKey })
      client.setQueryData(queryKey, { ...next, locked: current.locked })
    },
    onError: (error) => {
      client.setQueryData(queryKey, current)
      tellFault(error)
    },
    onSuccess: (stored) => {
      client.setQueryData(queryKey, stored)
      return client.invalidateQueries({ queryKey: ['listServices'] })
    },
  })
  return (next: Omit<Preferences, 'locked'>, message: string) =>
    mutation.mutate(next, {
      onSuccess: () =>
        tellDone(message, () =>
          mutation.mutateAsync({ default: current.default, services: current.services }),
        ),
    })
}

const Choices = (props: { preferences: Preferences }) => {
  const { preferences } = props
  const change = useChangePreferences(preferences)
  return (
    <Panel title="For all services" description="Unless there is an exception below.">
      <Radio.Group
        aria-label="Fallback for all services"
        value={preferences.locked ?? preferences.default}
        onChange={(value) =>
          change({ default: value, services: preferences.services }, `Fallback: ${choiceLabel(value)}.`)
        }
      >
        <div className={classes.choices}>
          {choices.map((choice) => (
            <Radio
              key={choice.value}
              value={choice.value}
              disabled={preferences.locked !== null}
              label={choice.label}
              description={choice.consequence}
              classNames={{ root: classes.choice, body: classes.choiceBody, label: classes.choiceLabel }}
            />
          ))}
        </div>
      </Radio.Group>
    </Panel>
  )
}

/** Only the services that differ from the default are listed; any other is found by its name and added. */
const Overrides = (props: { preferences: Preferences }) => {
  const { preferences } = props
  const services = useRead('listServices', {})
  const change = useChangePreferences(preferences)
  const set = (service: Service, value: string) => {
    const others = preferences.services.filter((each) => each.serviceId !== service.id)
    change(
      {
        default: preferences.default,
        services: value === '' ? others : [...others, { serviceId: service.id, fallback: value as Fallback }],
      },
      value === ''
        ? `${service.name} follows the default.`
        : `${service.name}: ${choiceLabel(value as Fallback)}.`,
    )
  }
  return (
    <Panel
      title="Exceptions"
      description="Services where something else is to happen. For example: never spend credits at one of them."
      flush
    >
      <Loaded of={services} skeleton={<Block height={120} narrow={150} />}>
        {({ items }) => (
          <>
            <ul>
              {items
                .filter(({ id }) => preferences.services.some((each) => each.serviceId === id))
                .map((service) => (
                  <Override key={service.id} service={service} preferences={preferences} onSet={set} />
                ))}
            </ul>
            {preferences.locked === null && (
              <AddOverride
                services={items.filter(
                  ({ id }) => !preferences.services.some((each) => each.serviceId === id),
                )}
                isFirst={preferences.services.length === 0}
                onAdd={(service) => set(service, preferences.default === 'none' ? 'system' : 'none')}
              />
            )}
          </>
        )}
      </Loaded>
    </Panel>
  )
}

const Override = (props: {
  service: Service
  preferences: Preferences
  onSet: (service: Service, value: string) => void
}) => {
  const { service, preferences, onSet } = props
  const locked = preferences.locked !== null
  return (
    <li className={classes.override}>
      <ServiceTile name={service.name} small />
      <span className={classes.serviceName}>{service.name}</span>
      <NativeSelect
        aria-label={`Fallback for ${service.name}`}
        disabled={locked}
        value={preferences.services.find((each) => each.serviceId === service.id)?.fallback ?? ''}
        data={choices.map(({ value, label }) => ({ value, label }))}
        onChange={(event) => onSet(service, event.currentTarget.value)}
      />
      <CloseButton
        aria-label={`Let ${service.name} follow the default`}
        disabled={locked}
        onClick={() => onSet(service, '')}
      />
    </li>
  )
}

const AddOverride = (props: {
  services: readonly Service[]
  isFirst: boolean
  onAdd: (service: Service) => void
}) => (
  <div className={classes.addOverride}>
    {props.isFirst && <p className={classes.noOverride}>None: every service follows the default above.</p>}
    <Select
      aria-label="Add an exception for a service"
      placeholder="Add an exception: find a service"
      searchable
      value={null}
      selectFirstOptionOnChange
      nothingFoundMessage="No service of this name"
      data={props.services.map(({ id, name }) => ({ value: id, label: name }))}
      onChange={(id) => {
        const chosen = props.services.find((service) => service.id === id)
        if (chosen) props.onAdd(chosen)
      }}
    />
  </div>
)

import { NativeSelect, Radio } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import type { Reply } from '../../src/contract/endpoints.ts'
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
    >
      <Loaded of={preferences} skeleton={<Block height={700} narrow={910} />}>
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
    onMutate: (next) => client.setQueryData(queryKey, { ...next, locked: current.locked }),
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
    <Panel title="For all services" description="Unless a service below says otherwise.">
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

const Overrides = (props: { preferences: Preferences }) => {
  const { preferences } = props
  const services = useRead('listServices', {})
  const change = useChangePreferences(preferences)
  const set = (serviceId: string, name: string, value: string) => {
    const others = preferences.services.filter((each) => each.serviceId !== serviceId)
    change(
      {
        default: preferences.default,
        services: value === '' ? others : [...others, { serviceId, fallback: value as Fallback }],
      },
      value === '' ? `${name} follows the default.` : `${name}: ${choiceLabel(value as Fallback)}.`,
    )
  }
  return (
    <Panel title="Per service" description="For example: never spend credits at one service." flush>
      <Loaded of={services} skeleton={<Block height={205} narrow={329} />}>
        {({ items }) => (
          <ul>
            {items.map((service) => (
              <li key={service.id} className={classes.override}>
                <ServiceTile name={service.name} small />
                <span className={classes.serviceName}>{service.name}</span>
                <NativeSelect
                  aria-label={`Fallback for ${service.name}`}
                  disabled={preferences.locked !== null}
                  value={preferences.services.find((each) => each.serviceId === service.id)?.fallback ?? ''}
                  data={[
                    { value: '', label: 'Like the default' },
                    ...choices.map(({ value, label }) => ({ value, label })),
                  ]}
                  onChange={(event) => set(service.id, service.name, event.currentTarget.value)}
                />
              </li>
            ))}
          </ul>
        )}
      </Loaded>
    </Panel>
  )
}

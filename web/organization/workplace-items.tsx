import { Menu, TextInput } from '@mantine/core'
import { IconBuilding, IconCheck, IconPlus, IconUser } from '@tabler/icons-react'
import { useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import { useRead } from '../data/queries.ts'
import { FormDialog } from '../ui/dialog.tsx'
import { tellDone, tellFault } from '../ui/toast.tsx'
import { useMove } from './workplace.ts'

/** In the account menu: every organisation one can work in. Nothing where there is only the one. */
export const WorkplaceItems = (props: { onNewCompany: () => void }) => {
  const navigate = useNavigate()
  const places = useRead('listWorkplaces', {})
  const move = useMove('switchOrganization', () => navigate({ to: '/' }))
  const items = places.data?.items ?? []
  if (items.length < 2 && !places.data?.mayCreate) return null
  return (
    <>
      <Menu.Divider />
      <Menu.Label>Work in</Menu.Label>
      {items.map((place) => (
        <Menu.Item
          key={place.id}
          disabled={place.suspended}
          leftSection={place.kind === 'personal' ? <IconUser size={15} /> : <IconBuilding size={15} />}
          rightSection={place.current ? <IconCheck size={15} aria-label="here" /> : undefined}
          onClick={() => {
            if (place.current) return
            move.mutate(
              { body: { organizationId: place.id } },
              { onSuccess: () => tellDone(`You work in ${place.name} now.`), onError: tellFault },
            )
          }}
        >
          {place.kind === 'personal' ? 'Personal' : place.name}
          {place.suspended && ', suspended'}
        </Menu.Item>
      ))}
      {places.data?.mayCreate && (
        <Menu.Item leftSection={<IconPlus size={15} />} onClick={props.onNewCompany}>
          New company
        </Menu.Item>
      )}
    </>
  )
}

export const NewCompanyDialog = (props: { onClose: () => void }) => {
  const navigate = useNavigate()
  const [name, setName] = useState('')
  const create = useMove('createCompany', () => navigate({ to: '/organization' }))
  return (
    <FormDialog
      opened
      title="New company"
      submit="Make it"
      busy={create.isPending}
      error={create.error}
      blocked={name.trim() === ''}
      onSubmit={() => create.mutate({ body: { name: name.trim() } }, { onSuccess: props.onClose })}
      onClose={props.onClose}
    >
      <TextInput
        label="Name"
        description="You will own it and can invite others. Your personal keys and credits stay where they are."
        maxLength={120}
        data-autofocus
        value={name}
        onChange={(event) => setName(event.currentTarget.value)}
      />
    </FormDialog>
  )
}

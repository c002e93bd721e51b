import { Button, Modal, NativeSelect, TextInput } from '@mantine/core'
import { useForm } from '@mantine/form'
import type { Request } from '../../src/contract/endpoints.ts'
import { email } from '../../src/contract/wire.ts'
import { useAct, useRead } from '../data/queries.ts'
import { FormDialog } from '../ui/dialog.tsx'
import { ShownLink } from './user-drawer.tsx'
import classes from './users.module.css'

type Role = NonNullable<Request<'createUser'>['body']['role']>

/** Creates a user; the reply's link, shown once, is how they come in the first time. */
export const CreateUserDialog = (props: { onClose: () => void }) => {
  const create = useAct('createUser', ['listUsers', 'readOverview'])
  const organizations = useRead('listOrganizations', { query: { limit: 200 } })
  const tiers = useRead('listTiers', {})
  const form = useForm({
    initialValues: { email: '', name: '', organizationId: '', role: 'member', tierId: 'free' },
    validate: {
      name: (value) => (value.trim() ? null : 'A name is needed.'),
      email: (value) => (email.safeParse(value.trim()).success ? null : 'An e-mail address is needed.'),
    },
  })
  if (create.data)
    return (
      <Modal
        opened
        onClose={props.onClose}
        title={`${create.data.user.name} can sign in`}
        closeOnClickOutside={false}
      >
        <div className={classes.form}>
          <ShownLink link={create.data.signInLink} />
          <div className={classes.done}>
            <Button onClick={props.onClose}>I have copied it</Button>
          </div>
        </div>
      </Modal>
    )
  const companies = (organizations.data?.items ?? []).filter((each) => each.kind === 'company')
  const submit = () => {
    if (form.validate().hasErrors) return
    const { organizationId, role, ...values } = form.values
    create.mutate({
      body: {
        name: values.name.trim(),
        email: values.email.trim(),
        tierId: values.tierId,
        organizationId: organizationId || null,
        role: organizationId ? (role as Role) : 'owner',
      },
    })
  }
  return (
    <FormDialog
      opened
      title="Create user"
      submit="Create user"
      busy={create.isPending}
      error={create.error}
      onSubmit={submit}
      onClose={props.onClose}
    >
      <TextInput label="Name" data-autofocus {...form.getInputProps('name')} />
      <TextInput label="E-mail" type="email" {...form.getInputProps('email')} />
      <NativeSelect
        label="Organisation"
        data={[
          { value: '', label: 'One of their own' },
          ...companies.map(({ id, name }) => ({ value: id, label: name })),
        ]}
        {...form.getInputProps('organizationId')}
      />
      {form.values.organizationId !== '' && (
        <NativeSelect
          label="Role"
          data={[
            { value: 'member', label: 'Member' },
            { value: 'administrator', label: 'Administrator' },
            { value: 'owner', label: 'Owner' },
          ]}
          {...form.getInputProps('role')}
        />
      )}
      <NativeSelect
        label="Tier"
        data={(tiers.data?.items ?? []).map(({ id, name }) => ({ value: id, label: name }))}
        {...form.getInputProps('tierId')}
      />
    </FormDialog>
  )
}

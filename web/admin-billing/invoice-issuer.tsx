import { Button, Textarea, TextInput } from '@mantine/core'
import { useForm } from '@mantine/form'
import type { Reply } from '../../src/contract/endpoints.ts'
import { useAct, useRead } from '../data/queries.ts'
import { dayWithYear } from '../ui/format.ts'
import { Block, FaultNotice, Loaded } from '../ui/notice.tsx'
import { Panel } from '../ui/page.tsx'
import { tellDone } from '../ui/toast.tsx'
import { after } from './after.ts'
import classes from './billing.module.css'

type Issuer = Reply<'readInvoiceIssuer'>

/** Who is printed on invoices: those that are issued keep what was said then. */
export const InvoiceIssuer = () => {
  const issuer = useRead('readInvoiceIssuer', {})
  return (
    <Loaded of={issuer} skeleton={<Block height={420} narrow={560} />}>
      {(data) => <IssuerForm key={data.version} issuer={data} />}
    </Loaded>
  )
}

const linesOf = (text: string): string[] =>
  text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')

const IssuerForm = ({ issuer }: { issuer: Issuer }) => {
  const save = useAct('saveInvoiceIssuer', ['readInvoiceIssuer'])
  const form = useForm({
    initialValues: {
      name: issuer.name,
      address: issuer.address.join('\n'),
      taxId: issuer.taxId ?? '',
      email: issuer.email ?? '',
      note: issuer.note ?? '',
      reason: '',
    },
    validateInputOnBlur: true,
    validate: {
      name: (value) => (value.trim() ? null : 'A name is needed.'),
      address: (value) =>
        linesOf(value).length <= 6 && linesOf(value).every((line) => line.length <= 120)
          ? null
          : 'At most six lines of 120 characters.',
      email: (value) =>
        value.trim() === '' || /^\S+@\S+\.\S+$/.test(value.trim()) ? null : 'An e-mail address, or nothing.',
      reason: (value) => (value.trim() ? null : 'Say why: the audit trail keeps it.'),
    },
  })
  const submit = form.onSubmit((values) =>
    after(
      save.mutateAsync({
        body: {
          issuer: {
            name: values.name.trim(),
            address: linesOf(values.address),
            taxId: values.taxId.trim() || null,
            email: values.email.trim() || null,
            note: values.note.trim() || null,
          },
          reason: values.reason.trim(),
        },
      }),
      () => tellDone('It is on every invoice that is issued from now on.'),
    ),
  )
  return (
    <Panel
      title="Printed on invoices"
      description={
        issuer.version === 0 || issuer.effectiveAt === null
          ? 'Nobody has said yet: the name of the issuer is printed.'
          : `Version ${issuer.version}, since ${dayWithYear(issuer.effectiveAt)}. Invoices keep what was said when they were issued.`
      }
    >
      <form className={classes.form} onSubmit={submit} aria-label="Printed on invoices">
        <div className={classes.fields}>
          <TextInput label="Name" maxLength={120} {...form.getInputProps('name')} />
          <TextInput label="Tax number" maxLength={60} {...form.getInputProps('taxId')} />
          <Textarea label="Address" rows={4} {...form.getInputProps('address')} />
          <Textarea
            label="Below the total"
            placeholder="Please transfer to …"
            rows={4}
            maxLength={500}
            {...form.getInputProps('note')}
          />
          <TextInput label="E-mail" type="email" maxLength={254} {...form.getInputProps('email')} />
          <TextInput label="Reason" maxLength={300} {...form.getInputProps('reason')} />
        </div>
        {save.error && <FaultNotice error={save.error} />}
        <div className={`${classes.buttons} ${classes.end}`}>
          <Button type="submit" variant="default" loading={save.isPending} disabled={!form.isDirty()}>
            Save for the next invoices
          </Button>
        </div>
      </form>
    </Panel>
  )
}

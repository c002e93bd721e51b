import { Button, TextInput } from '@mantine/core'
import { useForm } from '@mantine/form'
import { IconPlus } from '@tabler/icons-react'
import { useState } from 'react'
import type { Reply } from '../../src/contract/endpoints.ts'
import { useAct, useRead } from '../data/queries.ts'
import { type Column, DataTable } from '../ui/data-table.tsx'
import { ConfirmDialog, FormDialog } from '../ui/dialog.tsx'
import { Credits } from '../ui/figures.tsx'
import { exactCredits } from '../ui/format.ts'
import { Mark } from '../ui/mark.tsx'
import { money, moneyText, parseCredits, parseMoney } from '../ui/money.ts'
import { Block, EmptyState, Loaded } from '../ui/notice.tsx'
import { Panel } from '../ui/page.tsx'
import { tellDone } from '../ui/toast.tsx'
import { after } from './after.ts'
import classes from './billing.module.css'

type Pack = Reply<'listAllPacks'>['items'][number]

const columns = (onEdit: (pack: Pack) => void): readonly Column<Pack>[] => [
  { key: 'name', header: 'Pack', render: (row) => <span className={classes.strong}>{row.name}</span> },
  { key: 'credits', header: 'Credits', align: 'end', render: (row) => <Credits micros={row.creditMicros} /> },
  {
    key: 'price',
    header: 'Price',
    align: 'end',
    render: (row) => <span className="figure">{money(row.priceMinor, row.currency)}</span>,
  },
  {
    key: 'state',
    header: 'State',
    render: (row) => (row.archivedAt === null ? 'On sale' : <Mark tone="quiet">Archived</Mark>),
  },
  {
    key: 'actions',
    header: '',
    align: 'end',
    render: (row) =>
      row.archivedAt === null && (
        <span className={classes.actions}>
          <Button size="compact-sm" variant="subtle" color="gray" onClick={() => onEdit(row)}>
            Change<span className="visually-hidden"> {row.name}</span>
          </Button>
          <ArchivePack pack={row} />
        </span>
      ),
  },
]

/** What can be bought at once; what was bought stays as it was. */
export const Packs = () => {
  const packs = useRead('listAllPacks', {})
  const [edited, setEdited] = useState<Pack | 'new' | null>(null)
  return (
    <Panel
      flush
      title="Packs"
      description="Credits to buy once. What was bought stays as it was."
      actions={
        <Button variant="default" leftSection={<IconPlus size={16} />} onClick={() => setEdited('new')}>
          New pack
        </Button>
      }
    >
      <Loaded of={packs} skeleton={<Block height={170} narrow={420} />}>
        {({ items }) =>
          items.length === 0 ? (
            <EmptyState title="No packs">Users can still buy an amount of their own choice.</EmptyState>
          ) : (
            <DataTable
              label="Packs"
              rows={items}
              rowKey={(row) => row.id}
              columns={columns((pack) => setEdited(pack))}
            />
          )
        }
      </Loaded>
      {edited !== null && (
        <PackDialog
          key={edited === 'new' ? 'new' : edited.id}
          pack={edited === 'new' ? null : edited}
          onClose={() => setEdited(null)}
        />
      )}
    </Panel>
  )
}

const PackDialog = (props: { pack: Pack | null; onClose: () => void }) => {
  const { pack } = props
  const save = useAct('savePack', ['listAllPacks'])
  const form = useForm({
    initialValues: {
      id: pack?.id ?? '',
      name: pack?.name ?? '',
      credits: pack ? exactCredits(pack.creditMicros).replaceAll(',', '') : '',
      price: pack ? moneyText(pack.priceMinor, pack.currency) : '',
      currency: pack?.currency ?? 'USD',
    },
    validate: {
      id: (value) => (/^[a-z][a-z0-9_-]{0,39}$/.test(value) ? null : 'Small letters, digits and hyphens.'),
      name: (value) => (value.trim() ? null : 'A name is needed.'),
      credits: (value) => ((parseCredits(value) ?? '0') === '0' ? 'A number of credits above zero.' : null),
      currency: (value) => (/^[A-Za-z]{3}$/.test(value.trim()) ? null : 'Three letters, such as USD.'),
      price: (value, { currency }) =>
        (parseMoney(value, currency.length === 3 ? currency : 'USD') ?? '0') === '0'
          ? 'An amount of money above zero.'
          : null,
    },
  })
  const submit = form.onSubmit((values) => {
    const currency = values.currency.trim().toUpperCase()
    after(
      save.mutateAsync({
        params: { pack: values.id },
        body: {
          name: values.name.trim(),
          creditMicros: parseCredits(values.credits) ?? '0',
          priceMinor: parseMoney(values.price, currency) ?? '0',
          currency,
          position: pack?.position ?? 100,
        },
      }),
      (saved) => {
        tellDone(`${saved.name}: ${money(saved.priceMinor, saved.currency)}.`)
        props.onClose()
      },
    )
  })
  return (
    <FormDialog
      opened
      title={pack ? `Change ${pack.name}` : 'New pack'}
      submit={pack ? 'Save pack' : 'Make pack'}
      busy={save.isPending}
      error={save.error}
      onSubmit={() => submit()}
      onClose={props.onClose}
    >
      <TextInput label="Name" maxLength={80} data-autofocus {...form.getInputProps('name')} />
      {pack === null && (
        <TextInput label="Id" placeholder="xlarge" spellCheck={false} {...form.getInputProps('id')} />
      )}
      <TextInput label="Credits" inputMode="decimal" {...form.getInputProps('credits')} />
      <div className={classes.line}>
        <TextInput label="Price" inputMode="decimal" {...form.getInputProps('price')} />
        <TextInput label="Currency" maxLength={3} {...form.getInputProps('currency')} />
      </div>
    </FormDialog>
  )
}

const ArchivePack = ({ pack }: { pack: Pack }) => {
  const archive = useAct('archivePack', ['listAllPacks'])
  const [asking, setAsking] = useState(false)
  return (
    <>
      <Button size="compact-sm" variant="subtle" color="red" onClick={() => setAsking(true)}>
        Archive<span className="visually-hidden"> {pack.name}</span>
      </Button>
      <ConfirmDialog
        opened={asking}
        title={`Archive ${pack.name}?`}
        submit="Archive pack"
        busy={archive.isPending}
        error={archive.error}
        onClose={() => setAsking(false)}
        onConfirm={() =>
          after(archive.mutateAsync({ params: { pack: pack.id } }), () => {
            setAsking(false)
            tellDone(`${pack.name} is archived.`)
          })
        }
      >
        <p>It can no longer be bought. What was bought stays as it is.</p>
      </ConfirmDialog>
    </>
  )
}

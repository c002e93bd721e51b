import { Button, TextInput } from '@mantine/core'
import { type FormEvent, useState } from 'react'
import { useAct, useRead } from '../data/queries.ts'
import { EmptyState, FaultNotice, Lines, Loaded } from '../ui/notice.tsx'
import { Panel } from '../ui/page.tsx'
import { tellDone, tellFault } from '../ui/toast.tsx'
import classes from './services.module.css'

const reads = ['listOutboundAllowances'] as const

/** Private addresses that calls may reach; everything private is refused otherwise. */
export const Allowances = () => {
  const allowances = useRead('listOutboundAllowances', {})
  return (
    <Panel
      flush
      title="Private addresses"
      description="Calls never reach private or local addresses unless they are listed here."
    >
      <Loaded of={allowances} skeleton={<Lines count={2} />}>
        {({ items }) =>
          items.length === 0 ? (
            <EmptyState title="None listed">
              List one for a proxy or model server in your own network.
            </EmptyState>
          ) : (
            <ul>
              {items.map(({ address }) => (
                <AllowanceLine key={address} address={address} />
              ))}
            </ul>
          )
        }
      </Loaded>
      <AddAllowance />
    </Panel>
  )
}

const AllowanceLine = ({ address }: { address: string }) => {
  const remove = useAct('removeOutboundAllowance', reads)
  const add = useAct('addOutboundAllowance', reads)
  return (
    <li className={classes.allowance}>
      <code>{address}</code>
      <Button
        size="compact-sm"
        variant="subtle"
        color="red"
        aria-label={`Remove ${address}`}
        loading={remove.isPending}
        onClick={() =>
          void remove
            .mutateAsync({ query: { address } })
            .then(
              () =>
                tellDone(`${address} is no longer reachable.`, () => add.mutateAsync({ body: { address } })),
              tellFault,
            )
        }
      >
        Remove
      </Button>
    </li>
  )
}

const AddAllowance = () => {
  const [address, setAddress] = useState('')
  const add = useAct('addOutboundAllowance', reads)
  const submit = (event: FormEvent) => {
    event.preventDefault()
    add.mutate(
      { body: { address: address.trim() } },
      {
        onSuccess: () => {
          tellDone(`${address.trim()} may be reached.`)
          setAddress('')
        },
      },
    )
  }
  return (
    <form className={classes.add} onSubmit={submit}>
      <div className={classes.addLine}>
        <TextInput
          aria-label="Private address"
          placeholder="10.0.0.12:8080 or 10.20.0.0/16"
          value={address}
          onChange={(event) => setAddress(event.currentTarget.value)}
        />
        <Button type="submit" variant="default" loading={add.isPending} disabled={address.trim() === ''}>
          Allow address
        </Button>
      </div>
      {add.error && <FaultNotice error={add.error} />}
    </form>
  )
}

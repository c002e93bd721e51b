import { Button } from '@mantine/core'
import { IconBuilding } from '@tabler/icons-react'
import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import type { SsoWay } from '../../src/contract/sso.ts'
import { email as emailAddress } from '../../src/contract/wire.ts'
import { call } from '../data/call.ts'
import { FaultNotice, Notice } from '../ui/notice.tsx'
import classes from './entry.module.css'

/** By the company's identity provider, which the domain of the e-mail address names. */
export const CompanySignIn = (props: { email: string; to: string | undefined }) => {
  const [offered, setOffered] = useState<readonly SsoWay[] | null>(null)
  const [isAsked, setAsked] = useState(false)
  const begin = useMutation({
    mutationFn: async (connectionId: string) => {
      const { url } = await call('startSso', { body: { connectionId } })
      if (props.to !== undefined) sessionStorage.setItem('aideon-sign-in-to', props.to)
      location.assign(url)
    },
  })
  const find = useMutation({
    mutationFn: async () => {
      const { ways } = await call('findSsoWays', { body: { email: props.email.trim() } })
      const [only] = ways
      if (ways.length === 1 && only) await begin.mutateAsync(only.connectionId)
      else setOffered(ways)
    },
  })
  const knowsWho = emailAddress.safeParse(props.email.trim()).success
  const error = begin.error ?? find.error
  return (
    <div className={classes.form}>
      {error && <FaultNotice error={error} />}
      {isAsked && !knowsWho && (
        <Notice tone="info" live title="Enter your e-mail address first">
          Its domain says which company you belong to.
        </Notice>
      )}
      {offered?.length === 0 && (
        <Notice tone="info" live title="No company sign-in for this e-mail address">
          Use your password, a passkey or a sign-in link.
        </Notice>
      )}
      {offered?.map((way) => (
        <Button
          key={way.connectionId}
          variant="default"
          fullWidth
          loading={begin.isPending}
          onClick={() => begin.mutate(way.connectionId)}
        >
          {way.name}
        </Button>
      ))}
      {!offered?.length && (
        <Button
          variant="default"
          fullWidth
          leftSection={<IconBuilding size={17} stroke={1.8} aria-hidden />}
          loading={find.isPending || begin.isPending}
          onClick={() => {
            setAsked(true)
            if (knowsWho) find.mutate()
          }}
        >
          Sign in with your company
        </Button>
      )}
    </div>
  )
}

import { Loader } from '@mantine/core'
import { useNavigate } from '@tanstack/react-router'
import { useEffect, useState } from 'react'
import { call, pagesAreEmbedded } from '../data/call.ts'
import { takeLinkToken, useEntering } from '../data/enter.ts'
import { Entry } from '../entry/entry.tsx'
import { FaultNotice, Notice } from '../ui/notice.tsx'

/** Where a host application’s frame begins: the link is used up, and the user’s own pages follow in the same frame. */
export const Embedded = () => {
  const [token] = useState(() => takeLinkToken(location.hash))
  const navigate = useNavigate()
  const { mutate, error } = useEntering<string>(
    (given) => {
      pagesAreEmbedded()
      return call('openEmbedded', { body: { token: given } })
    },
    () => void navigate({ to: '/', replace: true }),
  )
  useEffect(() => {
    if (token !== null) mutate(token)
  }, [token, mutate])
  return (
    <Entry title="Your dashboard" lead="Shown by the application around it.">
      {token === null ? (
        <Notice tone="warning" title="This address has no link">
          Open it again from the application that shows it.
        </Notice>
      ) : error ? (
        <FaultNotice error={error} />
      ) : (
        <Loader size="sm" aria-label="Opening" />
      )}
    </Entry>
  )
}

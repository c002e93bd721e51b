import { Button } from '@mantine/core'
import { useState } from 'react'
import type { SsoConnection } from '../../src/contract/sso.ts'
import { useAct } from '../data/queries.ts'
import { CopyIcon } from '../ui/copy.tsx'
import { ConfirmDialog } from '../ui/dialog.tsx'
import { Ago, useNow } from '../ui/figures.tsx'
import { Notice } from '../ui/notice.tsx'
import { Fact } from '../ui/page.tsx'
import { tellDone } from '../ui/toast.tsx'
import classes from './sso.module.css'

/** Time to hear of the new one and to enter it. */
const nearDays = 30

/** Of what the provider signs with. Its dates keep nobody out; a provider that changes it does. */
export const CertificateNotice = ({ until }: { until: string | null }) => {
  const now = useNow()
  if (until === null) return null
  const left = Date.parse(until) - now.getTime()
  if (left > nearDays * 24 * 3600_000) return null
  return (
    <Notice
      tone="warning"
      title={
        left > 0
          ? 'The provider’s signing certificate expires soon'
          : 'The provider’s signing certificate has expired'
      }
    >
      Sign-ins go on with it all the same. Add the new one below it before the provider signs with that.
    </Notice>
  )
}

export const Expiry = ({ at }: { at: string }) => (
  <span>
    {Date.parse(at) > useNow().getTime() ? 'expires' : 'expired'} <Ago at={at} />
  </span>
)

/** Ours, by which the provider knows our requests and encrypts for us. */
export const OwnCertificate = ({ of, mayChange }: { of: SsoConnection; mayChange: boolean }) => {
  const [isAsked, setAsked] = useState(false)
  const renew = useAct('renewSsoCertificate', ['readSso'])
  if (of.ownCertificate === null || of.ownCertificateUntil === null) return null
  return (
    <>
      <Fact name="Our certificate">
        <span className={classes.value}>
          <Expiry at={of.ownCertificateUntil} />
          <CopyIcon text={of.ownCertificate} label="Copy our certificate" />
          {mayChange && (
            <Button size="compact-xs" variant="default" onClick={() => setAsked(true)}>
              Renew<span className="visually-hidden"> our certificate of {of.name}</span>
            </Button>
          )}
        </span>
      </Fact>
      <ConfirmDialog
        opened={isAsked}
        title="Make a new key pair?"
        submit="Renew it"
        busy={renew.isPending}
        error={renew.error}
        onConfirm={() =>
          renew.mutate(
            { params: { id: of.id } },
            {
              onSuccess: () => {
                setAsked(false)
                tellDone('Give the provider the new certificate, or have it read our metadata again.')
              },
            },
          )
        }
        onClose={() => setAsked(false)}
      >
        The old one is gone at once. Until the provider has the new certificate, it refuses signed requests
        and encrypts for nobody, so that people may not get in.
      </ConfirmDialog>
    </>
  )
}

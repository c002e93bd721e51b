import { Button } from '@mantine/core'
import { IconDeviceMobile, IconFingerprint, IconKey } from '@tabler/icons-react'
import { type ReactNode, useState } from 'react'
import type { Factors, Passkey } from '../../src/contract/second-factors.ts'
import { call } from '../data/call.ts'
import { useFactorChange } from '../data/factors.ts'
import { passkeysWork } from '../data/passkeys.ts'
import { useRead } from '../data/queries.ts'
import { ConfirmDialog } from '../ui/dialog.tsx'
import { Ago } from '../ui/figures.tsx'
import { counted } from '../ui/format.ts'
import { Loaded } from '../ui/notice.tsx'
import { Panel } from '../ui/page.tsx'
import { tellDone, tellFault } from '../ui/toast.tsx'
import { PasskeyDialog, RenameDialog } from './passkey-dialogs.tsx'
import { RecoveryCodes } from './recovery-codes.tsx'
import classes from './security.module.css'
import { TotpDialog } from './totp-dialog.tsx'

/** What is asked for besides password or link, how to get around it when it is lost, and how to change all that. */
export const SecondFactors = () => {
  const factors = useRead('readFactors', {})
  const [codes, setCodes] = useState<readonly string[] | null>(null)
  return (
    <Panel
      title="Second factor"
      description="Asked for at each sign-in, so that nobody gets in with your password alone. Changes sign every other session out."
    >
      <Loaded of={factors} skeleton={<div className={classes.factorSkeleton} />}>
        {(now) => (
          <div className={classes.factors}>
            <Totp factors={now} onCodes={setCodes} />
            <Passkeys factors={now} onCodes={setCodes} />
            <Recovery factors={now} onCodes={setCodes} />
          </div>
        )}
      </Loaded>
      {codes && <RecoveryCodes codes={codes} onClose={() => setCodes(null)} />}
    </Panel>
  )
}

type Part = { factors: Factors; onCodes: (codes: readonly string[]) => void }

const Factor = (props: { icon: typeof IconKey; title: string; actions?: ReactNode; children: ReactNode }) => {
  const Symbol = props.icon
  return (
    <section className={classes.factor} aria-label={props.title}>
      <Symbol size={20} stroke={1.6} aria-hidden />
      <div className={classes.factorWords}>
        <h3>{props.title}</h3>
        <div className={classes.factorText}>{props.children}</div>
      </div>
      {props.actions && <div className={classes.factorActions}>{props.actions}</div>}
    </section>
  )
}

const Totp = ({ factors, onCodes }: Part) => {
  const [isOpen, setOpen] = useState(false)
  const [removing, setRemoving] = useState(false)
  const remove = useFactorChange<void>(() => call('removeTotp', {}))
  return (
    <Factor
      icon={IconDeviceMobile}
      title="Authenticator app"
      actions={
        <>
          <Button size="compact-sm" variant="default" onClick={() => setOpen(true)}>
            {factors.totp ? 'Set up anew' : 'Set up'}
          </Button>
          {factors.totp && (
            <Button size="compact-sm" variant="default" onClick={() => setRemoving(true)}>
              Remove<span className="visually-hidden"> the authenticator app</span>
            </Button>
          )}
        </>
      }
    >
      {factors.totp ? (
        <>
          In use since <Ago at={factors.totp.since} />
        </>
      ) : (
        'An app on your phone shows a new six-digit code every 30 seconds.'
      )}
      {isOpen && (
        <TotpDialog
          onClose={() => setOpen(false)}
          onDone={(codes) => {
            setOpen(false)
            tellDone('The authenticator app is asked for from now on.')
            if (codes) onCodes(codes)
          }}
        />
      )}
      <ConfirmDialog
        opened={removing}
        title="Remove the authenticator app"
        submit="Remove"
        busy={remove.isPending}
        error={remove.error}
        onClose={() => setRemoving(false)}
        onConfirm={() =>
          remove.mutate(undefined, {
            onSuccess: () => {
              setRemoving(false)
              tellDone('The app’s codes are asked for no more.')
            },
          })
        }
      >
        {factors.passkeys.length > 0
          ? 'Its codes open nothing any more. Your passkeys stay.'
          : 'Then your password or a sign-in link is enough to get in, and your recovery codes are gone.'}
      </ConfirmDialog>
    </Factor>
  )
}

const Passkeys = ({ factors, onCodes }: Part) => {
  const [isOpen, setOpen] = useState(false)
  return (
    <Factor
      icon={IconFingerprint}
      title="Passkeys"
      actions={
        passkeysWork() && (
          <Button size="compact-sm" variant="default" onClick={() => setOpen(true)}>
            Add a passkey
          </Button>
        )
      }
    >
      {factors.passkeys.length === 0 && (
        <>
          Your fingerprint, face or a security key, without a password.
          {!passkeysWork() &&
            ' Browsers keep them for names only: open this dashboard by its name instead of an IP address.'}
        </>
      )}
      {factors.passkeys.length > 0 && (
        <ul className={classes.passkeys}>
          {factors.passkeys.map((passkey) => (
            <PasskeyRow key={passkey.id} passkey={passkey} factors={factors} />
          ))}
        </ul>
      )}
      {isOpen && (
        <PasskeyDialog
          onClose={() => setOpen(false)}
          onDone={(codes) => {
            setOpen(false)
            tellDone('The passkey is added.')
            if (codes) onCodes(codes)
          }}
        />
      )}
    </Factor>
  )
}

const PasskeyRow = ({ passkey, factors }: { passkey: Passkey; factors: Factors }) => {
  const [renaming, setRenaming] = useState(false)
  const [removing, setRemoving] = useState(false)
  const remove = useFactorChange<void>(() => call('removePasskey', { params: { id: passkey.id } }))
  const isLast = factors.passkeys.length === 1 && factors.totp === null
  return (
    <li className={classes.passkey}>
      <span className={classes.deviceWords}>
        <span>{passkey.name}</span>
        <span className={classes.quiet}>
          {passkey.lastUsedAt ? (
            <>
              last used <Ago at={passkey.lastUsedAt} />
            </>
          ) : (
            <>
              added <Ago at={passkey.createdAt} />
            </>
          )}
          {passkey.host !== location.hostname && ` · for ${passkey.host} only`}
        </span>
      </span>
      <span className={classes.factorActions}>
        <Button size="compact-sm" variant="default" onClick={() => setRenaming(true)}>
          Rename<span className="visually-hidden"> {passkey.name}</span>
        </Button>
        <Button size="compact-sm" variant="default" onClick={() => setRemoving(true)}>
          Remove<span className="visually-hidden"> {passkey.name}</span>
        </Button>
      </span>
      {renaming && <RenameDialog passkey={passkey} onClose={() => setRenaming(false)} />}
      <ConfirmDialog
        opened={removing}
        title={`Remove ${passkey.name}`}
        submit="Remove"
        busy={remove.isPending}
        error={remove.error}
        onClose={() => setRemoving(false)}
        onConfirm={() =>
          remove.mutate(undefined, {
            onSuccess: () => {
              setRemoving(false)
              tellDone('The passkey is removed.')
            },
          })
        }
      >
        {isLast
          ? 'Then your password or a sign-in link is enough to get in, and your recovery codes are gone.'
          : 'It opens nothing any more. Delete it on the device, too, or the device will go on offering it.'}
      </ConfirmDialog>
    </li>
  )
}

const Recovery = ({ factors, onCodes }: Part) => {
  const renew = useFactorChange<void>(() => call('renewRecoveryCodes', {}))
  if (factors.totp === null && factors.passkeys.length === 0) return null
  return (
    <Factor
      icon={IconKey}
      title="Recovery codes"
      actions={
        <Button
          size="compact-sm"
          variant="default"
          loading={renew.isPending}
          onClick={() =>
            renew.mutate(undefined, {
              onSuccess: ({ recoveryCodes }) => recoveryCodes && onCodes(recoveryCodes),
              onError: tellFault,
            })
          }
        >
          Make new ones
        </Button>
      }
    >
      {factors.recoveryCodesLeft === 0
        ? 'None is left: make new ones before you lose your phone or key.'
        : `${counted(factors.recoveryCodesLeft, 'code')} left, for the day when your phone or key is lost.`}
    </Factor>
  )
}

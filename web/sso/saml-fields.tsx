import { Button, Checkbox, Textarea, TextInput } from '@mantine/core'
import { useState } from 'react'
import { useAct } from '../data/queries.ts'
import { FaultNotice } from '../ui/notice.tsx'
import type { SamlDraft } from './connection-dialog.tsx'
import classes from './sso.module.css'

const header = '-----BEGIN CERTIFICATE-----'

export const SamlFields = (props: { settings: SamlDraft; onChange: (settings: SamlDraft) => void }) => {
  const { settings, onChange } = props
  const put = (change: Partial<SamlDraft>) => onChange({ ...settings, ...change })
  return (
    <>
      <FromMetadata onRead={put} />
      <TextInput
        label="Entity ID of the provider"
        value={settings.entityId}
        onChange={(event) => put({ entityId: event.currentTarget.value })}
        autoComplete="off"
        spellCheck={false}
      />
      <TextInput
        label="Sign-in URL (HTTP-Redirect)"
        type="url"
        value={settings.signInUrl}
        onChange={(event) => put({ signInUrl: event.currentTarget.value.trim() })}
        autoComplete="off"
      />
      <Textarea
        label="Signing certificates"
        description="PEM; several one below the other while they change."
        minRows={3}
        maxRows={8}
        autosize
        value={settings.certificates.join('\n')}
        onChange={(event) => put({ certificates: apart(event.currentTarget.value) })}
        spellCheck={false}
      />
      <TextInput
        label="Attribute with the e-mail address"
        description="Empty: a usual one, or the NameID."
        value={settings.emailAttribute ?? ''}
        onChange={(event) => put({ emailAttribute: event.currentTarget.value || null })}
        autoComplete="off"
      />
      <TextInput
        label="Attribute with the groups"
        value={settings.groupsAttribute ?? 'groups'}
        onChange={(event) => put({ groupsAttribute: event.currentTarget.value })}
        autoComplete="off"
      />
      <Checkbox
        label="Sign-ins may begin at the provider"
        description="From its portal; the person then confirms here that the account is theirs."
        checked={settings.allowUnsolicited ?? false}
        onChange={(event) => put({ allowUnsolicited: event.currentTarget.checked })}
      />
    </>
  )
}

/** As they are typed: what follows one header belongs to one certificate. */
const apart = (text: string): string[] => {
  if (text.trim() === '') return []
  if (!text.includes(header)) return [text]
  return text
    .split(header)
    .slice(1)
    .map((rest) => `${header}${rest.replace(/\n$/, '')}`)
}

const FromMetadata = (props: {
  onRead: (read: Pick<SamlDraft, 'entityId' | 'signInUrl' | 'certificates'>) => void
}) => {
  const [source, setSource] = useState('')
  const check = useAct('checkSsoMetadata')
  const text = source.trim()
  return (
    <div className={classes.form}>
      <Textarea
        label="Metadata of the provider"
        description="Its address or its XML; fills in the three fields below."
        minRows={1}
        maxRows={5}
        autosize
        value={source}
        onChange={(event) => setSource(event.currentTarget.value)}
        spellCheck={false}
      />
      {check.error && <FaultNotice error={check.error} />}
      <div>
        <Button
          size="compact-sm"
          variant="default"
          loading={check.isPending}
          disabled={text === ''}
          onClick={() =>
            check.mutate(
              { body: /^https?:/.test(text) ? { url: text } : { xml: text } },
              {
                onSuccess: ({ entityId, signInUrl, certificates }) =>
                  props.onRead({ entityId, signInUrl, certificates }),
              },
            )
          }
        >
          Read it
        </Button>
      </div>
    </div>
  )
}

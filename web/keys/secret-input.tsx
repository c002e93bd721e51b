import { Button, FileButton, PasswordInput, Textarea } from '@mantine/core'
import { IconFileCode, IconUpload } from '@tabler/icons-react'
import { type DragEvent, useState } from 'react'
import type { Service } from '../../src/contract/service-keys.ts'
import classes from './keys.module.css'
import { readDocument } from './settings.ts'

interface SecretInputProps {
  /** Undefined: not chosen yet. */
  readonly service: Service | undefined
  readonly label: string
  readonly description: string
  readonly value: string
  readonly onChange: (secret: string) => void
}

/** A word is typed or pasted; a JSON document is pasted, dropped or chosen as a file. */
export const SecretInput = (props: SecretInputProps) =>
  props.service?.secretKind === 'json' ? (
    <DocumentInput {...props} />
  ) : (
    <PasswordInput
      label={props.label}
      description={props.description}
      placeholder={props.service ? '' : 'sk-…'}
      autoComplete="off"
      spellCheck={false}
      data-autofocus
      value={props.value}
      onChange={(event) => props.onChange(event.currentTarget.value)}
      visibilityToggleButtonProps={{ 'aria-label': 'Show the key' }}
    />
  )

/** More than any service's document: the gateway refuses it with a reason. */
const mostBytes = 64 * 1024

const DocumentInput = (props: SecretInputProps) => {
  const [over, setOver] = useState(false)
  const [problem, setProblem] = useState<string | null>(null)
  const facts = readDocument(props.value)
  const take = (text: string) => {
    setProblem(null)
    props.onChange(text)
  }
  const takeFile = async (file: File | null | undefined) => {
    if (!file) return
    if (file.size > mostBytes) setProblem('This file is too large for a key.')
    else take(await file.text())
  }
  const drop = (event: DragEvent) => {
    event.preventDefault()
    setOver(false)
    void takeFile(event.dataTransfer.files[0])
  }
  // Once read it is shown no more: a private key does not belong on a screen.
  if (facts) return <DocumentShown {...props} account={facts.account} keyId={facts.keyId} />
  return (
    <div
      className={classes.document}
      data-over={over || undefined}
      onDragOver={(event) => {
        event.preventDefault()
        setOver(true)
      }}
      onDragLeave={() => setOver(false)}
      onDrop={drop}
    >
      <Textarea
        label={props.label}
        description="Paste the whole JSON document, or drop its file here."
        placeholder={props.service?.keyHint ?? ''}
        error={problem ?? (props.value.trim() === '' ? null : 'This is not a whole JSON document.')}
        rows={3}
        autoComplete="off"
        spellCheck={false}
        data-autofocus
        classNames={{ input: classes.code ?? '' }}
        value={props.value}
        onChange={(event) => take(event.currentTarget.value)}
      />
      <FileButton accept="application/json,.json" onChange={(file) => void takeFile(file)}>
        {(button) => (
          <Button
            {...button}
            className={classes.file}
            variant="default"
            size="compact-sm"
            leftSection={<IconUpload size={14} />}
          >
            Choose file
          </Button>
        )}
      </FileButton>
    </div>
  )
}

const DocumentShown = (props: SecretInputProps & { account: string | null; keyId: string | null }) => (
  <div>
    <p className={classes.fieldLabel}>{props.label}</p>
    <div className={classes.documentShown}>
      <IconFileCode size={18} aria-hidden />
      <div className={classes.documentWords}>
        <span>{props.account ?? 'JSON document'}</span>
        {props.keyId && (
          <span className={classes.when}>
            key id ends in <code>{props.keyId.slice(-4)}</code>
          </span>
        )}
      </div>
      <Button variant="default" size="compact-sm" onClick={() => props.onChange('')}>
        Other document
      </Button>
    </div>
  </div>
)

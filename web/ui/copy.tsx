import { ActionIcon, Button } from '@mantine/core'
import { IconCheck, IconCopy } from '@tabler/icons-react'
import { useEffect, useState } from 'react'
import classes from './copy.module.css'

const useCopied = (): [boolean, (text: string) => void] => {
  const [copied, setCopied] = useState(false)
  useEffect(() => {
    if (!copied) return undefined
    const timer = setTimeout(() => setCopied(false), 1600)
    return () => clearTimeout(timer)
  }, [copied])
  return [
    copied,
    (text) =>
      void navigator.clipboard.writeText(text).then(
        () => setCopied(true),
        () => undefined,
      ),
  ]
}

export const CopyIcon = (props: { text: string; label: string }) => {
  const [copied, copy] = useCopied()
  return (
    <>
      <ActionIcon
        variant="subtle"
        color="gray"
        size="sm"
        aria-label={props.label}
        onClick={() => copy(props.text)}
      >
        {copied ? <IconCheck size={14} /> : <IconCopy size={14} />}
      </ActionIcon>
      <output className="visually-hidden">{copied ? 'Copied' : ''}</output>
    </>
  )
}

/** An id, whole and copyable. */
export const CopyableId = (props: { id: string; label: string }) => (
  <span className={classes.id}>
    <code>{props.id}</code>
    <CopyIcon text={props.id} label={props.label} />
  </span>
)

/** A secret or link that is shown this once. */
export const CopyField = (props: { text: string; label: string }) => {
  const [copied, copy] = useCopied()
  return (
    <div className={classes.field}>
      <code className={classes.secret}>{props.text}</code>
      <Button
        size="compact-sm"
        variant="default"
        leftSection={copied ? <IconCheck size={14} /> : <IconCopy size={14} />}
        onClick={() => copy(props.text)}
      >
        <span aria-live="polite">
          {copied ? 'Copied' : 'Copy'} <span className="visually-hidden">{props.label}</span>
        </span>
      </Button>
    </div>
  )
}

export const CodeBlock = (props: { code: string; label: string }) => (
  <div className={classes.code}>
    {/* Long lines scroll inside; focusable so that the keyboard can scroll them too. */}
    {/* oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex */}
    <section className={classes.codeScroll} tabIndex={0} aria-label={props.label}>
      <pre>{props.code}</pre>
    </section>
    <div className={classes.codeCopy}>
      <CopyIcon text={props.code} label={`Copy ${props.label}`} />
    </div>
  </div>
)

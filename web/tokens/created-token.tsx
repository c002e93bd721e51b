import { Button, Modal, Tabs } from '@mantine/core'
import type { ReactNode } from 'react'
import { CodeBlock, CopyField } from '../ui/copy.tsx'
import { Notice } from '../ui/notice.tsx'
import type { Example } from './examples.ts'
import classes from './tokens.module.css'

/** The only time a token is seen: to copy, and to try at once. It cannot be closed by a stray click. */
export const CreatedToken = (props: {
  token: string | null
  /** What did not go as wished. */
  warning?: string | undefined
  examples: (base: string, token: string) => readonly Example[]
  /** What becomes of trying them. */
  watch?: ReactNode
  onClose: () => void
}) => (
  <Modal
    opened={props.token !== null}
    onClose={props.onClose}
    title="Your new token"
    size={620}
    closeOnClickOutside={false}
  >
    {props.token !== null && (
      <div className={classes.created}>
        <Notice tone="warning" title="Copy it now">
          Only its fingerprint is stored; it cannot be shown again.
        </Notice>
        {props.warning && <Notice tone="warning">{props.warning}</Notice>}
        <CopyField text={props.token} label="New token" />
        <Examples examples={props.examples(location.origin, props.token)} />
        {props.watch}
        <div className={classes.done}>
          <Button onClick={props.onClose}>I have copied it</Button>
        </div>
      </div>
    )}
  </Modal>
)

export const Examples = (props: { examples: readonly Example[] }) => (
  <Tabs defaultValue={props.examples[0]?.value ?? ''} keepMounted={false}>
    <Tabs.List>
      {props.examples.map((example) => (
        <Tabs.Tab key={example.value} value={example.value}>
          {example.label}
        </Tabs.Tab>
      ))}
    </Tabs.List>
    {props.examples.map((example) => (
      <Tabs.Panel key={example.value} value={example.value} pt="sm">
        <CodeBlock code={example.code} label={`${example.label} example`} />
      </Tabs.Panel>
    ))}
  </Tabs>
)

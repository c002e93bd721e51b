import { Button, Modal } from '@mantine/core'
import { CodeBlock } from '../ui/copy.tsx'
import { Notice } from '../ui/notice.tsx'
import classes from './security.module.css'

/** Shown once: they are stored as hashes only. */
export const RecoveryCodes = (props: { codes: readonly string[]; onClose: () => void }) => {
  const text = props.codes.join('\n')
  return (
    <Modal opened onClose={props.onClose} title="Your recovery codes" closeOnClickOutside={false} size={460}>
      <div className={classes.form}>
        <p>Each stands in for your second factor once, for the day when your phone or key is lost.</p>
        <Notice tone="warning" title="Keep them now: they are not shown again">
          In a password manager, or printed in a drawer. Codes that you had before work no more.
        </Notice>
        <CodeBlock code={text} label="recovery codes" />
        <div className={classes.buttons}>
          <Button
            component="a"
            variant="default"
            href={`data:text/plain;charset=utf-8,${encodeURIComponent(`Recovery codes for Aideon Keys\n\n${text}\n`)}`}
            download="aideon-keys-recovery-codes.txt"
          >
            Download
          </Button>
          <Button onClick={props.onClose}>I have kept them</Button>
        </div>
      </div>
    </Modal>
  )
}

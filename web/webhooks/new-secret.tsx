import { Button, Modal } from '@mantine/core'
import { CopyField } from '../ui/copy.tsx'
import { Notice } from '../ui/notice.tsx'
import classes from './webhooks.module.css'

/** The only time it is seen. It cannot be closed by a stray click. */
export const NewSecret = (props: { secret: string | null; onClose: () => void }) => (
  <Modal
    opened={props.secret !== null}
    onClose={props.onClose}
    title="The endpoint’s secret"
    size={560}
    closeOnClickOutside={false}
  >
    {props.secret !== null && (
      <div className={classes.made}>
        <Notice tone="warning" title="Copy it now">
          It cannot be shown again. Your server checks with it that a message is ours: any library of Standard
          Webhooks does.
        </Notice>
        <CopyField text={props.secret} label="Webhook secret" />
        <div className={classes.done}>
          <Button onClick={props.onClose}>I have copied it</Button>
        </div>
      </div>
    )}
  </Modal>
)

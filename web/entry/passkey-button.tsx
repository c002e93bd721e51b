import { Button } from '@mantine/core'
import { IconFingerprint } from '@tabler/icons-react'
import { useEntering } from '../data/enter.ts'
import { signInWithPasskey } from '../data/passkeys.ts'
import { FaultNotice } from '../ui/notice.tsx'
import classes from './entry.module.css'

export const PasskeyButton = (props: { onEntered: () => void; primary?: boolean }) => {
  const passkey = useEntering<void>(signInWithPasskey, props.onEntered)
  return (
    <div className={classes.form}>
      {passkey.error && <FaultNotice error={passkey.error} />}
      <Button
        variant={props.primary ? 'filled' : 'default'}
        fullWidth
        leftSection={<IconFingerprint size={17} stroke={1.8} aria-hidden />}
        loading={passkey.isPending}
        onClick={() => passkey.mutate()}
      >
        {props.primary ? 'Use a passkey' : 'Sign in with a passkey'}
      </Button>
    </div>
  )
}

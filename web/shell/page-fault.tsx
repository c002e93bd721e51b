import { type ErrorComponentProps, useRouter } from '@tanstack/react-router'
import { FaultNotice } from '../ui/notice.tsx'
import classes from './page-fault.module.css'

/** A page that could not be shown at all. */
export const PageFault = (props: ErrorComponentProps) => {
  const router = useRouter()
  return (
    <div className={classes.fault}>
      <h1 className="visually-hidden">Fault</h1>
      <FaultNotice error={props.error} onRetry={() => void router.invalidate()} />
    </div>
  )
}

import { Button, Modal } from '@mantine/core'
import type { KeyRotation } from '../../../src/contract/rotation.ts'
import { useAct } from '../../data/queries.ts'
import { FaultNotice, Notice } from '../../ui/notice.tsx'
import { Findings } from '../findings.tsx'
import classes from '../rotation.module.css'

/** Says what a rotation would do now. Reads at the service, changes nothing. */
export const DrillDialog = (props: { of: KeyRotation; onClose: () => void }) => {
  const { of } = props
  const drill = useAct('drillRotation')
  const found = drill.data
  return (
    <Modal opened onClose={props.onClose} title={`Drill of “${of.key.label}”`} size={520}>
      <div className={classes.column}>
        <p>
          Looks at the service whether a rotation would succeed now, and says what it would do. Nothing is
          changed.
        </p>
        {drill.error && <FaultNotice error={drill.error} />}
        {found && (
          <>
            <Notice
              tone={found.ok ? 'info' : 'bad'}
              live
              title={found.ok ? 'A rotation would succeed' : 'A rotation would not succeed now'}
            />
            <Findings of={found.findings} />
            <section aria-label="What it would do">
              <h3 className={classes.heading}>What it would do</h3>
              <ol className={classes.guide}>
                {found.steps.map((step) => (
                  <li key={step}>{step}</li>
                ))}
              </ol>
            </section>
          </>
        )}
        <div className={classes.dialogButtons}>
          <Button variant="default" onClick={props.onClose}>
            Close
          </Button>
          <Button
            data-autofocus
            loading={drill.isPending}
            onClick={() => drill.mutate({ params: { organization: of.key.organizationId, id: of.key.id } })}
          >
            {found ? 'Drill again' : 'Start the drill'}
          </Button>
        </div>
      </div>
    </Modal>
  )
}

import { useRead } from '../../data/queries.ts'
import { EmptyState, FaultNotice } from '../../ui/notice.tsx'
import { Panel } from '../../ui/page.tsx'
import { RotationsTable } from '../rotations-table.tsx'

const most = 200

/** Rotations that are over; what each of them changed stands in the audit trail as well. */
export const History = (props: { openKey: string | undefined; onOpen: (id: string) => void }) => {
  const over = useRead('listRotations', { query: { state: 'over', limit: most } })
  return (
    <Panel flush title="Rotations that are over" description={`The last ${most}, newest first.`}>
      {over.error && !over.data ? (
        <FaultNotice error={over.error} onRetry={() => void over.refetch()} />
      ) : over.data?.items.length === 0 ? (
        <EmptyState title="No rotation yet">
          What was rotated, rolled back or abandoned stands here.
        </EmptyState>
      ) : (
        <RotationsTable
          label="Rotations that are over"
          rotations={over.data?.items}
          openKey={props.openKey}
          onOpen={(rotation) => props.onOpen(rotation.id)}
        />
      )}
    </Panel>
  )
}

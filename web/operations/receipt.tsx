import { Drawer } from '@mantine/core'
import type { Receipt } from '../../src/contract/operations.ts'
import { useRead } from '../data/queries.ts'
import { ServiceName } from '../data/service-name.tsx'
import { CopyableId } from '../ui/copy.tsx'
import { Credits } from '../ui/figures.tsx'
import { duration, exactCredits, exactUsd, fullMoment } from '../ui/format.ts'
import { endpointName } from '../data/words.ts'
import { OperationMark, OwnerMark } from '../ui/mark.tsx'
import { Lines, Loaded } from '../ui/notice.tsx'
import { Fact, Facts } from '../ui/page.tsx'
import { Attempts } from './attempts.tsx'
import { CostFormula } from './cost-formula.tsx'
import { DecisionTrace } from './decision-trace.tsx'
import { ExplainAgain } from './explain-again.tsx'
import { Tokens } from './tokens.tsx'
import classes from './operations.module.css'
import { describeReason } from './reasons.ts'

/** The whole receipt of one operation; its address can be sent to others who may see it. */
export const ReceiptDrawer = (props: {
  id: string | undefined
  /** Given by administrators, who may read every organisation's receipts. */
  organizationId?: string | undefined
  onClose: () => void
}) => (
  <Drawer opened={props.id !== undefined} onClose={props.onClose} title="Receipt" size={560}>
    {props.id !== undefined && <ReceiptOf id={props.id} organizationId={props.organizationId} />}
  </Drawer>
)

const ReceiptOf = ({ id, organizationId }: { id: string; organizationId: string | undefined }) => {
  const own = useRead('readOperation', { params: { id } }, { enabled: organizationId === undefined })
  const anybodys = useRead(
    'readAnyOperation',
    { params: { id, organization: organizationId ?? '' } },
    { enabled: organizationId !== undefined },
  )
  const receipt = organizationId === undefined ? own : anybodys
  return (
    <Loaded of={receipt} skeleton={<Lines count={14} />}>
      {(data) => <ReceiptBody receipt={data} mayExplain={organizationId === undefined} />}
    </Loaded>
  )
}

const ReceiptBody = ({ receipt, mayExplain }: { receipt: Receipt; mayExplain: boolean }) => (
  <div className={classes.receipt}>
    <div className={classes.lead}>
      <OperationMark status={receipt.status} />
      <p className={classes.decision}>{describeReason(receipt.reason)}</p>
      {mayExplain && <ExplainAgain receipt={receipt} />}
    </div>
    <section>
      <Facts>
        <Fact name="Operation">
          <CopyableId id={receipt.id} label="Copy the operation’s id" />
        </Fact>
        <Fact name="Started">{fullMoment(receipt.startedAt)}</Fact>
        <Fact name="Model">
          {receipt.model ?? '—'}
          {receipt.requestedModel &&
            receipt.requestedModel !== receipt.model &&
            ` (asked for ${receipt.requestedModel})`}
        </Fact>
        <Fact name="Service">{receipt.serviceId ? <ServiceName id={receipt.serviceId} /> : '—'}</Fact>
        <Fact name="Ran on">
          <OwnerMark owner={receipt.keyOwner} priority={receipt.keyPriority} />
        </Fact>
        {receipt.serviceKeyId && (
          <Fact name="Service key">
            <CopyableId id={receipt.serviceKeyId} label="Copy the service key’s id" />
          </Fact>
        )}
        <Fact name="Access token">
          <CopyableId id={receipt.accessTokenId} label="Copy the access token’s id" />
        </Fact>
        <Fact name="Endpoint">
          {endpointName(receipt.endpoint)}
          {receipt.streamed && ', streamed'}
        </Fact>
        <Fact name="Reply">
          {receipt.httpStatus}
          {receipt.faultCode && (
            <>
              {' '}
              <code>{receipt.faultCode}</code>
            </>
          )}
        </Fact>
        <Fact name="Time">
          {duration(receipt.durationMs)}
          {receipt.firstByteMs !== null && `, first byte after ${duration(receipt.firstByteMs)}`}
        </Fact>
      </Facts>
    </section>
    <DecisionTrace receipt={receipt} />
    <Attempts attempts={receipt.attempts} totalMs={receipt.durationMs} />
    <Tokens receipt={receipt} />
    <CostFormula receipt={receipt} />
    <Money receipt={receipt} />
  </div>
)

const costOf = (receipt: Receipt): string => {
  if (receipt.costNanoUsd !== null) return exactUsd(receipt.costNanoUsd)
  return receipt.usageSource === 'none' ? 'none' : 'no price is known'
}

const Money = ({ receipt }: { receipt: Receipt }) => (
  <section>
    <h3 className={classes.receiptTitle}>Cost and credits</h3>
    <table className={classes.amounts}>
      <tbody>
        <tr>
          <th scope="row">
            Cost at the service
            {receipt.priceBookVersion !== null && `, price book ${receipt.priceBookVersion}`}
          </th>
          <td>{costOf(receipt)}</td>
        </tr>
        {receipt.heldMicros !== '0' && (
          <tr>
            <th scope="row">Credits held before it started</th>
            <td>{exactCredits(receipt.heldMicros)}</td>
          </tr>
        )}
      </tbody>
      <tfoot>
        <tr>
          <th scope="row">Credits charged</th>
          <td>
            {receipt.creditMicros === '0' && receipt.keyOwner !== 'system' && receipt.keyOwner !== null
              ? '0 (own keys cost none)'
              : exactCredits(receipt.creditMicros)}
          </td>
        </tr>
      </tfoot>
    </table>
    {receipt.ledgerEntries.length > 0 && <LedgerLines receipt={receipt} />}
  </section>
)

/** The ledger's own lines, which add up to the charge and to zero. */
const LedgerLines = ({ receipt }: { receipt: Receipt }) => (
  <details>
    <summary>Ledger entries ({receipt.ledgerEntries.length})</summary>
    <table className={classes.amounts}>
      <tbody>
        {receipt.ledgerEntries.map((entry) => (
          <tr key={`${entry.number}:${entry.line}`}>
            <th scope="row">
              {entry.kind}, {entry.bucket}
            </th>
            <td>
              <Credits micros={entry.amountMicros} signed />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  </details>
)

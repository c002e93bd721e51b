import { Drawer } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import type { StatementLine } from '../../src/contract/statements.ts'
import { Credits } from '../ui/figures.tsx'
import { exactCredits, fullMoment } from '../ui/format.ts'
import { Fact, Facts } from '../ui/page.tsx'
import { TextLink } from '../ui/text-link.tsx'
import { categoryName } from './statement-words.ts'

/** A line that no operation made; those of operations open the receipt. */
export const StatementDrawer = (props: { line: StatementLine | undefined; onClose: () => void }) => (
  <Drawer opened={props.line !== undefined} onClose={props.onClose} title="Statement line" size={480}>
    {props.line && <LineFacts line={props.line} />}
  </Drawer>
)

const grantKinds = { allocation: 'Allocation', purchase: 'Purchase', adjustment: 'Given' } as const

const LineFacts = ({ line }: { line: StatementLine }) => (
  <Facts>
    <Fact name="What">{categoryName(line)}</Fact>
    {line.reason && <Fact name="Reason">{line.reason}</Fact>}
    <Fact name="When">{fullMoment(line.at)}</Fact>
    <Fact name="Line">{line.number}</Fact>
    <Fact name="Change">
      <Credits micros={line.changeMicros} signed /> credits
    </Fact>
    <Fact name="Balance after it">{exactCredits(line.balanceMicros)} credits</Fact>
    {line.debtMicros !== '0' && <Fact name="Of it, owed">{exactCredits(line.debtMicros)} credits</Fact>}
    {line.heldMicros !== '0' && <Fact name="Of it, held">{exactCredits(line.heldMicros)} credits</Fact>}
    {line.grants.map((grant) => (
      <Fact key={grant.id} name={grantKinds[grant.kind]}>
        <Credits micros={grant.changeMicros} signed /> credits
        {grant.reason && `, ${grant.reason}`}
        {grant.expiresAt ? `, expires ${fullMoment(grant.expiresAt)}` : ', does not expire'}
      </Fact>
    ))}
    {line.invoice && (
      <Fact name={line.invoice.kind === 'invoice' ? 'Invoice' : 'Credit note'}>
        <TextLink>
          <Link to="/invoices" search={{ invoice: line.invoice.id }}>
            {line.invoice.number ?? 'Draft'}
          </Link>
        </TextLink>
      </Fact>
    )}
  </Facts>
)

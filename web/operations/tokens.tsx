import type { Receipt } from '../../src/contract/operations.ts'
import { unitName } from '../data/unit-words.ts'
import { count } from '../ui/format.ts'
import classes from './operations.module.css'

const tokenClasses = ['input', 'cacheRead', 'cacheWrite', 'cacheWrite1h', 'output', 'reasoning'] as const

const sources = {
  reported: 'as the service reported',
  estimated: 'estimated, because the service reported none',
  none: 'none were used',
} as const

/** Everything that was used: text tokens by class, which add up, and whatever else is counted. */
export const Tokens = ({ receipt }: { receipt: Receipt }) => {
  const used = tokenClasses.filter((each) => receipt.tokens[each] > 0)
  const units = Object.entries(receipt.units ?? {}).filter(([, quantity]) => quantity > 0)
  if (used.length === 0 && units.length === 0) return null
  return (
    <section>
      <h3 className={classes.receiptTitle}>
        {used.length > 0 ? 'Tokens' : 'Used'}, {sources[receipt.usageSource]}
      </h3>
      <table className={classes.amounts}>
        <tbody>
          {used.map((each) => (
            <Amount key={each} name={unitName(each)} quantity={receipt.tokens[each]} />
          ))}
          {units.map(([unit, quantity]) => (
            <Amount key={unit} name={unitName(unit)} quantity={quantity} />
          ))}
        </tbody>
        {used.length > 1 && (
          <tfoot>
            <tr>
              <th scope="row">Text tokens together</th>
              <td>{count(used.reduce((sum, each) => sum + receipt.tokens[each], 0))}</td>
            </tr>
          </tfoot>
        )}
      </table>
    </section>
  )
}

const Amount = (props: { name: string; quantity: number }) => (
  <tr>
    <th scope="row">{props.name}</th>
    <td>{count(props.quantity)}</td>
  </tr>
)

import type { Receipt } from '../../src/contract/operations.ts'
import { perWords, unitName } from '../data/unit-words.ts'
import { count, exactUsd } from '../ui/format.ts'
import classes from './operations.module.css'

/** How the cost was made, line by line; the lines add up to what the service charges. */
export const CostFormula = ({ receipt }: { receipt: Receipt }) => {
  if (receipt.costLines.length === 0 || receipt.costNanoUsd === null) return null
  return (
    <section>
      <h3 className={classes.receiptTitle}>
        How the cost was made
        {receipt.priceBookVersion !== null && `, by price book ${receipt.priceBookVersion}`}
      </h3>
      <table className={classes.amounts} aria-label="Cost formula">
        <tbody>
          {receipt.costLines.map((line) => (
            <tr key={line.what}>
              <th scope="row">
                {unitName(line.what)}
                <span className={classes.formula}>
                  {count(line.quantity)} × {exactUsd(line.nanoUsd)} {perWords(line.per)}
                </span>
              </th>
              <td>{exactUsd(line.costNanoUsd)}</td>
            </tr>
          ))}
        </tbody>
        <tfoot>
          <tr>
            <th scope="row">Cost at the service</th>
            <td>{exactUsd(receipt.costNanoUsd)}</td>
          </tr>
        </tfoot>
      </table>
    </section>
  )
}

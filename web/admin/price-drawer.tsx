import { Drawer } from '@mantine/core'
import type { ModelPrice, OwnPrice, PriceLine } from '../../src/contract/prices.ts'
import { useRead } from '../data/queries.ts'
import { unitName } from '../data/unit-words.ts'
import { count, counted } from '../ui/format.ts'
import { Mark } from '../ui/mark.tsx'
import { Notice } from '../ui/notice.tsx'
import { RemovePrice } from './own-prices.tsx'
import { PriceForm } from './price-form.tsx'
import { priceText } from './price-words.ts'
import classes from './prices.module.css'

/** All prices of one model, whose each is, and a form for own ones. An empty model: a price for any. */
export const PriceDrawer = (props: {
  service: string
  name: string
  model: string | undefined
  price: ModelPrice | undefined
  onClose: () => void
}) => (
  <Drawer
    opened={props.model !== undefined}
    onClose={props.onClose}
    title={props.model === '' ? `Set a price at ${props.name}` : props.model}
    size={480}
  >
    {props.model !== undefined && (
      <div className={classes.detail}>
        {props.price && <Lines service={props.service} price={props.price} />}
        <PriceForm key={props.model} service={props.service} model={props.model} price={props.price} />
      </div>
    )}
  </Drawer>
)

const Lines = ({ service, price }: { service: string; price: ModelPrice }) => {
  const prices = useRead('listPrices', {})
  const ownOf = (line: PriceLine): OwnPrice | undefined =>
    prices.data?.items.find(
      (each) => each.serviceId === service && each.unit === line.unit && each.model === line.setFor,
    )
  if (price.lines.length === 0)
    return (
      <Notice tone="warning" title="No price is known">
        It runs on own keys; calls on system keys are refused until a price is set.
      </Notice>
    )
  return (
    <section aria-label="Prices in force">
      <ul className={classes.lines}>
        {price.lines.map((line) => (
          <Line key={`${line.unit} ${line.fromInputTokens}`} line={line} own={ownOf(line)} />
        ))}
      </ul>
      {price.periods > 0 && (
        <p className={classes.quiet}>
          {counted(price.periods, 'further price list')} hold at certain hours or from a day on.
        </p>
      )}
      {price.contextTokens !== null && (
        <p className={classes.quiet}>Takes up to {count(price.contextTokens)} tokens.</p>
      )}
    </section>
  )
}

const Line = ({ line, own }: { line: PriceLine; own: OwnPrice | undefined }) => (
  <li className={classes.line}>
    <span className={classes.lineWords}>
      {unitName(line.unit)}
      {line.fromInputTokens > 0 && ` from ${count(line.fromInputTokens)} input tokens on`}
      <br />
      <strong className="figure">{priceText(line)}</strong>
      {own && (
        <>
          <br />
          <span className={classes.quiet}>{own.reason}</span>
        </>
      )}
    </span>
    <span className={classes.lineEnd}>
      {line.setFor === null ? (
        <span className={classes.quiet}>Shipped</span>
      ) : (
        <Mark tone="shared" plain>
          {line.setFor.includes('*') ? `Own, for ${line.setFor}` : 'Own'}
        </Mark>
      )}
      {own && <RemovePrice price={own} />}
    </span>
  </li>
)

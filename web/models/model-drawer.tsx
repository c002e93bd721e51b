import { Button, Drawer } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import type { BrowsedModel, ListedPrice } from '../../src/contract/models.ts'
import { may } from '../../src/contract/permissions.ts'
import { useRead } from '../data/queries.ts'
import { useMe } from '../data/session.ts'
import { perWords, unitName } from '../data/unit-words.ts'
import { endpointName, taskName } from '../data/words.ts'
import { AskDialog } from '../requests/ask-dialog.tsx'
import { wishesForModel } from '../requests/request-words.ts'
import { explainable } from '../simulator/supposition.ts'
import { CopyableId } from '../ui/copy.tsx'
import { Credits } from '../ui/figures.tsx'
import { count } from '../ui/format.ts'
import { ServedMark } from '../ui/mark.tsx'
import { EmptyState, Lines, Loaded, Notice } from '../ui/notice.tsx'
import { Fact, Facts } from '../ui/page.tsx'
import { TextLink } from '../ui/text-link.tsx'
import { priceText } from './model-prices.ts'
import classes from './models.module.css'

/** All that is known of a model; its address can be sent, whether or not the list shows it. */
export const ModelDrawer = (props: {
  name: string | undefined
  listed: BrowsedModel | undefined
  onClose: () => void
}) => (
  <Drawer opened={props.name !== undefined} onClose={props.onClose} title="Model" size={480}>
    {props.listed ? (
      <ModelBody model={props.listed} />
    ) : (
      props.name !== undefined && <Found name={props.name} />
    )}
  </Drawer>
)

const Found = ({ name }: { name: string }) => {
  const found = useRead('browseModels', { query: { search: name, limit: 100 } })
  return (
    <Loaded of={found} skeleton={<Lines count={10} />}>
      {({ items }) => {
        const model = items.find((each) => each.model === name)
        return model ? (
          <ModelBody model={model} />
        ) : (
          <EmptyState title="This model is not known here">
            It can still be asked for as service/model on a key of your own.
          </EmptyState>
        )
      }}
    </Loaded>
  )
}

/** What the lists of the policy leave out can be asked for. */
const WhyNot = ({ model, why }: { model: BrowsedModel; why: string }) => {
  const { organization, role } = useMe()
  const [asking, setAsking] = useState(false)
  const { serviceId, serviceModel } = model
  const mayAsk = may(role, 'own.use') && !may(role, 'policy.change')
  const wishes =
    mayAsk && serviceId !== null && serviceModel !== null
      ? wishesForModel(organization, serviceId, serviceModel)
      : []
  return (
    <>
      <Notice
        tone="info"
        title="Not available to you now"
        action={
          wishes.length > 0 && (
            <Button size="compact-sm" variant="default" onClick={() => setAsking(true)}>
              Ask for it
            </Button>
          )
        }
      >
        {why}
      </Notice>
      <AskDialog
        locked={
          asking && serviceId !== null
            ? { serviceId, model: serviceModel, name: model.model, why, wishes }
            : null
        }
        onClose={() => setAsking(false)}
      />
    </>
  )
}

const ModelBody = ({ model }: { model: BrowsedModel }) => (
  <div className={classes.drawer}>
    <div className={classes.lead}>
      <CopyableId id={model.model} label="Copy the model’s name" />
      {model.description && <p className={classes.quietText}>{model.description}</p>}
      <ServedMark by={model.servedBy} />
    </div>
    {model.why && <WhyNot model={model} why={model.why} />}
    <Facts>
      <Fact name={model.kind === 'group' ? 'Group' : 'Task'}>
        {model.kind === 'group'
          ? `${model.label}, ${taskName(model.task).toLowerCase()}`
          : taskName(model.task)}
      </Fact>
      <Fact name={model.servedBy === 'not_available' ? 'Offered by' : 'Goes first to'}>
        {model.serviceName ?? '—'}
        {model.serviceModel && (
          <>
            {' '}
            as <code>{model.serviceModel}</code>
          </>
        )}
      </Fact>
      <Fact name="Endpoint">
        {endpointName(model.endpoint)}
        {model.translated && ', translated for the service'}
      </Fact>
      <Fact name="Context">
        {model.contextTokens === null ? 'not known' : `${count(model.contextTokens)} tokens`}
      </Fact>
      <Fact name="Typical call">
        {model.creditMicros === null ? (
          '—'
        ) : model.servedBy === 'credits' ? (
          <Credits micros={model.creditMicros} unit />
        ) : (
          'no credits'
        )}
      </Fact>
    </Facts>
    <Prices prices={model.prices} serviceName={model.serviceName} />
    <p className={classes.links}>
      <TextLink>
        <Link to="/simulator" search={{ model: model.model, endpoint: explainable(model.endpoint) }}>
          What would a call run on?
        </Link>
      </TextLink>
      <TextLink>
        <Link to="/operations" search={{ model: model.model }}>
          Operations
        </Link>
      </TextLink>
    </p>
  </div>
)

const Prices = (props: { prices: readonly ListedPrice[]; serviceName: string | null }) => (
  <section>
    <h3 className={classes.title}>What {props.serviceName ?? 'the service'} charges</h3>
    {props.prices.length === 0 ? (
      <p className={classes.quietText}>No price is known, so it cannot run on credits.</p>
    ) : (
      <table className={classes.prices}>
        <tbody>
          {props.prices.map((price) => (
            <tr key={`${price.what} ${price.fromInputTokens}`}>
              <th scope="row">
                {unitName(price.what)}
                {price.fromInputTokens > 0 && ` from ${count(price.fromInputTokens)} tokens of input on`}
              </th>
              <td>
                {priceText(price)} {perWords(price.per)}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    )}
  </section>
)

import { Button, Textarea } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import { type ReactNode, useState } from 'react'
import { may } from '../../src/contract/permissions.ts'
import type { AccessRequest, ReceivedRequest } from '../../src/contract/requests.ts'
import { useAct, usePages } from '../data/queries.ts'
import { useMe } from '../data/session.ts'
import { useServiceNames } from '../policy/policy-form.tsx'
import { FormDialog } from '../ui/dialog.tsx'
import { Ago } from '../ui/figures.tsx'
import { Block, EmptyState, FaultNotice } from '../ui/notice.tsx'
import { Page, Panel } from '../ui/page.tsx'
import { tellDone } from '../ui/toast.tsx'
import { Approve } from './approve-dialog.tsx'
import { ApproveWithKey } from './approve-with-key.tsx'
import { StateMark } from './request-state.tsx'
import { whatOf } from './request-words.ts'
import classes from './requests.module.css'

/** What one has asked for; and, for those who run the organisation, what members ask of them. */
export const Requests = () => {
  const { role, organization } = useMe()
  const decides = may(role, 'requests.decide')
  return (
    <Page
      title="Requests"
      description={
        decides
          ? `What members of ${organization.name} ask for. An approval holds from the next operation on.`
          : `What those who run ${organization.name} are asked for.`
      }
    >
      {decides && <ToDecide />}
      {may(role, 'own.use') && <Mine decides={decides} />}
      {decides && <Answered />}
      {!decides && !may(role, 'own.use') && (
        <Panel>
          <EmptyState title="Your role asks for nothing">
            Members ask, and owners and administrators answer. What was asked and answered stands in the audit
            trail.
          </EmptyState>
        </Panel>
      )}
    </Page>
  )
}

const RequestLine = (props: {
  request: AccessRequest
  who?: ReactNode
  buttons?: ReactNode
  children?: ReactNode
}) => {
  const { request } = props
  const nameOf = useServiceNames()
  return (
    <li className={classes.request} aria-label={whatOf(request, nameOf(request.serviceId))}>
      <div className={classes.words}>
        <p className={classes.what}>
          {props.who && <>{props.who} asks for </>}
          {props.who
            ? whatOf(request, nameOf(request.serviceId))
            : capitalized(whatOf(request, nameOf(request.serviceId)))}
        </p>
        <p className={classes.line}>{request.reason}</p>
        {props.children}
        <p className={classes.quiet}>
          <StateMark request={request} /> <Ago at={request.decidedAt ?? request.createdAt} />
          {request.answer && <>: {request.answer}</>}
        </p>
      </div>
      {props.buttons && <div className={classes.buttons}>{props.buttons}</div>}
    </li>
  )
}

const capitalized = (text: string) => text.charAt(0).toUpperCase() + text.slice(1)

type Deciding = { readonly kind: 'approve' | 'key' | 'decline'; readonly request: ReceivedRequest } | null

const ToDecide = () => {
  const pages = usePages('listRequests', { state: 'open', limit: 50 })
  const [deciding, setDeciding] = useState<Deciding>(null)
  const rows = pages.data?.pages.flatMap(({ items }) => items)
  const current = pages.data?.pages[0]?.current
  const close = () => setDeciding(null)
  return (
    <Panel title="To decide" flush>
      {pages.error && !rows && <FaultNotice error={pages.error} onRetry={() => void pages.refetch()} />}
      {!rows && !pages.error && <Block height={96} />}
      {rows?.length === 0 && (
        <EmptyState title="Nobody waits for an answer">
          Members ask from their page of services, where something is locked.
        </EmptyState>
      )}
      <ul className={classes.list} aria-label="Requests to decide">
        {rows?.map((request) => (
          <RequestLine
            key={request.id}
            request={request}
            who={request.user.name || request.user.email}
            buttons={
              <>
                <Button
                  variant="default"
                  size="compact-sm"
                  onClick={() => setDeciding({ kind: 'decline', request })}
                >
                  Decline
                </Button>
                {request.kind === 'organization_key' && request.opening === null ? (
                  <Button size="compact-sm" onClick={() => setDeciding({ kind: 'key', request })}>
                    Share a key
                  </Button>
                ) : (
                  <Button size="compact-sm" onClick={() => setDeciding({ kind: 'approve', request })}>
                    Approve
                  </Button>
                )}
              </>
            }
          >
            <p className={classes.quiet}>{request.user.email}</p>
          </RequestLine>
        ))}
      </ul>
      <More pages={pages} />
      {deciding?.kind === 'approve' && current && (
        <Approve request={deciding.request} current={current} onClose={close} />
      )}
      {deciding?.kind === 'decline' && <Decline request={deciding.request} onClose={close} />}
      {deciding?.kind === 'key' && <ApproveWithKey request={deciding.request} onClose={close} />}
    </Panel>
  )
}

const Decline = (props: { request: ReceivedRequest; onClose: () => void }) => {
  const { request } = props
  const nameOf = useServiceNames()
  const [answer, setAnswer] = useState('')
  const decline = useAct('declineRequest', ['listRequests', 'listOwnRequests'])
  return (
    <FormDialog
      opened
      danger
      title={`Decline ${whatOf(request, nameOf(request.serviceId))}`}
      submit="Decline"
      busy={decline.isPending}
      error={decline.error}
      blocked={answer.trim() === ''}
      onClose={props.onClose}
      onSubmit={() =>
        decline.mutate(
          { params: { id: request.id }, body: { answer: answer.trim() } },
          {
            onSuccess: () => {
              tellDone(`${request.user.email} has been told.`)
              props.onClose()
            },
          },
        )
      }
    >
      <Textarea
        label="Why"
        description={`${request.user.email} reads it.`}
        autosize
        minRows={2}
        maxLength={500}
        data-autofocus
        value={answer}
        onChange={(event) => setAnswer(event.currentTarget.value)}
      />
    </FormDialog>
  )
}

const Mine = ({ decides }: { decides: boolean }) => {
  const pages = usePages('listOwnRequests', { limit: 20 })
  const withdraw = useAct('withdrawRequest', ['listOwnRequests', 'listRequests'])
  const rows = pages.data?.pages.flatMap(({ items }) => items)
  // Whoever decides changes things without asking.
  if (decides && rows?.length === 0) return null
  return (
    <Panel title={decides ? 'Your own' : 'Your requests'} flush>
      {pages.error && !rows && <FaultNotice error={pages.error} onRetry={() => void pages.refetch()} />}
      {withdraw.error && <FaultNotice error={withdraw.error} />}
      {!rows && !pages.error && <Block height={96} />}
      {rows?.length === 0 && (
        <EmptyState
          title="You have not asked for anything"
          action={
            <Button variant="default" renderRoot={(root) => <Link to="/services" {...root} />}>
              Services
            </Button>
          }
        >
          Where your organisation has locked a service, you can ask for access or for a key.
        </EmptyState>
      )}
      <ul className={classes.list} aria-label="Your requests">
        {rows?.map((request) => (
          <RequestLine
            key={request.id}
            request={request}
            buttons={
              request.state === 'open' && (
                <Button
                  variant="default"
                  size="compact-sm"
                  loading={withdraw.isPending && withdraw.variables.params.id === request.id}
                  onClick={() => withdraw.mutate({ params: { id: request.id } })}
                >
                  Withdraw
                </Button>
              )
            }
          />
        ))}
      </ul>
      <More pages={pages} />
    </Panel>
  )
}

const Answered = () => {
  const pages = usePages('listRequests', { limit: 30 })
  const rows = pages.data?.pages.flatMap(({ items }) => items).filter(({ state }) => state !== 'open')
  if (!rows?.length) return null
  return (
    <Panel title="Answered" flush>
      <ul className={classes.list} aria-label="Answered requests">
        {rows.map((request) => (
          <RequestLine key={request.id} request={request} who={request.user.name || request.user.email}>
            {request.decidedBy && <p className={classes.quiet}>By {request.decidedBy}</p>}
          </RequestLine>
        ))}
      </ul>
      <More pages={pages} />
    </Panel>
  )
}

const More = ({
  pages,
}: {
  pages: { hasNextPage: boolean; isFetchingNextPage: boolean; fetchNextPage: () => unknown }
}) =>
  pages.hasNextPage && (
    <div className={classes.more}>
      <Button variant="default" loading={pages.isFetchingNextPage} onClick={() => void pages.fetchNextPage()}>
        Show more
      </Button>
    </div>
  )

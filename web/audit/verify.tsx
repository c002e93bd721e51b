import { Button } from '@mantine/core'
import { useAct } from '../data/queries.ts'
import { count, fullMoment } from '../ui/format.ts'
import { FaultNotice, Notice } from '../ui/notice.tsx'
import { Page } from '../ui/page.tsx'
import type { ReactNode } from 'react'
import { useTimeZone } from '../ui/figures.tsx'
import classes from './audit.module.css'

/** The page around the list: the proof and the export stand above it. */
export const AuditPage = (props: {
  description: string
  verify: 'verifyAudit' | 'verifyAllAudit'
  exportHref: string
  children: ReactNode
}) => {
  const zone = useTimeZone()
  const verify = useAct(props.verify)
  return (
    <Page
      title="Audit trail"
      description={`${props.description} Entries cannot be changed or deleted. Times in ${zone}.`}
      actions={
        <>
          <Button variant="default" component="a" href={props.exportHref} download>
            Export
          </Button>
          <Button loading={verify.isPending} onClick={() => verify.mutate({})}>
            Verify
          </Button>
        </>
      }
    >
      {verify.error && <FaultNotice error={verify.error} />}
      {verify.data && <Verdict of={verify.data} />}
      {props.children}
    </Page>
  )
}

const Verdict = ({ of: found }: { of: NonNullable<ReturnType<typeof useAct<'verifyAudit'>>['data']> }) => {
  const links = found.chains.reduce((sum, chain) => sum + chain.links, 0)
  const signed = found.chains
    .flatMap(({ checkpoint }) => (checkpoint === null ? [] : [checkpoint.at]))
    .toSorted()
    .at(-1)
  if (found.ok)
    return (
      <Notice tone="info" live title="The trail is whole">
        {count(links)} {links === 1 ? 'entry' : 'entries'} in {count(found.chains.length)}{' '}
        {found.chains.length === 1 ? 'chain' : 'chains'}: none was changed, left out or put in.{' '}
        {signed === undefined ? 'Not signed yet.' : `Last signed ${fullMoment(signed)}.`}
      </Notice>
    )
  return (
    <Notice tone="bad" live title={`The trail is not whole: ${count(found.problemCount)} found`}>
      <ul className={classes.problems}>
        {found.problems.slice(0, 20).map((problem) => (
          <li key={`${problem.organizationId} ${problem.sequence} ${problem.kind}`}>
            {problem.sequence === null ? 'At the end' : `Entry ${problem.sequence}`}: {problem.text}
          </li>
        ))}
      </ul>
      Somebody had rights on the database that the gateway does not give. Keep a copy of the database and
      compare it with your exports.
    </Notice>
  )
}

import { Button } from '@mantine/core'
import { IconBuilding } from '@tabler/icons-react'
import { useMutation } from '@tanstack/react-query'
import type { Reply } from '../../src/contract/endpoints.ts'
import { call, type CallFault } from '../data/call.ts'
import { useRead } from '../data/queries.ts'
import { useMe } from '../data/session.ts'
import { Ago } from '../ui/figures.tsx'
import { FaultNotice } from '../ui/notice.tsx'
import { Panel } from '../ui/page.tsx'
import classes from './sso.module.css'

/** Who one is at the company’s identity providers. Not there where the organisation has none. */
export const CompanyAccount = () => {
  const own = useRead('readOwnSso', {})
  if (!own.data?.items.length) return null
  return (
    <Panel
      title="Company account"
      description="Signs you in here once it is tied to this account. Owners have to tie it themselves, whatever their e-mail address is."
    >
      <ul className={classes.accounts}>
        {own.data.items.map((item) => (
          <Account key={item.connectionId} of={item} />
        ))}
      </ul>
    </Panel>
  )
}

type Item = Reply<'readOwnSso'>['items'][number]

const Account = ({ of }: { of: Item }) => {
  const me = useMe()
  const link = useMutation<void, CallFault>({
    mutationFn: async () => {
      const { url } = await call('linkSso', { body: { connectionId: of.connectionId } })
      sessionStorage.setItem('aideon-sign-in-to', '/security')
      location.assign(url)
    },
  })
  // The company’s own word is no reason to believe it more; the endpoint refuses it, too.
  const isByCompany = me.stepUp.methods.includes('single_sign_on')
  return (
    <li className={classes.account} aria-label={of.name}>
      <IconBuilding size={20} stroke={1.6} aria-hidden />
      <div className={classes.accountWords}>
        <h3>{of.name}</h3>
        <p className={classes.says}>
          {of.email === null ? (
            'Not connected.'
          ) : (
            <>
              {of.email}, {of.tiedBySelf ? 'connected by you' : 'found by the e-mail address'}
              {of.lastUsedAt && (
                <>
                  , used <Ago at={of.lastUsedAt} />
                </>
              )}
            </>
          )}
        </p>
      </div>
      {!of.tiedBySelf && !isByCompany && (
        <Button size="compact-sm" variant="default" loading={link.isPending} onClick={() => link.mutate()}>
          Connect your company account<span className="visually-hidden"> at {of.name}</span>
        </Button>
      )}
      {link.error && (
        <div className={classes.accountFault}>
          <FaultNotice error={link.error} />
        </div>
      )}
    </li>
  )
}

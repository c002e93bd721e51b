import type { SsoAddresses, SsoKind } from '../../src/contract/sso.ts'
import { CopyIcon } from '../ui/copy.tsx'
import { Fact, Facts } from '../ui/page.tsx'
import classes from './sso.module.css'

export const Addresses = ({ kind, addresses }: { kind: SsoKind; addresses: SsoAddresses }) => (
  <Facts>
    {(kind === 'oidc'
      ? ([
          ['Redirect URI', addresses.redirectUri],
          ['Back-channel logout URI', addresses.backChannelLogoutUri],
          ['Post-logout redirect URI', addresses.postLogoutRedirectUri],
        ] as const)
      : ([
          ['Entity ID (audience)', addresses.entityId],
          ['Assertion consumer service (ACS) URL', addresses.acsUrl],
          ['Single logout URL', addresses.logoutUrl],
          ['Metadata', addresses.metadataUrl],
        ] as const)
    ).map(([name, value]) => (
      <Fact key={name} name={name}>
        <span className={classes.value}>
          <code>{value}</code>
          <CopyIcon text={value} label={`Copy the ${name}`} />
        </span>
      </Fact>
    ))}
  </Facts>
)

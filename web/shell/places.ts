import {
  IconActivity,
  IconAdjustments,
  IconArrowsShuffle,
  IconBook2,
  IconBuilding,
  IconBuildingBank,
  IconChartBar,
  IconCreditCard,
  IconGauge,
  IconHeartbeat,
  IconHistory,
  IconKey,
  IconListCheck,
  IconLogin2,
  IconMessageQuestion,
  IconPlugConnected,
  IconReceipt,
  IconRepeat,
  IconScale,
  IconServer2,
  IconShieldLock,
  IconStack2,
  IconTargetArrow,
  IconTicket,
  IconUser,
  IconUsers,
  IconUsersGroup,
  IconBell,
  IconCoin,
  IconWebhook,
  type Icon,
} from '@tabler/icons-react'
import { may, type Permission } from '../../src/contract/permissions.ts'
import type { Me } from '../../src/contract/session.ts'

export interface Place {
  readonly to: string
  readonly label: string
  /** Pages without an entry of their own that belong here: what one of its rows leads to. */
  readonly also?: string
  /** Other words that people look for it by. */
  readonly words?: string
  readonly permission?: Permission
  /** The server shows nothing of it inside another application. */
  readonly notEmbedded?: true
}

/** One line of the navigation. Pages that belong together share it, as tabs. */
export interface Entry {
  readonly label: string
  readonly icon: Icon
  readonly places: readonly Place[]
}

export interface Group {
  readonly label?: string
  readonly entries: readonly Entry[]
}

export interface Area {
  readonly label: string
  readonly groups: readonly Group[]
}

const one = (icon: Icon, place: Place): Entry => ({ label: place.label, icon, places: [place] })

const mine: readonly Group[] = [
  { entries: [one(IconGauge, { to: '/', label: 'Overview', words: 'home start getting started' })] },
  {
    label: 'Keys and routing',
    entries: [
      {
        label: 'Services',
        icon: IconKey,
        places: [
          {
            to: '/services',
            label: 'Services',
            also: '/keys',
            words: 'own keys providers add key',
            permission: 'own.use',
          },
          {
            to: '/key-hygiene',
            label: 'Key hygiene',
            words: 'rotation age unused leaked',
            permission: 'own.use',
          },
        ],
      },
      one(IconStack2, { to: '/models', label: 'Models', words: 'prices context' }),
      {
        label: 'Routing',
        icon: IconArrowsShuffle,
        places: [
          { to: '/fallback', label: 'Fallback', words: 'preference credits', permission: 'own.use' },
          { to: '/simulator', label: 'Simulator', words: 'explain why route try', permission: 'own.use' },
        ],
      },
      one(IconTicket, {
        to: '/access-tokens',
        label: 'Access tokens',
        words: 'api keys applications',
        permission: 'own.use',
      }),
    ],
  },
  {
    label: 'Use and cost',
    entries: [
      one(IconChartBar, { to: '/usage', label: 'Usage and cost', words: 'spend tokens report' }),
      {
        label: 'Operations',
        icon: IconActivity,
        places: [
          { to: '/operations', label: 'Operations', words: 'calls requests receipts log activity' },
          { to: '/long-operations', label: 'Long operations', words: 'videos batches images tasks' },
        ],
      },
      one(IconTargetArrow, {
        to: '/budgets',
        label: 'Budgets',
        words: 'limits caps',
        permission: 'own.use',
      }),
      one(IconBell, {
        to: '/alerts',
        label: 'Alerts',
        words: 'notifications e-mail webhook',
        notEmbedded: true,
      }),
      {
        label: 'Billing',
        icon: IconCoin,
        places: [
          { to: '/credits', label: 'Credits', words: 'balance statement top up buy packs ledger' },
          { to: '/subscription', label: 'Subscription', words: 'tier plan discount' },
          { to: '/invoices', label: 'Invoices', words: 'receipts payments pdf' },
        ],
      },
    ],
  },
]

const auditTrail: Place = {
  to: '/audit',
  label: 'Audit trail',
  words: 'history changes log verify',
  permission: 'audit.read',
}

const oneself: Entry = {
  label: 'Account',
  icon: IconUser,
  places: [
    { to: '/account', label: 'Account', words: 'profile name password delete export' },
    { to: '/security', label: 'Security', words: 'passkeys sessions devices totp second factor 2fa' },
  ],
}

const company: readonly Group[] = [
  {
    entries: [
      one(IconBuilding, {
        to: '/organization',
        label: 'Organisation',
        words: 'company leave rename transfer',
      }),
    ],
  },
  {
    label: 'People',
    entries: [
      one(IconUsers, {
        to: '/members',
        label: 'Members',
        words: 'invite roles users suspend',
        permission: 'members.read',
      }),
      one(IconUsersGroup, { to: '/teams', label: 'Teams', words: 'projects' }),
      one(IconMessageQuestion, { to: '/requests', label: 'Requests', words: 'access approve ask' }),
    ],
  },
  {
    label: 'Keys and rules',
    entries: [
      one(IconShieldLock, {
        to: '/policy',
        label: 'Control policy',
        words: 'it control hybrid critical allowed services regions',
        permission: 'policy.read',
      }),
      one(IconKey, {
        to: '/organization-keys',
        label: 'Organisation keys',
        words: 'shared limits',
        permission: 'organization_keys.read',
      }),
    ],
  },
  {
    label: 'Use and cost',
    entries: [
      {
        label: 'Usage and cost',
        icon: IconChartBar,
        places: [
          {
            to: '/oversight',
            label: 'Usage of everybody',
            words: 'spend members teams report',
            permission: 'usage.read',
          },
          {
            to: '/charge-back',
            label: 'Charge-back',
            words: 'cost centres export',
            permission: 'usage.read',
          },
          {
            to: '/anomalies',
            label: 'Anomalies',
            words: 'unusual sudden country',
            permission: 'usage.read',
          },
        ],
      },
      one(IconTargetArrow, {
        to: '/organization-budgets',
        label: 'Budgets',
        words: 'limits caps teams members',
        permission: 'usage.read',
      }),
      one(IconBuildingBank, {
        to: '/central-billing',
        label: 'Central billing',
        words: 'pays credits account',
        permission: 'usage.read',
      }),
    ],
  },
  {
    label: 'Sign-in and connections',
    entries: [
      {
        label: 'Sign-in',
        icon: IconLogin2,
        places: [
          {
            to: '/single-sign-on',
            label: 'Single sign-on',
            words: 'sso saml oidc openid domains identity provider',
            permission: 'identity.read',
          },
          {
            to: '/provisioning',
            label: 'Provisioning',
            words: 'scim okta entra groups',
            permission: 'identity.read',
          },
          {
            to: '/session-policy',
            label: 'Session policy',
            words: 'idle ip ranges networks second factor required break-glass',
            permission: 'identity.read',
          },
        ],
      },
      {
        label: 'Machines',
        icon: IconServer2,
        places: [
          {
            to: '/service-accounts',
            label: 'Service accounts',
            words: 'oauth client credentials robots',
            permission: 'identity.read',
          },
          {
            to: '/host-applications',
            label: 'Host applications',
            words: 'jwt jwks embed frame',
            permission: 'identity.read',
          },
        ],
      },
      one(IconWebhook, {
        to: '/webhooks',
        label: 'Webhooks',
        words: 'events deliveries replay',
        permission: 'webhooks.read',
      }),
      one(IconHistory, auditTrail),
    ],
  },
]

const platform: readonly Group[] = [
  { entries: [one(IconGauge, { to: '/admin', label: 'Overview', words: 'administration home' })] },
  {
    label: 'Services and keys',
    entries: [
      one(IconPlugConnected, { to: '/admin/services', label: 'Services', words: 'providers settings' }),
      {
        label: 'Models and prices',
        icon: IconReceipt,
        places: [
          { to: '/admin/prices', label: 'Models and prices', words: 'unpriced own price' },
          { to: '/admin/groups', label: 'Model groups', words: 'smart fast' },
        ],
      },
      {
        label: 'System keys',
        icon: IconServer2,
        places: [
          { to: '/admin/system-keys', label: 'System keys', words: 'pool primary secondary tertiary' },
          { to: '/admin/rotation', label: 'Rotation', also: '/admin/keys', words: 'schedule renew' },
          { to: '/admin/key-hygiene', label: 'Key hygiene', words: 'age unused leaked' },
        ],
      },
      one(IconBuildingBank, { to: '/admin/vault', label: 'Vault', words: 'master key seal re-wrap kms hsm' }),
      one(IconHeartbeat, {
        to: '/admin/health',
        label: 'Health',
        words: 'breakers errors latency processes',
      }),
    ],
  },
  {
    label: 'People',
    entries: [
      {
        label: 'Users',
        icon: IconUsers,
        places: [
          {
            to: '/admin/users',
            label: 'Users',
            words: 'people grant credits suspend delete account reset second factors',
          },
          {
            to: '/admin/session-policy',
            label: 'Administrators’ sessions',
            words: 'session policy idle networks second factor required',
          },
        ],
      },
      one(IconBuilding, {
        to: '/admin/organizations',
        label: 'Organisations',
        words: 'companies tenants policy',
      }),
      one(IconTicket, { to: '/admin/platform-tokens', label: 'Platform tokens', words: 'api applications' }),
    ],
  },
  {
    label: 'Use and cost',
    entries: [
      one(IconChartBar, { to: '/admin/usage', label: 'Usage and cost', words: 'spend margin report' }),
      {
        label: 'Operations',
        icon: IconActivity,
        places: [
          { to: '/admin/operations', label: 'Operations', words: 'calls requests receipts log activity' },
          { to: '/admin/long-operations', label: 'Long operations', words: 'videos batches tasks' },
        ],
      },
      {
        label: 'Budgets',
        icon: IconTargetArrow,
        places: [
          { to: '/admin/budgets', label: 'Budgets', words: 'limits caps' },
          { to: '/admin/alert-deliveries', label: 'Sent alerts', words: 'notifications e-mail webhook' },
        ],
      },
      one(IconHistory, { to: '/admin/audit', label: 'Audit trail', words: 'history changes log verify' }),
    ],
  },
  {
    label: 'Billing',
    entries: [
      one(IconCreditCard, { to: '/admin/payments', label: 'Payments', words: 'stripe invoices refunds' }),
      {
        label: 'Subscriptions',
        icon: IconRepeat,
        places: [
          { to: '/admin/subscriptions', label: 'Subscriptions', words: 'plans' },
          { to: '/admin/tiers', label: 'Tiers and packs', words: 'plans allocation' },
        ],
      },
      one(IconScale, {
        to: '/admin/balances',
        label: 'Balances',
        words: 'credits adjustments ledger statements',
      }),
      one(IconBook2, { to: '/admin/price-book', label: 'Price book', words: 'versions changes rerating' }),
      one(IconListCheck, {
        to: '/admin/reconciliation',
        label: 'Reconciliation',
        words: 'counts differences',
      }),
      one(IconAdjustments, {
        to: '/admin/billing-settings',
        label: 'Billing settings',
        words: 'currency tax',
      }),
    ],
  },
]

const allowed = (groups: readonly Group[], role: Me['role'], isEmbedded: boolean): Group[] =>
  groups
    .map((group) => ({
      ...group,
      entries: group.entries
        .map((entry) => ({
          ...entry,
          places: entry.places.filter(
            ({ permission, notEmbedded }) =>
              (!permission || may(role, permission)) && !(notEmbedded && isEmbedded),
          ),
        }))
        .filter(({ places }) => places.length > 0),
    }))
    .filter(({ entries }) => entries.length > 0)

const placesOf = (groups: readonly Group[]): Place[] =>
  groups.flatMap(({ entries }) => entries.flatMap(({ places }) => places))

/**
 * What somebody may go to. Those who run a company have its pages side by side with their own; for its ordinary members
 * they are a group among their own.
 */
export const areasFor = (
  me: Pick<Me, 'organization' | 'role' | 'isPlatformAdministrator'>,
  isEmbedded = false,
): readonly Area[] => {
  const isCompany = me.organization.kind === 'company'
  const ofCompany = isCompany ? allowed(company, me.role, isEmbedded) : []
  const runsIt = placesOf(ofCompany).some(({ permission }) => permission)
  const shared: Group = {
    label: me.organization.name,
    entries: ofCompany.flatMap(({ entries }) => entries),
  }
  const account: Group = {
    label: 'You',
    entries: isCompany ? [oneself] : [oneself, one(IconHistory, auditTrail)],
  }
  return [
    {
      label: 'Mine',
      groups: [...allowed(mine, me.role, isEmbedded), ...(isCompany && !runsIt ? [shared] : []), account],
    },
    ...(runsIt ? [{ label: 'Company', groups: ofCompany }] : []),
    ...(me.isPlatformAdministrator ? [{ label: 'Platform', groups: platform }] : []),
  ]
}

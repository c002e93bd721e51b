import { Link, useRouterState } from '@tanstack/react-router'
import {
  IconAlertTriangle,
  IconActivity,
  IconAdjustments,
  IconArrowsShuffle,
  IconBook2,
  IconBell,
  IconBuilding,
  IconChartBar,
  IconCoin,
  IconCreditCard,
  IconFileInvoice,
  IconGauge,
  IconTargetArrow,
  IconHeartbeat,
  IconHistory,
  IconHourglass,
  IconKey,
  IconListCheck,
  IconListTree,
  IconLogin2,
  IconMessageQuestion,
  IconPlugConnected,
  IconReceipt,
  IconRefreshDot,
  IconRepeat,
  IconScale,
  IconServer2,
  IconShieldCheck,
  IconShieldLock,
  IconSparkles,
  IconStack2,
  IconStairs,
  IconTicket,
  IconUser,
  IconUsers,
  IconBuildingBank,
  IconUsersGroup,
  IconWebhook,
  type Icon,
} from '@tabler/icons-react'
import { may } from '../../src/contract/permissions.ts'
import { useMe } from '../data/session.ts'
import classes from './navigation.module.css'

interface Place {
  readonly to: string
  readonly label: string
  readonly icon: Icon
}

const mine: readonly Place[] = [
  { to: '/', label: 'Overview', icon: IconGauge },
  { to: '/services', label: 'Services', icon: IconKey },
  { to: '/key-hygiene', label: 'Key hygiene', icon: IconSparkles },
  { to: '/models', label: 'Models', icon: IconStack2 },
  { to: '/fallback', label: 'Fallback', icon: IconArrowsShuffle },
  { to: '/simulator', label: 'Simulator', icon: IconListTree },
  { to: '/credits', label: 'Credits', icon: IconCoin },
  { to: '/subscription', label: 'Subscription', icon: IconRepeat },
  { to: '/invoices', label: 'Invoices', icon: IconFileInvoice },
  { to: '/usage', label: 'Usage and cost', icon: IconChartBar },
  { to: '/budgets', label: 'Budgets', icon: IconTargetArrow },
  { to: '/alerts', label: 'Alerts', icon: IconBell },
  { to: '/operations', label: 'Operations', icon: IconActivity },
  { to: '/long-operations', label: 'Long operations', icon: IconHourglass },
  { to: '/access-tokens', label: 'Access tokens', icon: IconTicket },
  { to: '/audit', label: 'Audit trail', icon: IconHistory },
  { to: '/security', label: 'Security', icon: IconShieldCheck },
  { to: '/account', label: 'Account', icon: IconUser },
]

const administration: readonly Place[] = [
  { to: '/admin', label: 'Overview', icon: IconGauge },
  { to: '/admin/services', label: 'Services', icon: IconPlugConnected },
  { to: '/admin/prices', label: 'Models and prices', icon: IconReceipt },
  { to: '/admin/groups', label: 'Model groups', icon: IconStack2 },
  { to: '/admin/system-keys', label: 'System keys', icon: IconServer2 },
  { to: '/admin/rotation', label: 'Rotation', icon: IconRefreshDot },
  { to: '/admin/key-hygiene', label: 'Key hygiene', icon: IconSparkles },
  { to: '/admin/vault', label: 'Vault', icon: IconBuildingBank },
  { to: '/admin/health', label: 'Health', icon: IconHeartbeat },
  { to: '/admin/users', label: 'Users', icon: IconUsers },
  { to: '/admin/usage', label: 'Usage and cost', icon: IconChartBar },
  { to: '/admin/budgets', label: 'Budgets', icon: IconTargetArrow },
  { to: '/admin/alert-deliveries', label: 'Sent alerts', icon: IconBell },
  { to: '/admin/operations', label: 'Operations', icon: IconActivity },
  { to: '/admin/long-operations', label: 'Long operations', icon: IconHourglass },
  { to: '/admin/organizations', label: 'Organisations', icon: IconBuilding },
  { to: '/admin/platform-tokens', label: 'Platform tokens', icon: IconShieldLock },
  { to: '/admin/audit', label: 'Audit trail', icon: IconHistory },
]

/** What administrators do with money and credits. */
const billing: readonly Place[] = [
  { to: '/admin/payments', label: 'Payments', icon: IconCreditCard },
  { to: '/admin/subscriptions', label: 'Subscriptions', icon: IconRepeat },
  { to: '/admin/tiers', label: 'Tiers and packs', icon: IconStairs },
  { to: '/admin/balances', label: 'Balances', icon: IconScale },
  { to: '/admin/price-book', label: 'Price book', icon: IconBook2 },
  { to: '/admin/reconciliation', label: 'Reconciliation', icon: IconListCheck },
  { to: '/admin/billing-settings', label: 'Billing settings', icon: IconAdjustments },
]

/** Of everybody in a company. */
const whereOneWorks: readonly Place[] = [{ to: '/organization', label: 'Organisation', icon: IconBuilding }]
const ofMemberReaders: readonly Place[] = [{ to: '/members', label: 'Members', icon: IconUsers }]

/** Of those who run a company. */
const ofManagers: readonly Place[] = [{ to: '/policy', label: 'Control policy', icon: IconShieldLock }]

/** Of those who see how a company's people sign in. */
const ofIdentityReaders: readonly Place[] = [
  { to: '/single-sign-on', label: 'Single sign-on', icon: IconLogin2 },
  { to: '/session-policy', label: 'Session policy', icon: IconShieldCheck },
]

/** Of those who see what a company uses and pays. */
const ofOversight: readonly Place[] = [
  { to: '/oversight', label: 'Usage of everybody', icon: IconChartBar },
  { to: '/charge-back', label: 'Charge-back', icon: IconReceipt },
  { to: '/anomalies', label: 'Anomalies', icon: IconAlertTriangle },
  { to: '/central-billing', label: 'Central billing', icon: IconBuildingBank },
]

/** Of those who see how members and machines get in. */
const ofMachines: readonly Place[] = [
  { to: '/provisioning', label: 'Provisioning', icon: IconUsers },
  { to: '/service-accounts', label: 'Service accounts', icon: IconServer2 },
  { to: '/host-applications', label: 'Host applications', icon: IconPlugConnected },
]

/** Of everybody in a company. */
const ofMembers: readonly Place[] = [
  { to: '/teams', label: 'Teams', icon: IconUsersGroup },
  { to: '/requests', label: 'Requests', icon: IconMessageQuestion },
]

/** Of those who see the keys that members share. */
const ofKeyReaders: readonly Place[] = [
  { to: '/organization-keys', label: 'Organisation keys', icon: IconKey },
]

/** Of those who see where events are sent. */
const ofWebhookReaders: readonly Place[] = [{ to: '/webhooks', label: 'Webhooks', icon: IconWebhook }]

export const Navigation = () => {
  const { isPlatformAdministrator, organization, role } = useMe()
  const isCompany = organization.kind === 'company'
  const isManager = isCompany && role !== 'member'
  const inAdministration = useRouterState({
    select: (state) => /^\/admin(?:\/|$)/.test(state.location.pathname),
  })
  return (
    <nav className={classes.navigation} aria-label="Main">
      {isPlatformAdministrator && <DashboardSwitch inAdministration={inAdministration} />}
      <Places places={inAdministration ? administration : mine} />
      {!inAdministration && isCompany && (
        <Places
          places={[
            ...whereOneWorks,
            ...(may(role, 'members.read') ? ofMemberReaders : []),
            ...(isManager ? ofManagers : []),
            ...(may(role, 'identity.read') ? ofIdentityReaders : []),
            ...(may(role, 'identity.read') ? ofMachines : []),
            ...(may(role, 'organization_keys.read') ? ofKeyReaders : []),
            ...(may(role, 'usage.read') ? ofOversight : []),
            ...(may(role, 'webhooks.read') ? ofWebhookReaders : []),
            ...ofMembers,
          ]}
          label={organization.name}
        />
      )}
      {inAdministration && <Places places={billing} label="Billing" />}
    </nav>
  )
}

const Places = (props: { places: readonly Place[]; label?: string }) => (
  <div>
    {props.label && <p className={classes.group}>{props.label}</p>}
    <ul className={classes.places} aria-label={props.label}>
      {props.places.map((place) => (
        <li key={place.to}>
          <Link
            to={place.to}
            className={classes.place}
            activeOptions={{ exact: place.to === '/' || place.to === '/admin', includeSearch: false }}
          >
            <place.icon size={17} stroke={1.7} aria-hidden />
            {place.label}
          </Link>
        </li>
      ))}
    </ul>
  </div>
)

const DashboardSwitch = (props: { inAdministration: boolean }) => (
  <div className={classes.switch}>
    <Link to="/" className={classes.switchItem} data-on={!props.inAdministration || undefined}>
      My dashboard
    </Link>
    <Link to="/admin" className={classes.switchItem} data-on={props.inAdministration || undefined}>
      Administration
    </Link>
  </div>
)

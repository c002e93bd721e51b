import { Drawer, UnstyledButton } from '@mantine/core'
import { useDisclosure, useHotkeys } from '@mantine/hooks'
import { IconFlask, IconMenu2, IconSearch } from '@tabler/icons-react'
import { Outlet, useRouterState } from '@tanstack/react-router'
import { type ReactNode, useEffect, useMemo } from 'react'
import { AlertAnnouncer, AlertBell } from '../alerts/alert-bell.tsx'
import { useMe } from '../data/session.ts'
import { Brand } from './brand.tsx'
import { Connection } from './connection.tsx'
import { GoTo } from './go-to.tsx'
import { Navigation } from './navigation.tsx'
import { NextStep } from '../onboarding/next-step.tsx'
import { KeptAccount } from '../security/kept-account.tsx'
import { StepUpGate } from '../security/step-up-gate.tsx'
import { useTimeZone } from '../ui/figures.tsx'
import { Siblings } from '../ui/page-tabs.tsx'
import { SealedBanner } from '../vault/sealed-banner.tsx'
import navigation from './navigation.module.css'
import classes from './shell.module.css'
import { useAreas } from './use-areas.ts'
import { UserMenu } from './user-menu.tsx'

/** The frame of both dashboards: navigation at the left, or behind a button where there is no room for it. */
export const Shell = () => {
  const me = useMe()
  const [isFinding, finder] = useDisclosure(false)
  useHotkeys([['mod+K', finder.toggle]], [])
  return (
    <div className={classes.shell}>
      <StepUpGate />
      <GoTo opened={isFinding} onClose={finder.close} />
      <a className={classes.skip} href="#content">
        Skip to content
      </a>
      <NarrowBar onFind={finder.open} />
      <aside className={classes.side} aria-label="Sidebar">
        <div className={classes.top}>
          <Brand />
          <AlertBell />
        </div>
        <UnstyledButton className={navigation.find} onClick={finder.open}>
          <IconSearch size={15} stroke={1.8} aria-hidden />
          <span>Go to …</span>
          <kbd>{isApple ? '⌘ K' : 'Ctrl K'}</kbd>
        </UnstyledButton>
        <SideContent />
      </aside>
      <div className={classes.main}>
        {me.demo && <DemoBanner />}
        <SealedBanner />
        <KeptAccount />
        <Connection />
        <AlertAnnouncer />
        <main id="content" className={classes.content} tabIndex={-1}>
          <WithSiblings>
            <Outlet />
          </WithSiblings>
        </main>
      </div>
    </div>
  )
}

const isApple = /Mac|iPhone|iPad/.test(navigator.userAgent)

const WithSiblings = ({ children }: { children: ReactNode }) => {
  const { here } = useAreas()
  const siblings = useMemo(
    () =>
      here?.entry.places.map((place) => ({
        to: place.to,
        label: place.label,
        isCurrent: place === here.place,
      })) ?? [],
    [here],
  )
  return <Siblings value={siblings}>{children}</Siblings>
}

const SideContent = () => {
  const zone = useTimeZone()
  return (
    <>
      <Navigation />
      <div className={classes.foot}>
        <NextStep />
        <p className={classes.zone}>Times in {zone}</p>
        <UserMenu />
      </div>
    </>
  )
}

const NarrowBar = (props: { onFind: () => void }) => {
  const [opened, { open, close }] = useDisclosure(false)
  const path = useRouterState({ select: (state) => state.location.pathname })
  useEffect(close, [path, close])
  return (
    <section className={classes.narrow} aria-label="Top bar">
      <Brand />
      <span className={classes.narrowActions}>
        <UnstyledButton className={classes.narrowButton} onClick={props.onFind} aria-label="Go to a page">
          <IconSearch size={19} stroke={1.8} />
        </UnstyledButton>
        <AlertBell />
        <UnstyledButton
          className={classes.narrowButton}
          data-last
          onClick={open}
          aria-label="Open navigation"
          aria-expanded={opened}
        >
          <IconMenu2 size={20} stroke={1.8} />
        </UnstyledButton>
      </span>
      <Drawer opened={opened} onClose={close} position="left" size={272} title="Navigation">
        <div className={classes.inDrawer}>
          <SideContent />
        </div>
      </Drawer>
    </section>
  )
}

const DemoBanner = () => (
  <section className={classes.demo} aria-label="Demo">
    <IconFlask size={15} stroke={1.8} aria-hidden />
    <span>
      <strong>Demo</strong>: simulated services, no real calls. Keys and credits here have no value.
    </span>
  </section>
)

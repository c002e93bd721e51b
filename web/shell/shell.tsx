import { Drawer, UnstyledButton } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { IconFlask, IconMenu2 } from '@tabler/icons-react'
import { Outlet, useRouterState } from '@tanstack/react-router'
import { useEffect } from 'react'
import { AlertAnnouncer, AlertBell } from '../alerts/alert-bell.tsx'
import { useMe } from '../data/session.ts'
import { Brand } from './brand.tsx'
import { Connection } from './connection.tsx'
import { Navigation } from './navigation.tsx'
import { StepUpGate } from '../security/step-up-gate.tsx'
import { useTimeZone } from '../ui/figures.tsx'
import { SealedBanner } from '../vault/sealed-banner.tsx'
import classes from './shell.module.css'
import { UserMenu } from './user-menu.tsx'

/** The frame of both dashboards: navigation at the left, or behind a button where there is no room for it. */
export const Shell = () => {
  const me = useMe()
  return (
    <div className={classes.shell}>
      <StepUpGate />
      <a className={classes.skip} href="#content">
        Skip to content
      </a>
      <NarrowBar />
      <aside className={classes.side} aria-label="Sidebar">
        <div className={classes.top}>
          <Brand />
          <AlertBell />
        </div>
        <SideContent />
      </aside>
      <div className={classes.main}>
        {me.demo && <DemoBanner />}
        <SealedBanner />
        <Connection />
        <AlertAnnouncer />
        <main id="content" className={classes.content} tabIndex={-1}>
          <Outlet />
        </main>
      </div>
    </div>
  )
}

const SideContent = () => {
  const zone = useTimeZone()
  return (
    <>
      <Navigation />
      <div className={classes.foot}>
        <p className={classes.zone}>Times in {zone}</p>
        <UserMenu />
      </div>
    </>
  )
}

const NarrowBar = () => {
  const [opened, { open, close }] = useDisclosure(false)
  const path = useRouterState({ select: (state) => state.location.pathname })
  useEffect(close, [path, close])
  return (
    <section className={classes.narrow} aria-label="Top bar">
      <Brand />
      <span className={classes.narrowActions}>
        <AlertBell />
        <UnstyledButton
          className={classes.menu}
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

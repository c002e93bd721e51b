import {
  Button,
  MultiSelect,
  NativeSelect,
  NumberInput,
  Radio,
  Switch,
  TagsInput,
  Textarea,
  TextInput,
} from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { dataRegionIds, dataRegions } from '../../src/contract/data-regions.ts'
import type { PolicyDocument } from '../../src/contract/policy.ts'
import type { AllowedUses, Fallback } from '../../src/contract/wire.ts'
import { useRead } from '../data/queries.ts'
import { useTimeZone } from '../ui/figures.tsx'
import { FaultNotice } from '../ui/notice.tsx'
import { Panel } from '../ui/page.tsx'
import { choices } from './fallbacks.ts'
import { policies } from './policies.ts'
import { policyChanges } from './policy-changes.ts'
import { PolicyPreview } from './policy-preview.tsx'
import type { PolicyPlace } from './policy-place.ts'
import classes from './policy.module.css'

const everything: AllowedUses = {
  services: null,
  models: null,
  groups: null,
  keyHealth: 'any',
  maximumKeyAgeDays: null,
  dataRegions: null,
  noTraining: false,
}

/** Null where it allows everything, as a policy that limits nothing is written. */
const allowedOf = (allowed: AllowedUses): AllowedUses | null =>
  Object.entries(everything).every(([name, value]) => allowed[name as keyof AllowedUses] === value)
    ? null
    : allowed

export const useServiceNames = (): ((serviceId: string) => string) => {
  const services = useRead('listServices', {})
  return (serviceId) => services.data?.items.find(({ id }) => id === serviceId)?.name ?? serviceId
}

export const PolicyForm = (props: {
  place: PolicyPlace
  current: PolicyDocument
  onSave: (wanted: { document: PolicyDocument; reason: string; startsAt: string | null }) => void
  saving: boolean
  error: unknown
}) => {
  const { place, current } = props
  const [document, setDocument] = useState(current)
  const [reason, setReason] = useState('')
  const [startsAt, setStartsAt] = useState('')
  const [tried, setTried] = useState(false)
  const zone = useTimeZone()
  const nameOf = useServiceNames()
  const services = useRead('listServices', {})
  const groups = useRead('listGroups', {})
  const set = (change: Partial<PolicyDocument>) => setDocument({ ...document, ...change })
  const allowed = document.allowed ?? everything
  const allow = (change: Partial<AllowedUses>) => set({ allowed: allowedOf({ ...allowed, ...change }) })

  const changes = policyChanges(current, document, nameOf)
  const [settled] = useDebouncedValue(document, 350)
  const preview = useQuery({
    queryKey: ['policy preview', place.key, settled],
    queryFn: () => place.preview(settled),
    enabled: policyChanges(current, settled, nameOf).length > 0,
    placeholderData: keepPreviousData,
    staleTime: 60_000,
  })
  const serviceChoices = (services.data?.items ?? []).map(({ id, name }) => ({ value: id, label: name }))
  const isBlank = reason.trim() === ''

  return (
    <form
      className={classes.columns}
      onSubmit={(event) => {
        event.preventDefault()
        setTried(true)
        if (isBlank || changes.length === 0) return
        props.onSave({
          document,
          reason: reason.trim(),
          startsAt: startsAt === '' ? null : new Date(startsAt).toISOString(),
        })
      }}
    >
      <Panel title="Policy">
        <div className={classes.form}>
          <Radio.Group
            label="Control policy"
            value={document.controlPolicy}
            onChange={(controlPolicy) => set({ controlPolicy })}
          >
            <div className={classes.choices}>
              {policies.map(({ value, label, consequence }) => (
                <Radio key={value} value={value} label={label} description={consequence} />
              ))}
            </div>
          </Radio.Group>
          {document.controlPolicy === 'hybrid' && (
            <MultiSelect
              label="Critical services"
              description="Keys of these are managed by IT only."
              data={serviceChoices}
              value={[...document.criticalServices]}
              onChange={(criticalServices) => set({ criticalServices: criticalServices.toSorted() })}
              searchable
              clearable
            />
          )}
          <Switch
            label="Members may use system keys"
            description="Off: operations run on own and the organisation’s keys only, and never cost credits."
            checked={document.systemKeysAllowed}
            onChange={(event) => set({ systemKeysAllowed: event.currentTarget.checked })}
          />
          <NativeSelect
            label="Fallback preference"
            description="Locked: every member has this one. Their own choice is kept for later."
            value={document.lockedFallback ?? ''}
            data={[
              { value: '', label: 'Members choose' },
              ...choices.map(({ value, label }) => ({ value, label: `Locked: ${label}` })),
            ]}
            onChange={(event) =>
              set({ lockedFallback: (event.currentTarget.value || null) as Fallback | null })
            }
          />
          <Only
            label="Only some services"
            description="No key of whoever runs a service that is not chosen; members’ keys for it are suspended."
            on={allowed.services !== null}
            onSwitch={(on) => allow({ services: on ? serviceChoices.map(({ value }) => value) : null })}
          >
            <MultiSelect
              aria-label="Services that may be used"
              data={serviceChoices}
              value={[...(allowed.services ?? [])]}
              onChange={(chosen) => allow({ services: chosen.toSorted() })}
              searchable
              clearable
            />
          </Only>
          <Only
            label="Only some models"
            description="Names as services write them; claude-* is every model whose name begins so."
            on={allowed.models !== null}
            onSwitch={(on) => allow({ models: on ? [] : null })}
          >
            <TagsInput
              aria-label="Models that may be used"
              placeholder="gpt-*, then Enter"
              value={[...(allowed.models ?? [])]}
              onChange={(models) => allow({ models: models.map((name) => name.trim()).toSorted() })}
              clearable
            />
          </Only>
          <Only
            label="Only some model groups"
            description="Others cannot be asked for by name."
            on={allowed.groups !== null}
            onSwitch={(on) => allow({ groups: on ? [] : null })}
          >
            <MultiSelect
              aria-label="Model groups that may be asked for"
              data={(groups.data?.items ?? []).map(({ id, label }) => ({ value: id, label }))}
              value={[...(allowed.groups ?? [])]}
              onChange={(chosen) => allow({ groups: chosen.toSorted() })}
              clearable
            />
          </Only>
          <Switch
            label="Only proven keys"
            description="A member’s or the organisation’s key is used while its service’s last word on it is that it is valid."
            checked={allowed.keyHealth === 'valid'}
            onChange={(event) => allow({ keyHealth: event.currentTarget.checked ? 'valid' : 'any' })}
          />
          <Only
            label="Only keys of a certain age"
            description="A member’s or the organisation’s key whose secret is older is not used until it is replaced. Rotation plans for it."
            on={allowed.maximumKeyAgeDays !== null}
            onSwitch={(on) => allow({ maximumKeyAgeDays: on ? 90 : null })}
          >
            <NumberInput
              aria-label="Most days that a secret may be old"
              min={1}
              max={3650}
              clampBehavior="strict"
              allowDecimal={false}
              suffix=" days"
              value={allowed.maximumKeyAgeDays ?? 90}
              onChange={(days) => allow({ maximumKeyAgeDays: Math.max(1, Number(days) || 1) })}
            />
          </Only>
          <Only
            label="Only some data regions"
            description="Only where a service promises to process what it is sent there. Where nothing is known, calls are refused."
            on={allowed.dataRegions !== null}
            onSwitch={(on) => allow({ dataRegions: on ? ['europe'] : null })}
          >
            <MultiSelect
              aria-label="Regions in which data may be processed"
              data={dataRegionIds.map((value) => ({ value, label: dataRegions[value] }))}
              value={[...(allowed.dataRegions ?? [])]}
              onChange={(chosen) => allow({ dataRegions: chosen.toSorted() })}
              clearable
            />
          </Only>
          <Switch
            label="Only services that do not train"
            description="Only where a service says that it does not train models with what it is sent. Where nothing is known, calls are refused."
            checked={allowed.noTraining}
            onChange={(event) => allow({ noTraining: event.currentTarget.checked })}
          />
        </div>
      </Panel>
      <div className={classes.aside}>
        <PolicyPreview
          changes={changes}
          preview={preview}
          isOld={settled !== document || preview.isPlaceholderData}
        />
        <Panel title="Save">
          <div className={classes.form}>
            <Textarea
              label="Reason"
              description="Members do not see it; versions and the audit trail keep it."
              autosize
              minRows={2}
              maxLength={500}
              value={reason}
              error={tried && isBlank && 'Say why: versions and the audit trail keep it.'}
              onChange={(event) => setReason(event.currentTarget.value)}
            />
            <TextInput
              type="datetime-local"
              label="Starts"
              description={`Empty: now. Times in ${zone}.`}
              value={startsAt}
              onChange={(event) => setStartsAt(event.currentTarget.value)}
            />
            {props.error ? <FaultNotice error={props.error} /> : null}
            <div className={classes.buttons}>
              <Button variant="default" disabled={changes.length === 0} onClick={() => setDocument(current)}>
                Discard changes
              </Button>
              <Button type="submit" loading={props.saving} disabled={changes.length === 0}>
                {startsAt === '' ? 'Save policy' : 'Schedule policy'}
              </Button>
            </div>
          </div>
        </Panel>
      </div>
    </form>
  )
}

const Only = (props: {
  label: string
  description: string
  on: boolean
  onSwitch: (on: boolean) => void
  children: React.ReactNode
}) => (
  <div className={classes.only}>
    <Switch
      label={props.label}
      description={props.description}
      checked={props.on}
      onChange={(event) => props.onSwitch(event.currentTarget.checked)}
    />
    {props.on && props.children}
  </div>
)

import { Button, NativeSelect } from '@mantine/core'
import { useId, useState } from 'react'
import type { Reply, Request } from '../../src/contract/endpoints.ts'
import {
  type ColumnMapping,
  type ServiceExportFormat,
  serviceExportFormat,
} from '../../src/contract/reconciliation.ts'
import { useAct, useRead } from '../data/queries.ts'
import { counted, utcDay } from '../ui/format.ts'
import { FaultNotice, Notice } from '../ui/notice.tsx'
import { tellDone } from '../ui/toast.tsx'
import { after } from './after.ts'
import classes from './billing.module.css'
import { Comparison } from './comparison.tsx'
import { formatNames } from './reconciliation-words.ts'
import { exportReads } from './reads.ts'

type Body = Request<'previewServiceExport'>['body']
type Preview = Reply<'previewServiceExport'>

const mostBytes = 8_000_000

const formatsOf = (serviceId: string): readonly ServiceExportFormat[] =>
  serviceExportFormat.options.filter((format) => format === 'csv' || format.startsWith(serviceId))

const mapped: readonly { readonly name: keyof ColumnMapping; readonly label: string }[] = [
  { name: 'day', label: 'Day' },
  { name: 'model', label: 'Model' },
  { name: 'requests', label: 'Requests' },
  { name: 'inputTokens', label: 'Input tokens' },
  { name: 'cachedInputTokens', label: 'Cached input tokens' },
  { name: 'outputTokens', label: 'Output tokens' },
  { name: 'cost', label: 'Cost in dollars' },
]

/** A file of a service: read and compared first, kept only then. */
export const ImportForm = (props: { onImported: (id: string) => void }) => {
  const fileId = useId()
  const services = useRead('listAdminServices', {})
  const preview = useAct('previewServiceExport')
  const keep = useAct('importServiceExport', exportReads)
  const [serviceId, setServiceId] = useState('openai')
  const [format, setFormat] = useState<ServiceExportFormat>('openai_usage')
  const [file, setFile] = useState<{ name: string; content: string } | null>(null)
  const [problem, setProblem] = useState<string | null>(null)
  const [mapping, setMapping] = useState<Partial<ColumnMapping>>({})
  const body = (columns: Partial<ColumnMapping>, chosen: ServiceExportFormat, content: string): Body => ({
    serviceId,
    format: chosen,
    fileName: file?.name ?? 'export',
    content,
    ...(chosen === 'csv' && columns.day && { mapping: { ...columns, day: columns.day } }),
  })
  const ask = (columns: Partial<ColumnMapping>, chosen: ServiceExportFormat, content: string) =>
    after(
      preview.mutateAsync({ body: body(columns, chosen, content) }),
      (read) => read.mapping && setMapping(read.mapping),
    )
  const choose = async (chosen: File | undefined) => {
    preview.reset()
    setProblem(null)
    setMapping({})
    if (!chosen) return setFile(null)
    if (chosen.size > mostBytes) {
      setFile(null)
      return setProblem('The file is larger than 8 MB. Export fewer days at once.')
    }
    setFile({ name: chosen.name, content: await chosen.text() })
  }
  const again = (columns: Partial<ColumnMapping>) => {
    setMapping(columns)
    if (file && columns.day) ask(columns, format, file.content)
  }
  const ready = preview.data !== undefined && preview.data.unreadable.length === 0 && preview.data.lines > 0
  return (
    <form
      className={classes.form}
      aria-label="Import an export"
      onSubmit={(event) => {
        event.preventDefault()
        if (file) ask(mapping, format, file.content)
      }}
    >
      <div className={classes.line}>
        <NativeSelect
          label="Service"
          value={serviceId}
          data={(services.data?.items ?? [{ id: 'openai', name: 'OpenAI' }]).map(({ id, name }) => ({
            value: id,
            label: name,
          }))}
          onChange={(event) => {
            const next = event.currentTarget.value
            setServiceId(next)
            setFormat(formatsOf(next)[0] ?? 'csv')
            preview.reset()
          }}
        />
        <NativeSelect
          label="Format"
          value={format}
          data={formatsOf(serviceId).map((value) => ({ value, label: formatNames[value] }))}
          onChange={(event) => {
            setFormat(serviceExportFormat.parse(event.currentTarget.value))
            preview.reset()
          }}
        />
      </div>
      <div className={classes.section}>
        <label className={classes.sectionTitle} htmlFor={fileId}>
          File
        </label>
        <input
          id={fileId}
          type="file"
          className={classes.file}
          accept=".csv,.json,.jsonl,.txt,text/csv,application/json"
          onChange={(event) => void choose(event.currentTarget.files?.[0])}
        />
        {problem && <Notice tone="warning" title={problem} live />}
      </div>
      {format === 'csv' && preview.data && preview.data.columns.length > 0 && (
        <Mapping columns={preview.data.columns} mapping={mapping} onChange={again} />
      )}
      {preview.error && <FaultNotice error={preview.error} />}
      {preview.data && <Read preview={preview.data} />}
      {keep.error && <FaultNotice error={keep.error} />}
      <div className={`${classes.buttons} ${classes.end}`}>
        <Button type="submit" variant="default" disabled={file === null} loading={preview.isPending}>
          Read and compare
        </Button>
        <Button
          disabled={!ready || file === null}
          loading={keep.isPending}
          onClick={() => {
            if (file === null) return
            after(keep.mutateAsync({ body: body(mapping, format, file.content) }), (kept) => {
              tellDone(`${kept.fileName}: ${counted(kept.lines, 'line')} kept. Each run compares them.`)
              props.onImported(kept.id)
            })
          }}
        >
          Import
        </Button>
      </div>
    </form>
  )
}

const Read = ({ preview }: { preview: Preview }) => {
  if (preview.unreadable.length > 0)
    return (
      <Notice tone="bad" live title="Some lines cannot be read, so nothing is imported">
        <ul>
          {preview.unreadable.map((line) => (
            <li key={line}>{line}</li>
          ))}
        </ul>
      </Notice>
    )
  return (
    <>
      <p className={classes.note} aria-live="polite">
        {counted(preview.lines, 'line')}
        {preview.from && preview.until && `, ${utcDay(preview.from)} until ${utcDay(preview.until)} (UTC)`}.
        Nothing is kept yet.
      </p>
      <Comparison rows={preview.comparison} />
    </>
  )
}

const Mapping = (props: {
  columns: readonly string[]
  mapping: Partial<ColumnMapping>
  onChange: (mapping: Partial<ColumnMapping>) => void
}) => (
  <fieldset className={classes.fieldset}>
    <legend className={classes.sectionTitle}>What the columns are</legend>
    <div className={classes.fields}>
      {mapped.map(({ name, label }) => (
        <NativeSelect
          key={name}
          label={label}
          value={props.mapping[name] ?? ''}
          data={[
            { value: '', label: name === 'day' ? 'Choose the column' : 'Not in the file' },
            ...props.columns.map((column) => ({ value: column, label: column })),
          ]}
          onChange={(event) => {
            const { [name]: _, ...rest } = props.mapping
            const column = event.currentTarget.value
            props.onChange(column === '' ? rest : { ...rest, [name]: column })
          }}
        />
      ))}
    </div>
  </fieldset>
)

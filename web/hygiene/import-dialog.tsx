import { Button, Checkbox, FileButton, Modal, NativeSelect, Textarea } from '@mantine/core'
import { IconUpload } from '@tabler/icons-react'
import type { UseMutationResult } from '@tanstack/react-query'
import { type DragEvent, type ReactNode, useState } from 'react'
import type { ImportLine, ImportPreview, ImportResult } from '../../src/contract/key-hygiene.ts'
import type { Service } from '../../src/contract/service-keys.ts'
import type { CallFault } from '../data/call.ts'
import { useRead } from '../data/queries.ts'
import { counted } from '../ui/format.ts'
import { EmptyState, FaultNotice, Notice } from '../ui/notice.tsx'
import classes from './hygiene.module.css'
import { canChoose, type Choice, firstChoices, linesToSend, resultWords } from './import-lines.ts'

const mostBytes = 256 * 1024

/** What a file is read and stored by: whose keys they become. */
export interface Import {
  readonly preview: UseMutationResult<ImportPreview, CallFault, { body: { text: string } }>
  readonly add: {
    readonly isPending: boolean
    readonly error: unknown
    readonly lines: (
      text: string,
      lines: ReturnType<typeof linesToSend>,
    ) => Promise<{ readonly results: readonly ImportResult[] }>
  }
  /** What is chosen for all of them. */
  readonly options?: ReactNode
  readonly isIncomplete?: boolean
}

interface ImportProps {
  readonly title: string
  readonly of: Import
  readonly onClose: () => void
}

/** Keys of a .env or CSV file: pasted, looked through without storing anything, then added line by line. */
export const ImportDialog = (props: ImportProps) => (
  <Modal opened size={680} title={props.title} onClose={props.onClose}>
    <ImportForm {...props} />
  </Modal>
)

const ImportForm = (props: ImportProps) => {
  const { preview, add, options, isIncomplete } = props.of
  const [text, setText] = useState('')
  const [found, setFound] = useState<ImportPreview | null>(null)
  const [choices, setChoices] = useState<Readonly<Record<number, Choice>>>({})
  const [results, setResults] = useState<readonly ImportResult[] | null>(null)
  const services = useRead('listServices', {})
  const chosen = found ? linesToSend(found.lines, choices) : []
  const look = () =>
    preview.mutate(
      { body: { text } },
      {
        onSuccess: (read) => {
          setFound(read)
          setChoices(firstChoices(read.lines))
        },
      },
    )
  const send = () =>
    // Faults are shown in the form.
    void add.lines(text, chosen).then(
      (done) => {
        setResults(done.results)
        // The secrets are stored or refused: the page has no more use for them.
        setText('')
      },
      () => undefined,
    )
  if (!found)
    return (
      <Paste
        text={text}
        busy={preview.isPending}
        error={preview.error}
        onText={setText}
        onLook={look}
        onClose={props.onClose}
      />
    )
  return (
    <div className={classes.form}>
      {results ? (
        <Notice
          tone={results.some(({ outcome }) => outcome === 'refused') ? 'warning' : 'info'}
          live
          title={`${resultWords(results)}.`}
        />
      ) : (
        <p>
          {found.lines.length === 0
            ? ''
            : `${counted(found.lines.length, 'line')} may hold a key, ${counted(found.skipped, 'line')} ${found.skipped === 1 ? 'does' : 'do'} not. Each is proven at its service before it is stored.`}
        </p>
      )}
      {found.lines.length === 0 && (
        <EmptyState title="No key was found in this text">
          A .env file has lines such as OPENAI_API_KEY=sk-…; a CSV file has a head line with service and
          secret.
        </EmptyState>
      )}
      <ul className={classes.lines}>
        {found.lines.map((line) => (
          <Line
            key={line.line}
            of={line}
            choice={choices[line.line]}
            result={results?.find((each) => each.line === line.line)}
            isOver={results !== null}
            services={services.data?.items ?? []}
            onChange={(choice) => setChoices({ ...choices, [line.line]: choice })}
          />
        ))}
      </ul>
      {!results && found.lines.length > 0 && options}
      {add.error ? <FaultNotice error={add.error} /> : null}
      <div className={classes.buttons}>
        {results ? (
          <Button onClick={props.onClose}>Close</Button>
        ) : (
          <>
            <Button variant="default" onClick={() => setFound(null)}>
              Back
            </Button>
            <Button loading={add.isPending} disabled={chosen.length === 0 || isIncomplete} onClick={send}>
              {chosen.length === 0 ? 'Import' : `Import ${counted(chosen.length, 'key')}`}
            </Button>
          </>
        )}
      </div>
    </div>
  )
}

const Paste = (props: {
  text: string
  busy: boolean
  error: unknown
  onText: (text: string) => void
  onLook: () => void
  onClose: () => void
}) => {
  const [over, setOver] = useState(false)
  const [problem, setProblem] = useState<string | null>(null)
  const take = async (file: File | null | undefined) => {
    if (!file) return
    setProblem(file.size > mostBytes ? 'This file is too large: at most 256 KiB.' : null)
    if (file.size <= mostBytes) props.onText(await file.text())
  }
  const drop = (event: DragEvent) => {
    event.preventDefault()
    setOver(false)
    void take(event.dataTransfer.files[0])
  }
  return (
    <div
      data-over={over || undefined}
      className={classes.drop}
      onDragOver={(event) => {
        event.preventDefault()
        setOver(true)
      }}
      onDragLeave={() => setOver(false)}
      onDrop={drop}
    >
      <form
        className={classes.form}
        onSubmit={(event) => {
          event.preventDefault()
          props.onLook()
        }}
      >
        <Textarea
          label="Text of the file"
          description="A .env or CSV file: paste it, or drop it here. First it is only looked through; nothing is stored or sent to a service."
          placeholder={'OPENAI_API_KEY=sk-…\nANTHROPIC_API_KEY=sk-ant-…'}
          rows={9}
          autoComplete="off"
          spellCheck={false}
          data-autofocus
          error={problem}
          classNames={{ input: classes.code ?? '' }}
          value={props.text}
          onChange={(event) => props.onText(event.currentTarget.value)}
        />
        {props.error ? <FaultNotice error={props.error} /> : null}
        <div className={classes.buttons}>
          <FileButton onChange={(file) => void take(file)}>
            {(button) => (
              <Button
                {...button}
                className={classes.file}
                variant="default"
                leftSection={<IconUpload size={14} />}
              >
                Choose file
              </Button>
            )}
          </FileButton>
          <Button variant="default" onClick={props.onClose}>
            Cancel
          </Button>
          <Button type="submit" loading={props.busy} disabled={props.text.trim() === ''}>
            Look through
          </Button>
        </div>
      </form>
    </div>
  )
}

const outcomes = { added: 'Added', already: 'Was there already', refused: 'Refused' } as const

const Line = (props: {
  of: ImportLine
  choice: Choice | undefined
  result: ImportResult | undefined
  isOver: boolean
  services: readonly Service[]
  onChange: (choice: Choice) => void
}) => {
  const { of, choice, result } = props
  const serviceId = choice?.serviceId ?? null
  const able = canChoose(of, choice)
  const first = props.services.filter(({ id }) => of.candidates.includes(id))
  const rest = props.services.filter(({ id }) => !of.candidates.includes(id))
  const words = result
    ? [`${outcomes[result.outcome]}.`, result.fault?.message, result.fault?.next].filter(Boolean).join(' ')
    : props.isOver
      ? 'Not chosen'
      : serviceId === of.serviceId || of.problem === null
        ? [of.problem, of.isStored ? 'Is stored already.' : of.warning].filter(Boolean).join(' ')
        : ''
  return (
    <li className={classes.line} data-outcome={result?.outcome}>
      <Checkbox
        aria-label={`Import ${of.name}`}
        disabled={props.isOver || !able}
        checked={(choice?.isChosen ?? false) && able}
        onChange={(event) => props.onChange({ isChosen: event.currentTarget.checked, serviceId })}
      />
      <div className={classes.lineWords}>
        <code className={classes.wide}>{of.name}</code>
        <span className={classes.quiet}>
          line {of.line}, ends in {of.lastFour}
        </span>
        {words !== '' && (
          <span className={classes.lineNote} data-bad={result?.outcome === 'refused' || undefined}>
            {words}
          </span>
        )}
      </div>
      <NativeSelect
        aria-label={`Service of ${of.name}`}
        disabled={props.isOver}
        value={serviceId ?? ''}
        data={[
          { value: '', label: 'Choose the service' },
          ...[...first, ...rest].map(({ id, name }) => ({ value: id, label: name })),
        ]}
        onChange={(event) => {
          const chosen = event.currentTarget.value || null
          props.onChange({ isChosen: chosen !== null, serviceId: chosen })
        }}
      />
    </li>
  )
}

import { Button, Checkbox, FileButton, Modal, NativeSelect, Textarea } from '@mantine/core'
import { IconUpload } from '@tabler/icons-react'
import { type DragEvent, useState } from 'react'
import type { ImportLine, ImportPreview, ImportResult } from '../../src/contract/key-hygiene.ts'
import type { Service } from '../../src/contract/service-keys.ts'
import { useAct, useRead } from '../data/queries.ts'
import { priorityName } from '../ui/mark.tsx'
import { counted } from '../ui/format.ts'
import { EmptyState, FaultNotice, Notice } from '../ui/notice.tsx'
import classes from './hygiene.module.css'
import { canChoose, type Choice, firstChoices, linesToSend, resultWords } from './import-lines.ts'

const mostBytes = 256 * 1024

const reads = [
  'listServiceKeys',
  'listServices',
  'listSystemKeys',
  'readKeyHygiene',
  'readAllKeyHygiene',
  'listAdminServices',
] as const

/** Keys of a .env or CSV file: pasted, looked through without storing anything, then added line by line. */
export const ImportDialog = (props: { whose: 'own' | 'system'; onClose: () => void }) => (
  <Modal
    opened
    size={680}
    title={props.whose === 'own' ? 'Import keys' : 'Import system keys'}
    onClose={props.onClose}
  >
    <ImportForm {...props} />
  </Modal>
)

const useImport = (whose: 'own' | 'system') => {
  const own = useAct('previewKeyImport')
  const system = useAct('previewSystemKeyImport')
  const addOwn = useAct('importServiceKeys', [...reads])
  const addSystem = useAct('importSystemKeys', [...reads])
  return whose === 'own'
    ? {
        preview: own,
        add: addOwn,
        addLines: (text: string, lines: ReturnType<typeof linesToSend>, _priority: number) =>
          addOwn.mutateAsync({ body: { text, lines } }),
      }
    : {
        preview: system,
        add: addSystem,
        addLines: (text: string, lines: ReturnType<typeof linesToSend>, priority: number) =>
          addSystem.mutateAsync({ body: { text, lines, priority } }),
      }
}

const ImportForm = (props: { whose: 'own' | 'system'; onClose: () => void }) => {
  const [text, setText] = useState('')
  const [found, setFound] = useState<ImportPreview | null>(null)
  const [choices, setChoices] = useState<Readonly<Record<number, Choice>>>({})
  const [results, setResults] = useState<readonly ImportResult[] | null>(null)
  const [priority, setPriority] = useState(1)
  const { preview, add, addLines } = useImport(props.whose)
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
    void addLines(text, chosen, priority).then(
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
      {add.error && <FaultNotice error={add.error} />}
      <div className={classes.buttons}>
        {props.whose === 'system' && !results && found.lines.length > 0 && (
          <NativeSelect
            className={classes.priority}
            aria-label="Priority of the imported keys"
            value={String(priority)}
            data={[1, 2, 3].map((each) => ({ value: String(each), label: priorityName(each) ?? '' }))}
            onChange={(event) => setPriority(Number(event.currentTarget.value))}
          />
        )}
        {results ? (
          <Button onClick={props.onClose}>Close</Button>
        ) : (
          <>
            <Button variant="default" onClick={() => setFound(null)}>
              Back
            </Button>
            <Button loading={add.isPending} disabled={chosen.length === 0} onClick={send}>
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

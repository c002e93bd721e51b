import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { serviceNamed, stemOf, suggest } from './import-names.ts'
import { type Entry, readImportText } from './import-text.ts'

const pairs = (text: string) =>
  readImportText(text).entries.map(({ line, name, value }) => [line, name, value])
const entry = (name: string, value: string, columns: Entry['columns'] = {}): Entry => ({
  line: 1,
  name,
  value,
  columns,
  problem: null,
})

describe('.env', () => {
  test('is read as the common readers do', () => {
    const text = [
      '\uFEFF# comment',
      'OPENAI_API_KEY=sk-one',
      'export ANTHROPIC_API_KEY = "sk two" # why',
      "GROQ_API_KEY='single \\n # kept'",
      '',
      'XAI_API_KEY=three # a comment',
      'EMPTY=',
      'YAML_KEY: four',
      'ESCAPED="a\\"b\\nc\\$d"',
      'no assignment here',
      'AFTER=five',
    ].join('\r\n')
    expect(pairs(text)).toEqual([
      [2, 'OPENAI_API_KEY', 'sk-one'],
      [3, 'ANTHROPIC_API_KEY', 'sk two'],
      [4, 'GROQ_API_KEY', 'single \\n # kept'],
      [6, 'XAI_API_KEY', 'three'],
      [7, 'EMPTY', ''],
      [8, 'YAML_KEY', 'four'],
      [9, 'ESCAPED', 'a"b\nc$d'],
      [11, 'AFTER', 'five'],
    ])
  })

  test('values over several lines, in quotes or braces, are one; a quotation mark left open costs its line alone', () => {
    const json = '{\n  "type": "service_account",\n  "a": {"b": 1}\n}'
    expect(pairs(`GOOGLE='${json}'\nBARE=${json}\nNEXT=1`)).toEqual([
      [1, 'GOOGLE', json],
      [5, 'BARE', json],
      [9, 'NEXT', '1'],
    ])
    const { entries } = readImportText('A="open\nB=closed')
    expect(entries.map(({ name, problem }) => [name, problem])).toEqual([
      ['A', 'Its quotation mark is not closed.'],
      ['B', null],
    ])
  })
})

describe('CSV', () => {
  test.each([',', ';', '\t'])('with titles, quotes and line breaks in cells, delimited by %j', (d) => {
    const rows = [
      ['Provider', 'Name', 'API Key', 'Base URL'],
      ['OpenAI', '"Team ""A""\nand B"', 'sk-one', ''],
      ['', '', '', ''],
      ['custom', 'vLLM', 'sk-two', 'https://models.example'],
    ]
    const read = readImportText(rows.map((row) => row.join(d)).join('\n'))
    expect(read.format).toBe('csv')
    expect(read.entries).toMatchObject([
      { line: 2, name: 'Team "A"\nand B', value: 'sk-one', columns: { service: 'OpenAI' } },
      {
        line: 5,
        name: 'vLLM',
        value: 'sk-two',
        columns: { service: 'custom', baseUrl: 'https://models.example' },
      },
    ])
  })

  test.each<[string, string, object]>([
    ['without titles', 'groq,gsk_1', { name: 'groq', value: 'gsk_1' }],
    [
      'of AWS',
      'Access key ID,Secret access key\nAKIA1,abc',
      { value: 'abc', columns: { accessKeyId: 'AKIA1' } },
    ],
    ['with key and value', 'key,value\nOPENAI_API_KEY,sk-1', { name: 'OPENAI_API_KEY', value: 'sk-1' }],
  ])('%s', (_, text, expected) => expect(readImportText(text).entries).toMatchObject([expected]))
})

test('whatever is pasted is read in time that grows with it, and lines are lines of the text', () => {
  const hostile = [
    'A="',
    '"',
    'A={',
    '"a,',
    "A='\n",
    'A=\\"',
    ',',
    '\n',
    'A = " # \\',
    'x,"y\n',
    'key_key_',
    ' ',
  ]
  for (const piece of hostile) {
    const startedAt = performance.now()
    readImportText(piece.repeat(200_000).slice(0, 256 * 1024))
    expect(performance.now() - startedAt, JSON.stringify(piece)).toBeLessThan(30_000)
  }
  fc.assert(
    fc.property(
      fc.string({ unit: fc.constantFrom(...'A="\'`{},;\n\t\\# :x'.split('')), maxLength: 200 }),
      (text) => {
        const lines = text.split(/\r\n?|\n/).length
        for (const { line } of readImportText(text).entries) expect(line >= 1 && line <= lines).toBe(true)
      },
    ),
  )
})

describe('the service of a key is told offline', () => {
  const alnum = 'a1'.repeat(26)
  test.each<[string, string, string | null, boolean]>([
    ['OPENAI_API_KEY', `sk-proj-${alnum}`, 'openai', false],
    ['MY_SECRET', `sk-ant-api03-${alnum}${alnum}`, 'anthropic', false],
    ['OPENAI_API_KEY', `sk-or-v1-${'0'.repeat(64)}`, 'openrouter', true],
    ['MISTRAL_API_KEY', 'a'.repeat(32), 'mistral', false],
    ['AZURE_OPENAI_API_KEY', 'a'.repeat(32), 'azure_openai', false],
    ['DEEPSEEK_API_KEY', `sk-${'a'.repeat(32)}`, 'deepseek', false],
    ['SOME_KEY', `sk-${'a'.repeat(32)}`, null, false],
    ['SESSION_SECRET', 'correct horse', null, false],
    ['GROK_KEY', `xai-${'a'.repeat(80)}`, 'xai', false],
    ['CO_API_KEY', 'a'.repeat(40), 'cohere', false],
  ])('%s=%.12s… is for %s', (name, value, serviceId, warns) => {
    const suggestion = suggest(entry(name, value))
    expect(suggestion.serviceId).toBe(serviceId)
    expect(suggestion.warning !== null).toBe(warns)
  })

  test('a column that names the service counts, and the address of a server of one’s own', () => {
    const secret = `sk-proj-${alnum}`
    expect(suggest(entry('x', 'whatever', { service: 'Hugging Face' })).serviceId).toBe('huggingface')
    expect(
      suggest(entry('x', secret, { service: 'custom', baseUrl: 'https://models.example' })).serviceId,
    ).toBe('custom')
    expect(serviceNamed('__proto__')).toBeNull()
  })

  test.each([
    ['AZURE_OPENAI_API_KEY', 'AZURE_OPENAI_ENDPOINT'],
    ['AWS_SECRET_ACCESS_KEY', 'AWS_REGION'],
    ['OPENAI_API_KEY_2', 'OPENAI_BASE_URL_2'],
  ])('%s and %s belong together', (a, b) => expect(stemOf(a)).toBe(stemOf(b)))
})

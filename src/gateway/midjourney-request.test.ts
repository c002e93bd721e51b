import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { midjourneyTracker } from '../long-operations/midjourney-task.ts'
import { readSubmitReply, submitReplyFor } from './midjourney-reply.ts'
import { bodyForServer, readMidjourneyRequest } from './midjourney-request.ts'
import { midjourneyRouteOf, type Submission } from './midjourney-routes.ts'

const read = (what: Submission, body: unknown) => {
  const request = readMidjourneyRequest(what, Buffer.from(JSON.stringify(body)))
  if (!request.ok) throw new Error(request.fault.message)
  return request.value
}

describe('a submission', () => {
  test.each<[Submission, Record<string, unknown>, string]>([
    ['imagine', { prompt: 'a cube' }, 'task:imagine'],
    ['imagine', { prompt: 'a cube --turbo' }, 'task:imagine:turbo'],
    ['imagine', { prompt: 'a cube --relax --ar 1:1' }, 'task:imagine:relax'],
    ['imagine', { prompt: 'a --turbocharged cube' }, 'task:imagine'],
    ['change', { taskId: '1', action: 'UPSCALE', index: 1 }, 'task:upscale'],
    ['change', { taskId: '1', action: 'VARIATION', index: 1 }, 'task:variation'],
    ['change', { taskId: '1', action: 'REROLL' }, 'task:reroll'],
    ['change', { taskId: '1', action: 'constructor' }, 'task:change'],
    ['simple-change', { content: '1 U2' }, 'task:upscale'],
    ['simple-change', { content: '1 v3' }, 'task:variation'],
    ['simple-change', { content: '1 R' }, 'task:reroll'],
    ['action', { taskId: '1', customId: 'MJ::JOB::upsample::2::x' }, 'task:upscale'],
    ['action', { taskId: '1', customId: 'MJ::JOB::low_variation::1::x::SOLO' }, 'task:variation'],
    ['action', { taskId: '1', customId: 'MJ::Outpaint::50::1::x::SOLO' }, 'task:zoom'],
    ['action', { taskId: '1', customId: 'MJ::Inpaint::1::x::SOLO' }, 'task:inpaint'],
    ['action', { taskId: '1', customId: 'MJ::JOB::pan_left::1::x::SOLO' }, 'task:pan'],
    ['action', { taskId: '1', customId: 'MJ::BOOKMARK::x' }, 'task:action'],
    ['modal', { taskId: '1' }, 'task:modal'],
    ['describe', { base64: 'x' }, 'task:describe'],
    ['blend', { base64Array: [] }, 'task:blend'],
    ['shorten', { prompt: 'a' }, 'task:shorten'],
  ])('%s %j is priced as %3$s', (what, body, unit) => {
    expect(read(what, body).units).toEqual({ [unit]: 1 })
  })

  test('never carries the caller’s address to the server, and everything else as it came', () => {
    const body = { prompt: 'é "x"', state: 's', notifyHook: 'https://example.com/hook' }
    const request = read('imagine', body)
    expect(request.webhookUrl).toBe('https://example.com/hook')
    expect(JSON.parse(bodyForServer(request, null))).toEqual({ prompt: 'é "x"', state: 's' })
  })

  test('names the server’s own task', () => {
    expect(bodyForServer(read('change', { taskId: '7-abc', action: 'REROLL' }), '7')).toBe(
      '{"taskId":"7","action":"REROLL"}',
    )
    expect(bodyForServer(read('simple-change', { content: '7-abc U1' }), '7')).toBe('{"content":"7 U1"}')
  })

  test.each<[Submission, unknown, string]>([
    ['change', { action: 'UPSCALE' }, 'taskId'],
    ['simple-change', { content: 'U1' }, 'content'],
    ['imagine', { prompt: 'a', notifyHook: 7 }, 'notifyHook'],
  ])('%s %j is refused for %s', (what, body, field) => {
    expect(readMidjourneyRequest(what, Buffer.from(JSON.stringify(body)))).toMatchObject({
      ok: false,
      fault: { code: 'invalid_request', field },
    })
  })

  test('that asks for what its account costs is told apart', () => {
    expect(read('imagine', { prompt: 'a', accountFilter: {} }).unpriced).toBe('accountFilter')
    expect(read('imagine', { prompt: 'a', botType: 'NIJI_JOURNEY' }).unpriced).toBeNull()
  })
})

describe('paths', () => {
  test.each([
    ['/mj/submit/imagine?x=1', { kind: 'submit', what: 'imagine' }],
    ['/mj/task/12%2F3/fetch', { kind: 'fetch', taskId: '12/3' }],
    ['/mj/task/list-by-condition', { kind: 'list' }],
    ['/mj/task/1/image-seed', { kind: 'image_seed' }],
  ])('%s is known', (url, route) => {
    expect(midjourneyRouteOf(url)).toMatchObject(route)
  })

  test.each([
    '/mj/task/list',
    '/mj/account/list',
    '/mj/task/queue',
    '/mj/submit/imagine/x',
    '/mj/submit/constructor',
    '/mj/task/%/fetch',
    '/mj/task//fetch',
  ])('%s is not', (url) => {
    expect(midjourneyRouteOf(url)).toBeNull()
  })
})

describe('a server’s reply', () => {
  test.each([
    [
      { code: 1, result: '5' },
      { kind: 'accepted', taskId: '5', isRepeat: false },
    ],
    [
      { code: 1, result: 5 },
      { kind: 'accepted', taskId: '5' },
    ],
    [
      { code: 21, result: '5' },
      { kind: 'accepted', isRepeat: true },
    ],
    [
      { code: 22, result: '5' },
      { kind: 'accepted', isRepeat: false },
    ],
    [{ code: 1, result: null }, { kind: 'unreadable' }],
    [{ code: 3 }, { kind: 'refused', final: false }],
    [{ code: 4 }, { kind: 'refused', final: true }],
    [{ code: 9 }, { kind: 'refused', final: false }],
    [{ code: 23 }, { kind: 'refused', final: false }],
    [{ code: 24 }, { kind: 'refused', final: true }],
    [{ code: 99 }, { kind: 'refused', final: false }],
    [{ result: '5' }, { kind: 'unreadable' }],
    [[], { kind: 'unreadable' }],
  ])('%j is understood', (body, meaning) => {
    expect(readSubmitReply(JSON.stringify(body), false)).toMatchObject(meaning)
  })

  test('tells nothing of the platform’s account', () => {
    const properties = { discordInstanceId: 'x', numberOfQueues: 2 }
    expect(submitReplyFor({ code: 22, result: '5', properties }, '5', false)).toEqual({
      code: 22,
      result: '5',
      properties: { numberOfQueues: 2 },
    })
    expect(submitReplyFor({ code: 22, result: '5', properties }, '5', true)['properties']).toEqual(properties)
  })

  test('of any bytes never throws, and never ends a task', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), fc.integer({ min: 100, max: 599 }), (body, status) => {
        readSubmitReply(body, true)
        const answer = midjourneyTracker.read('1', status, body)
        expect(answer.kind === 'task' && answer.state !== 'running').toBe(false)
      }),
    )
  })
})

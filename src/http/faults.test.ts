import { expect, test } from 'vitest'
import { FaultError, fault } from '../kit/fault.ts'
import { errorBody, faultOf } from './faults.ts'

test('a fault is answered as it is', () => {
  const given = fault('policy_denied', { field: 'serviceId' })
  expect(faultOf(new FaultError(given))).toBe(given)
})

test('an error that nobody expected is internal, and its text stays here', () => {
  const answer = errorBody(faultOf(new Error('password of postgres is hunter2')), 'id')
  expect(answer.error.code).toBe('internal')
  expect(JSON.stringify(answer)).not.toContain('hunter2')
})

test.each([
  ['FST_ERR_CTP_INVALID_JSON_BODY', 'malformed_json'],
  ['FST_ERR_CTP_EMPTY_JSON_BODY', 'malformed_json'],
  ['FST_ERR_CTP_INVALID_MEDIA_TYPE', 'unsupported_media_type'],
  ['FST_ERR_CTP_BODY_TOO_LARGE', 'body_too_large'],
  ['FST_ERR_SOMETHING_NEW', 'internal'],
  ['22021', 'invalid_request'],
  ['ECONNREFUSED', 'database_unavailable'],
])('the shell’s %s is %s', (code, expected) => {
  expect(faultOf(Object.assign(new Error('x'), { code })).code).toBe(expected)
})

test('a schema issue names the field and the rule', () => {
  const validation = [{ instancePath: '/services/0/fallback', message: 'Invalid option' }]
  expect(faultOf({ validation, validationContext: 'body' })).toMatchObject({
    code: 'invalid_request',
    field: 'services.0.fallback',
    message: 'services.0.fallback: Invalid option.',
  })
})

import { expect, test } from 'vitest'
import { ERRORS, type ErrorCode, MirrorError } from '../core/errors.ts'
import { renderProblem, toProblem } from './problems.ts'
import { problemSchema } from './system-contract.ts'

test('every code of the catalogue makes a valid problem with its own status', () => {
  for (const code of Object.keys(ERRORS) as ErrorCode[]) {
    const problem = problemSchema.parse(renderProblem(code, 'because'))
    expect(problem.status).toBe(ERRORS[code].status)
  }
})

test('a bug and an internal error say nothing about themselves', () => {
  for (const error of [new TypeError('secret'), 'secret', null, new MirrorError('internal', 'secret')]) {
    expect(toProblem(error)).toMatchObject({ code: 'internal', status: 500 })
    expect(JSON.stringify(toProblem(error))).not.toContain('secret')
  }
})

test('an error about one field names it', () => {
  const error = new MirrorError('invalid_request', 'too long', { details: { path: 'settings.part' } })
  expect(toProblem(error).errors).toEqual([{ path: 'settings.part', message: 'too long' }])
})

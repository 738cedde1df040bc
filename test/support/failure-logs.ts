// Set-up file of the tests that run Mirror as a process: a test that fails shows what each Mirror said last. Of a run on
// another machine nothing else may be left, and the failure may be too rare to be seen a second time.
import { afterEach } from 'vitest'
import { forgetEnded, lastWords } from './talkers.ts'

afterEach(({ task }) => {
  const error = task.result?.errors?.[0]
  if (error !== undefined) error.message = [error.message, ...lastWords()].join('\n\n')
  forgetEnded()
})

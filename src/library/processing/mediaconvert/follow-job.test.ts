import { expect, test } from 'vitest'
import { MirrorError } from '../../../core/errors.ts'
import { followJob } from './follow-job.ts'
import type { JobReport } from './job-state.ts'

const away = new MirrorError('mediaconvert_unavailable', 'nobody answers')

/** Answers in this order; the last one stays. */
function follow(answers: readonly (JobReport | Error | null)[], signal = new AbortController().signal) {
  const left = [...answers]
  const seen = { asked: 0, cancelled: [] as string[], percents: [] as number[] }
  const api = {
    create: async () => 'job-1',
    async report() {
      seen.asked += 1
      const answer = left.length > 1 ? left.shift() : left[0]
      if (answer instanceof Error) throw answer
      return answer ?? null
    },
    cancel: async (id: string) => void seen.cancelled.push(id),
    async [Symbol.asyncDispose]() {},
  }
  const onPercent = (percent: number) => void seen.percents.push(percent)
  return { seen, ended: followJob('job-1', { api, pollMs: 1, maxMs: 60_000, onPercent }, signal) }
}

test('silence is borne for ten minutes of questions, each time anew', async () => {
  const silence = Array.from({ length: 19 }, () => away)
  const running = { Status: 'PROGRESSING', JobPercentComplete: 50 } as const
  const patient = follow([...silence, running, ...silence, { Status: 'COMPLETE' }])
  await patient.ended
  expect(patient.seen).toEqual({ asked: 40, cancelled: [], percents: [50] })
  const lost = follow([running, away])
  await expect(lost.ended).rejects.toBe(away)
  expect(lost.seen).toMatchObject({ asked: 21, cancelled: [] })
})

test('what is refused is not asked again', async () => {
  const refused = new MirrorError('mediaconvert_refused', 'no')
  const { ended, seen } = follow([refused])
  await expect(ended).rejects.toBe(refused)
  expect(seen.asked).toBe(1)
})

test('a job that AWS has forgotten has failed', async () => {
  await expect(follow([null]).ended).rejects.toMatchObject({ code: 'mediaconvert_failed' })
})

test('an abort ends the wait and leaves the job alone', async () => {
  const stop = new AbortController()
  const { ended, seen } = follow([{ Status: 'SUBMITTED' }], stop.signal)
  setImmediate(() => stop.abort())
  await expect(ended).rejects.toMatchObject({ name: 'AbortError' })
  expect(seen.cancelled).toEqual([])
})

// Jobs over the API, the WebSocket, the metrics and the command line.
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { EventPageView } from '../../src/api/event-contract.ts'
import type { JobPageView, JobView } from '../../src/api/job-contract.ts'
import type { Problem } from '../../src/api/system-contract.ts'
import { MirrorError } from '../../src/core/errors.ts'
import type { JobContext } from '../../src/jobs/job-runner.ts'
import { startTestApi, type TestApi } from '../support/api-server.ts'
import { adminEnvironment, type CommandSetting, runCommand } from '../support/command-line.ts'

let api: TestApi
/** Runs of `slow` that are under way. */
const running = new Map<string, { readonly context: JobContext; readonly end: () => void }>()

beforeAll(async () => {
  api = await startTestApi({}, () => ({
    quick: { limit: 2, run: async ({ job }) => ({ answer: job.payload['question'] }) },
    wrong: {
      limit: 1,
      run: async () => {
        throw new MirrorError('invalid_request', 'that cannot be done')
      },
    },
    slow: {
      limit: 1,
      async run(context) {
        const { promise, resolve, reject } = Promise.withResolvers<void>()
        context.signal.addEventListener('abort', () => reject(context.signal.reason), { once: true })
        running.set(context.job.id, { context, end: resolve })
        await promise
        return { ended: 'well' }
      },
    },
  }))
})
afterAll(async () => {
  await api[Symbol.asyncDispose]()
})

async function add(kind: string, payload: Record<string, unknown> = {}): Promise<string> {
  return (await api.options.jobs.add({ kind, payload })).job.id
}

const view = async (id: string) => await api.json<JobView>(`/api/v1/jobs/${id}`)

async function begun(id: string) {
  await expect.poll(() => running.has(id)).toBe(true)
  const run = running.get(id)
  if (run === undefined) throw new Error('it did not begin')
  return run
}

async function mirror(args: string[], setting: Omit<CommandSetting, 'env'> = {}) {
  return await runCommand(args, { env: adminEnvironment(api), ...setting })
}

test('a job is seen in the list without its result, and alone with it; the list is filtered and paged', async () => {
  const ids = [await add('quick', { question: 1 }), await add('quick', { question: 2 }), await add('wrong')]
  await expect.poll(async () => (await view(ids[1] ?? '')).state).toBe('done')
  await expect.poll(async () => (await view(ids[2] ?? '')).state).toBe('failed')
  expect(await view(ids[1] ?? '')).toMatchObject({ kind: 'quick', input: { question: 2 }, result: { answer: 2 } })
  const quick = await api.json<JobPageView>('/api/v1/jobs?kind=quick&limit=1')
  expect(quick).toMatchObject({ jobs: [{ id: ids[1] }], nextBefore: ids[1] })
  expect(quick.jobs[0]).not.toHaveProperty('result')
  const next = await api.json<JobPageView>(`/api/v1/jobs?kind=quick&limit=1&before=${ids[1]}`)
  expect(next).toMatchObject({ jobs: [{ id: ids[0] }], nextBefore: null })
  const failed = await api.json<JobPageView>('/api/v1/jobs?state=failed')
  expect(failed.jobs).toMatchObject([
    { id: ids[2], failure: { code: 'invalid_request', message: 'that cannot be done' } },
  ])
  const unknown = await api.request('/api/v1/jobs/nobody')
  expect((await unknown.json()) as Problem).toMatchObject({ status: 404, code: 'job_not_found' })
  expect((await api.request('/api/v1/jobs?state=tired')).status).toBe(400)
})

test('a running job that is cancelled stops; one that has ended is a conflict', async () => {
  const id = await add('slow')
  await begun(id)
  const told = await api.json<JobView>(`/api/v1/jobs/${id}/cancel`, { method: 'POST' })
  expect(told).toMatchObject({ state: 'running', cancelRequested: true })
  await expect.poll(async () => (await view(id)).state).toBe('cancelled')
  const again = await api.request(`/api/v1/jobs/${id}/cancel`, { method: 'POST' })
  expect((await again.json()) as Problem).toMatchObject({ status: 409, code: 'job_ended' })
})

test('begin, end and failure of a job are events, and jobs are counted by kind and result', async () => {
  const id = await add('slow')
  const { end } = await begun(id)
  const metrics = async () => await (await api.request('/metrics')).text()
  expect(await metrics()).toContain('jobs_running{kind="slow"} 1')
  end()
  await expect.poll(metrics).toContain('jobs_running{kind="slow"} 0')
  expect(await metrics()).toContain('jobs_waiting{kind="slow"} 0')
  expect(await metrics()).toContain('jobs_throttled_total{kind="slow"} 0')
  expect(await metrics()).toMatch(/jobs_total\{kind="slow",result="done"\} [1-9]/)
  expect(await metrics()).toMatch(/job_duration_seconds_count\{kind="slow"\} [1-9]/)
  const eventsOf = async (jobId: string) => {
    await api.server.events.flush()
    const { events } = await api.json<EventPageView>('/api/v1/events?limit=500')
    return events.filter(({ details }) => details['jobId'] === jobId).map(({ type }) => type)
  }
  await expect.poll(() => eventsOf(id)).toEqual(['job.done', 'job.started'])
  const wrong = await add('wrong')
  await expect.poll(() => eventsOf(wrong)).toEqual(['job.failed', 'job.started'])
})

test('a command that waits writes over one line on a terminal, and says what came of it', async () => {
  const id = await add('slow')
  const { context, end } = await begun(id)
  const out = { stdout: '', stderr: '' }
  const waiting = mirror(['job', 'wait', id], { isTerminal: true, out })
  await expect
    .poll(async () => {
      context.progress({ done: 1200, total: 3000, note: 'objects' })
      return (await view(id)).progress
    })
    .toMatchObject({ done: 1200 })
  const shown = await mirror(['job', 'list', '--kind', 'slow', '--state', 'running'])
  expect(shown.stdout).toMatch(new RegExp(`${id} +slow +running .*1,200 of 3,000 objects`))
  await expect.poll(() => out.stderr).toContain('\r\u001b[Kslow  1,200 of 3,000 objects')
  end()
  const { code, stdout, stderr } = await waiting
  expect(code).toBe(0)
  expect(stderr).not.toContain('\n')
  expect(stdout).toMatch(/state +done/)
  expect(stdout).toMatch(/ended +"well"/)
})

test('Ctrl-C leaves the job running and says how to see it again', async () => {
  const id = await add('slow')
  const { end } = await begun(id)
  const stop = new AbortController()
  const waiting = mirror(['job', 'wait', id], { signal: stop.signal })
  await expect.poll(async () => (await view(id)).state).toBe('running')
  stop.abort()
  const { code, stderr } = await waiting
  expect(code).toBe(1)
  expect(stderr).toContain(`Job ${id} goes on without you.`)
  expect(stderr).toContain(`mirror job wait ${id}`)
  expect((await view(id)).state).toBe('running')
  expect((await mirror(['job', 'cancel', id])).stdout).toBe(`Job ${id} is told to stop.\n`)
  await expect.poll(async () => (await view(id)).state).toBe('cancelled')
  expect(await mirror(['job', 'wait', id])).toMatchObject({ code: 1, stderr: expect.stringContaining('was cancelled') })
  end()
})

test('a job that failed ends its command with the reason', async () => {
  const id = await add('wrong')
  const { code, stderr } = await mirror(['job', 'wait', id])
  expect(code).toBe(1)
  expect(stderr).toContain(`Job ${id} (wrong) has failed: that cannot be done`)
})

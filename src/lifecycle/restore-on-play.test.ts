import { expect, test } from 'vitest'
import { MirrorError } from '../core/errors.ts'
import { silentLog } from '../core/log.ts'
import type { JobRow, NewJob } from '../jobs/types.ts'
import { RestoreOnPlay } from './restore-on-play.ts'

const SEVEN_MS = Date.UTC(2026, 10, 21, 7)
const segment = (hour: string, name: string) => `dvr/default/demo/v0/2026/11/21/${hour}/${name}`

function host(fails = false) {
  const added: Omit<NewJob, 'id'>[] = []
  const clock = { nowMs: 0 }
  const restores = new RestoreOnPlay({
    jobs: {
      add: async (job) => {
        added.push(job)
        if (fails) throw new MirrorError('database_unavailable', 'away')
        return { job: {} as JobRow, isNew: true }
      },
    },
    keepMs: 1000,
    now: () => clock.nowMs,
    log: silentLog,
  })
  return { added, clock, restores }
}

test('however many ask for an hour, it is restored once, with all its tracks', async () => {
  const { added, clock, restores } = host()
  for (const name of ['1.m4s', '2.m4s', 'abc.pack']) await restores.want(segment('07', name))
  await restores.want(segment('08', '9.m4s'))
  expect(added.map(({ payload }) => payload['fromMs'])).toEqual([SEVEN_MS, SEVEN_MS + 3_600_000])
  expect(added[0]).toMatchObject({
    kind: 'object-restore',
    payload: { stream: { tenantId: 'default', streamId: 'demo' }, toMs: SEVEN_MS + 3_600_000, keepMs: 1000 },
  })
  clock.nowMs += 10_000
  await restores.want(segment('07', '1.m4s'))
  // The same job, if it still runs.
  expect(added.at(-1)?.dedupeKey).toBe(added[0]?.dedupeKey)
})

test('what is no media of a recording is not restored', async () => {
  const { added, restores } = host()
  for (const key of ['backup/catalog/x', 'dvr/default/demo/index.json', segment('07', '07.index.json'), '../x']) {
    await restores.want(key)
  }
  expect(added).toEqual([])
})

test('a wish that could not be written down is tried again by the next viewer', async () => {
  const { added, restores } = host(true)
  await restores.want(segment('07', '1.m4s'))
  await restores.want(segment('07', '1.m4s'))
  expect(added).toHaveLength(2)
})

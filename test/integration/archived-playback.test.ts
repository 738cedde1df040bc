// A real Mirror over a recording that was made before it started: media that is archived answers at once, is restored
// because somebody wants to see it, and plays.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { JobPageView, JobView } from '../../src/api/job-contract.ts'
import {
  cellAt,
  INIT,
  range,
  record,
  SEVEN_MS,
  SOUND,
  soundOf,
} from '../../src/dvr/care/recorded-store.test-support.ts'
import { openFolderStore } from '../../src/storage/folder-store.ts'
import { MirrorProcess } from '../support/mirror-process.ts'

const COUNT = 20
/** Longer than a machine stands still: one must be able to see it restoring. */
const RESTORE_DELAY_SEC = 6

test('archived media answers "restoring, ready at", comes back, and plays', { timeout: 90_000 }, async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'mirror-archived-'))
  await using away = new AsyncDisposableStack()
  away.defer(() => rm(dataDir, { recursive: true, force: true }))
  await mkdir(join(dataDir, 'store'))
  const store = away.use(await openFolderStore(join(dataDir, 'store', 'hot'), { randomId: () => crypto.randomUUID() }))
  await record({ store, folder: dataDir, mode: 'segment', packs: [range(0, COUNT)] })
  const config = join(dataDir, 'mirror.yml')
  await writeFile(config, `archive: { restoreDelay: ${RESTORE_DELAY_SEC}s, keepRestored: 1h }\n`)
  const mirror = away.use(await MirrorProcess.start({ dataDir, env: { MIRROR_CONFIG: config } }))
  await mirror.api('POST', '/streams', { id: SOUND.streamId })

  const at = (path: string) => fetch(`${mirror.mediaUrl}/stream/demo/${path}`)
  const segment = () => at(`a0/${cellAt(4)}.m4s`)
  const playlist = `a0/playlist.m3u8?start=${SEVEN_MS}&end=${SEVEN_MS + COUNT * 2000}`
  expect(Buffer.from(await (await segment()).arrayBuffer()).equals(soundOf(4, 100))).toBe(true)
  const before = await (await at(playlist)).text()

  const { id } = await mirror.api<JobView>('POST', '/objects/move', { stream: 'demo', tier: 'archive' })
  await expect
    .poll(async () => (await mirror.api<JobView>('GET', `/jobs/${id}`)).state, { timeout: 20_000 })
    .toBe('done')

  // Playlists name the same media as ever: it is there, only not at once.
  expect(await (await at(playlist)).text()).toBe(before)
  expect((await at(`a0/${INIT.name}`)).status).toBe(200)
  // Not when it is restored: it would be there then.
  const first = await segment()
  expect([first.status, first.headers.get('content-type')]).toEqual([503, 'application/problem+json'])
  expect(await first.json()).toMatchObject({ code: 'object_archived', status: 503 })
  await expect
    .poll(
      async () => {
        const answer = await segment()
        const detail = answer.ok ? '' : ((await answer.json()) as { detail: string }).detail
        return { status: answer.status, detail, retryAfter: Number(answer.headers.get('retry-after')) }
      },
      { interval: 50 },
    )
    .toMatchObject({
      status: 503,
      detail: expect.stringMatching(/^This part of the recording is restoring, ready at 20\d\d-.*Z$/),
      retryAfter: expect.toSatisfy((seconds: number) => seconds >= 1 && seconds <= RESTORE_DELAY_SEC),
    })
  await expect.poll(async () => (await segment()).status, { timeout: 20_000 }).toBe(200)
  // All of its hour, soon after.
  for (const n of range(0, COUNT)) {
    const asItWas = async () =>
      Buffer.from(await (await at(`a0/${cellAt(n)}.m4s`)).arrayBuffer()).equals(soundOf(n, 100))
    await expect.poll(asItWas, { timeout: 20_000 }).toBe(true)
  }
  const { jobs } = await mirror.api<JobPageView>('GET', '/jobs?kind=object-restore')
  expect(jobs).toHaveLength(1)
})

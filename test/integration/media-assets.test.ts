// Sound and video as jobs: how far they are, what a cancelled one leaves, and at which step it goes on.
import { execFile, spawn } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { AssetView, UploadedAssetView } from '../../src/api/asset-contract.ts'
import { MirrorError } from '../../src/core/errors.ts'
import { silentLog } from '../../src/core/log.ts'
import { ASSET_JOBS, assetJobs } from '../../src/library/assets/asset-job.ts'
import type { ObjectStore } from '../../src/storage/object-store.ts'
import { ADMIN_TOKEN, NO_LIMITS, startTestApi, type TestApi } from '../support/api-server.ts'
import { adminEnvironment, runCommand } from '../support/command-line.ts'
import { createMemoryTiers } from '../support/memory-tiers.ts'

const run = promisify(execFile)

let api: TestApi
let folder = ''
/** Puts of keys with this in them fail. */
let failPutsOf: string | null = null
const children: number[] = []

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mirror-media-assets-'))
  const store = createMemoryTiers()
  const put: ObjectStore['put'] = async (key, body, call) => {
    if (failPutsOf !== null && key.includes(failPutsOf)) throw new MirrorError('store_cannot', 'it takes no such thing')
    return await store.put(key, body, call)
  }
  const bound = { get: store.get.bind(store), head: store.head.bind(store), delete: store.delete.bind(store) }
  const watched: typeof spawn = ((...args: Parameters<typeof spawn>) => {
    const child = spawn(...args)
    if (child.pid !== undefined) children.push(child.pid)
    return child
  }) as typeof spawn
  // Its clock runs fast, so that the share that is done is written down as soon as ffmpeg tells it.
  let skippedMs = 0
  const hasty = (now: () => number) => () => {
    skippedMs += 3000
    return now() + skippedMs
  }
  api = await startTestApi({ store, limits: NO_LIMITS }, ({ catalog, news, now }) =>
    assetJobs({
      converter: null,
      ...{ assets: catalog.assets, store: { ...bound, put }, news, now: hasty(now), spawn: watched, log: silentLog },
      ...{ scratchDir: join(folder, 'scratch'), ffmpegPath: 'ffmpeg' },
      disk: { freeBytes: async () => 2 ** 40, keepFreeBytes: 0, copies: 1 },
      media: { maxDurationSec: 600, stepMs: 600_000, threads: 1 },
    }),
  )
})

afterAll(async () => {
  await api?.[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

async function upload(name: string, args: readonly string[]): Promise<string> {
  const path = join(folder, name)
  await run('ffmpeg', ['-v', 'error', '-y', ...args, path])
  const form = new FormData()
  form.set('file', new Blob([new Uint8Array(await readFile(path))]), name)
  const headers = { authorization: `Bearer ${ADMIN_TOKEN}` }
  const response = await fetch(`${api.url}/api/v1/assets`, { method: 'POST', headers, body: form })
  return ((await response.json()) as UploadedAssetView).asset.id
}

const view = async (id: string) => await api.json<AssetView>(`/api/v1/assets/${id}`)
const status = async (id: string) => (await view(id)).status
const names = ({ renditions }: AssetView) => renditions.map(({ name }) => name).sort()

test('a step that fails keeps what was made before it, and processing goes on there', async () => {
  failPutsOf = '/opus-'
  const id = await upload('tone.wav', ['-f', 'lavfi', '-i', 'sine=r=16000:d=2'])
  await expect.poll(async () => (await view(id)).failure?.step, { timeout: 30_000 }).toBe('opus')
  const failed = await view(id)
  expect(names(failed)).toEqual(['m4a', 'waveform'])
  expect((await api.request(`/api/v1/assets/${id}/original`)).status).toBe(200)
  failPutsOf = '/m4a-'
  if (failed.status === 'failed') await api.json(`/api/v1/assets/${id}/process`, { method: 'POST', body: {} })
  await expect.poll(() => status(id), { timeout: 60_000 }).toBe('ready')
  failPutsOf = null
  const ready = await view(id)
  expect(names(ready)).toEqual(['m4a', 'opus', 'waveform'])
  expect(ready.playback?.hls).toMatch(/^http:\/\/127\.0\.0\.1:8888\/vod\/default\/.*\/playlist\.m3u8$/)
  expect((await api.request(`/api/v1/assets/${id}/renditions/hls`)).status).toBe(404)
  const { stdout } = await runCommand(['asset', 'show', id], { env: adminEnvironment(api) })
  expect(stdout).toMatch(/^Lasts +2\.0 s$/m)
  expect(stdout).toContain(`\n${ready.playback?.hls}\n`)
})

test('how far a long step is shows in the asset and in its job, and a cancelled one leaves no process and no file', async () => {
  const source = ['-f', 'lavfi', '-i', 'testsrc=s=1280x720:d=80:r=5']
  const noise = [...source, '-c:v', 'libx264', '-preset', 'ultrafast', '-crf', '35', '-pix_fmt', 'yuv420p']
  const id = await upload('long.mkv', noise)
  await expect.poll(async () => (await view(id)).step?.percent ?? 0, { timeout: 60_000 }).toBeGreaterThan(0)
  const { step, percent, status: shown } = await view(id)
  expect({ name: step?.name, shown }).toEqual({ name: 'mp4', shown: 'processing' })
  expect(percent).toBeGreaterThanOrEqual(28)
  interface Jobs {
    readonly jobs: readonly { id: string; kind: string; state: string; progress: { note: string } | null }[]
  }
  const job = async () =>
    (await api.json<Jobs>('/api/v1/jobs?limit=50')).jobs.find(({ kind }) => kind === 'asset-video')
  await expect.poll(async () => (await job())?.progress?.note, { timeout: 30_000 }).toMatch(/^mp4 \d+ %$/)
  await api.json(`/api/v1/jobs/${(await job())?.id}/cancel`, { method: 'POST' })
  await expect.poll(() => status(id), { timeout: 30_000 }).toBe('failed')
  expect((await view(id)).failure).toMatchObject({ step: 'mp4', code: 'job_ended' })
  await expect.poll(() => children.filter(isAlive), { timeout: 15_000 }).toEqual([])
  await expect.poll(() => readdir(join(folder, 'scratch')), { timeout: 15_000 }).toEqual([])
  expect((await view(id)).renditions).toEqual([])
})

test('a video with the name of a picture is refused before anything reads it', async () => {
  const video = ['-f', 'lavfi', '-i', 'testsrc=s=64x48:d=0.2', '-pix_fmt', 'yuv420p', '-f', 'mp4']
  const id = await upload('holiday.jpg', video)
  await expect.poll(() => status(id), { timeout: 15_000 }).toBe('failed')
  expect((await view(id)).failure).toEqual({
    ...{ step: 'identify', code: 'content_unsupported', message: 'it is named .jpg, but its bytes are video/mp4' },
  })
  expect(ASSET_JOBS).toHaveLength(3)
})

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

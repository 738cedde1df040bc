// Recordings are compressed by the real ffmpeg, over a store in memory and a real catalog.
import { execFile, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { callRecording } from '../../../test/contract/recordings.ts'
import { createMemoryTiers } from '../../../test/support/memory-tiers.ts'
import { openCatalog } from '../../catalog/open-catalog.ts'
import type { Catalog } from '../../catalog/types.ts'
import { silentLog } from '../../core/log.ts'
import type { JobClaim } from '../../jobs/types.ts'
import { collect } from '../../storage/collect.ts'
import { callRecordingKey, callRecordingPrefix, parseObjectKey } from '../../storage/keys.ts'
import { createMemoryStore } from '../../storage/memory-store.ts'
import type { ObjectStore } from '../../storage/object-store.ts'
import { Scratch } from '../processing/scratch.ts'
import type { ColdFormat } from './cold-format.ts'
import { type CompressorHost, compressRecording } from './compress-recording.ts'
import { moveRecordingsJob } from './move-recordings.ts'
import type { RecordingRow } from './recording.ts'
import { RecordingBook } from './recording-book.ts'
import { createSoundReader } from './sound-reader.ts'

const run = promisify(execFile)
const { signal } = new AbortController()
const now = () => 1_795_200_000_000
const TOOLS = { ffmpegPath: 'ffmpeg', ffprobePath: 'ffprobe', spawn, log: silentLog }

let folder: string
let catalog: Catalog
let store: ObjectStore
let claim: JobClaim

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mirror-compress-'))
  catalog = await openCatalog({ kind: 'sqlite', path: join(folder, 'catalog.sqlite') }, { log: silentLog, signal })
  store = createMemoryStore({ nowMs: now })
  await catalog.jobs.add({ id: 'job', kind: 'recording-tiers', payload: {} }, now())
  const job = await catalog.jobs.claim({ kinds: ['recording-tiers'], owner: 'here', nowMs: now(), leaseMs: 60_000 })
  claim = { id: 'job', fence: job?.fence ?? 0 }
})
afterEach(async () => {
  await catalog[Symbol.asyncDispose]()
  await rm(folder, { recursive: true })
})

async function host(coldFormat: ColdFormat, change: Partial<CompressorHost> = {}): Promise<CompressorHost> {
  return {
    ...{ book: new RecordingBook({ recordings: catalog.recordings, now }), store, ledger: catalog.ledger, now },
    ...{ sound: createSoundReader(TOOLS), ffmpeg: { ...TOOLS, threads: 1 }, coldFormat },
    scratch: await Scratch.open(join(folder, 'scratch')),
    ...change,
  }
}

const WAV = { signal, contentType: 'audio/wav' }
const order = () => ({ claim, attempt: 1, signal })

const VOICES = 'sine=f=220:d=4:r=8000[a];anoisesrc=d=4:c=pink:a=0.05:r=8000[b]'
const NOISE = 'anoisesrc=d=4:a=1:r=8000:seed=1[a];anoisesrc=d=4:a=1:r=8000:seed=2[b]'

/** Two sides of a call, as ffmpeg writes a WAV; `args` say how. */
async function recorded(
  id: string,
  args: readonly string[],
  change: Partial<RecordingRow> = {},
  sides = VOICES,
): Promise<RecordingRow> {
  const path = join(folder, `${id}.wav`)
  const call = `${sides};[a][b]join=inputs=2:channel_layout=stereo`
  await run('ffmpeg', ['-v', 'error', '-y', '-filter_complex', call, ...args, path])
  const bytes = await readFile(path)
  await store.put(callRecordingKey('default', id), bytes, WAV)
  const row = callRecording(id, {
    ...{ status: 'COMPLETED', format: 'wav', codec: 'pcm_s16le', channels: 2, sampleRateHz: 8000, durationMs: 4000 },
    ...{ contentType: 'audio/wav', sizeBytes: bytes.length, sha256: sha256(bytes) },
    ...change,
  })
  await catalog.recordings.add(row)
  return row
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

async function stored(key: string): Promise<Uint8Array | null> {
  const parsed = parseObjectKey(key)
  await using body = parsed === null ? null : await store.get(parsed, { signal })
  return body === null ? null : await collect(body.chunks)
}

async function keysOf(id: string): Promise<string[]> {
  const keys: string[] = []
  for await (const { key } of store.list(callRecordingPrefix('default', id), { signal })) keys.push(key)
  return keys
}

async function samples(bytes: Uint8Array): Promise<Buffer> {
  const path = join(folder, 'judged')
  await writeFile(path, bytes)
  const args = ['-v', 'error', '-i', path, '-f', 's16le', '-c:a', 'pcm_s16le', 'pipe:1']
  return (await run('ffmpeg', args, { encoding: 'buffer', maxBuffer: 2 ** 26 })).stdout
}

test('FLAC brings back every sample, in fewer bytes, and the original goes', async () => {
  const row = await recorded('a', ['-c:a', 'pcm_s16le'])
  const original = (await stored(row.objectKey)) ?? new Uint8Array()
  const kept = await compressRecording(await host('flac'), row, order())
  expect(kept).toMatchObject({ format: 'flac', codec: 'flac', contentType: 'audio/flac', replacedKey: null })
  expect(kept?.original).toEqual({
    ...{ sha256: sha256(original), sizeBytes: original.length, format: 'wav', codec: 'pcm_s16le' },
  })
  expect(await catalog.recordings.get('default', 'a')).toEqual(kept)
  const bytes = (await stored(kept?.objectKey ?? '')) ?? new Uint8Array()
  expect({ sizeBytes: bytes.length, sha256: sha256(bytes) }).toEqual({
    sizeBytes: kept?.sizeBytes,
    sha256: kept?.sha256,
  })
  expect(bytes.length).toBeLessThan(0.9 * original.length)
  expect((await samples(bytes)).equals(await samples(original))).toBe(true)
  expect(await keysOf('a')).toEqual(['recordings/default/a/sound.flac'])
  const keys = [row.objectKey, kept?.objectKey ?? '']
  const steps = (await catalog.ledger.history({ keys, limit: 9 })).toSorted((one, other) => one.seq - other.seq)
  expect(steps.map(({ action, state, key }) => `${action} ${state} ${key}`)).toEqual([
    ...['intent', 'verified', 'done'].map((state) => `compress ${state} recordings/default/a/sound.flac`),
    ...['intent', 'done'].map((state) => `delete ${state} recordings/default/a/original`),
  ])
  expect(await readdir(join(folder, 'scratch'))).toEqual([])
})

test('Opus is as long, has both sides of the call, and says what it was made of', async () => {
  const row = await recorded('a', ['-c:a', 'pcm_mulaw'], { codec: 'pcm_mulaw' })
  const kept = await compressRecording(await host('opus'), row, order())
  expect(kept).toMatchObject({ format: 'ogg', codec: 'opus', original: { codec: 'pcm_mulaw', sha256: row.sha256 } })
  const frames = (await samples((await stored(kept?.objectKey ?? '')) ?? new Uint8Array())).length / 4
  expect(frames / 48_000).toBeCloseTo(4, 1)
})

test('what would hardly be smaller stays as it is', async () => {
  const row = await recorded('a', ['-c:a', 'pcm_s16le'], {}, NOISE)
  expect(await compressRecording(await host('flac'), row, order())).toEqual(row)
  expect(await keysOf('a')).toEqual(['recordings/default/a/original'])
})

test('a damaged original is left alone and named', async () => {
  const row = await recorded('a', ['-c:a', 'pcm_s16le'])
  const damaged = (await stored(row.objectKey)) ?? new Uint8Array()
  damaged[200] = (damaged[200] ?? 0) ^ 1
  await store.put(callRecordingKey('default', 'a'), damaged, WAV)
  await expect(compressRecording(await host('flac'), row, order())).rejects.toMatchObject({ code: 'recording_damaged' })
  expect(await keysOf('a')).toEqual(['recordings/default/a/original'])
})

test('sound that comes out otherwise does not take the place of the original', async () => {
  const row = await recorded('a', ['-c:a', 'pcm_s16le'], { durationMs: 9000 })
  await expect(compressRecording(await host('opus'), row, order())).rejects.toThrow(/9000 ms of 2 channels became/)
  expect(await keysOf('a')).toEqual(['recordings/default/a/original'])
  expect(await catalog.recordings.get('default', 'a')).toEqual(row)
})

test('killed before the original was gone, the next attempt takes it away', async () => {
  const row = await recorded('a', ['-c:a', 'pcm_s16le'])
  const dying = { ...store, delete: async () => Promise.reject(new Error('killed')) }
  await expect(compressRecording(await host('flac', { store: dying }), row, order())).rejects.toThrow('killed')
  const between = await catalog.recordings.get('default', 'a')
  expect(between).toMatchObject({ format: 'flac', replacedKey: row.objectKey })
  expect(await keysOf('a')).toHaveLength(2)
  const kept = await compressRecording(await host('flac'), between ?? row, order())
  expect(kept).toMatchObject({ replacedKey: null })
  expect(await keysOf('a')).toEqual(['recordings/default/a/sound.flac'])
})

test('killed before its row named it, the compressed one is written again', async () => {
  const row = await recorded('a', ['-c:a', 'pcm_s16le'])
  const book = new RecordingBook({ recordings: catalog.recordings, now })
  book.place = async () => Promise.reject(new Error('killed'))
  await expect(compressRecording(await host('flac', { book }), row, order())).rejects.toThrow('killed')
  expect((await catalog.recordings.get('default', 'a'))?.objectKey).toBe(row.objectKey)
  expect(await compressRecording(await host('flac'), row, order())).toMatchObject({ format: 'flac', replacedKey: null })
})

test('a recording that was deleted meanwhile leaves nothing behind', async () => {
  const row = await recorded('a', ['-c:a', 'pcm_s16le'])
  const slow: ObjectStore = {
    ...store,
    put: async (...args) => {
      const put = await store.put(...args)
      await catalog.recordings.remove('default', 'a', now())
      return put
    },
  }
  expect(await compressRecording(await host('flac', { store: slow }), row, order())).toBeNull()
  expect(await keysOf('a')).toEqual(['recordings/default/a/original'])
})

test('whose job was taken over writes nothing', async () => {
  const row = await recorded('a', ['-c:a', 'pcm_s16le'])
  claim = { ...claim, fence: claim.fence + 1 }
  await expect(compressRecording(await host('flac'), row, order())).rejects.toMatchObject({ code: 'job_abandoned' })
  expect(await keysOf('a')).toEqual(['recordings/default/a/original'])
})

test('where the disk is full nothing goes uncompressed: the job waits until there is room', async () => {
  const row = await recorded('a', ['-c:a', 'pcm_s16le'], { createdAtMs: now() - 40 * 86_400_000 })
  const withFolder = async () => Promise.reject(Object.assign(new Error('no space left'), { code: 'ENOSPC' }))
  const tiers = Object.assign(createMemoryTiers(), { tiers: ['hot', 'warm'] as const })
  const job = moveRecordingsJob({
    ...(await host('flac', { scratch: { withFolder } })),
    ...{ store: tiers, ledger: catalog.ledger, recordings: catalog.recordings },
    policies: {
      standard: { hotToWarmDays: 30, warmToColdDays: 0, retentionDays: 0, enabled: true },
      isStandardActive: true,
      async *all() {},
    },
  })
  const claimed = await catalog.jobs.get('job')
  if (claimed === null) throw new Error('no job')
  const running = job.run({ job: claimed, claim, signal, progress() {} })
  await expect(running).rejects.toMatchObject({ code: 'scratch_full' })
  expect(await catalog.recordings.get('default', 'a')).toEqual(row)
})

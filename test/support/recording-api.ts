// An API that takes recordings of calls, over the store of a test, with an ear that hears what is in a WAV header.

import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { RecordingView } from '../../src/api/recording-contract.ts'
import type { ApiServerOptions } from '../../src/api/server.ts'
import { MirrorError } from '../../src/core/errors.ts'
import { silentLog } from '../../src/core/log.ts'
import { Scratch } from '../../src/library/processing/scratch.ts'
import { APPLY_POLICY_JOB, applyPolicyJob } from '../../src/library/recordings/apply-policy.ts'
import type { ColdFormat } from '../../src/library/recordings/cold-format.ts'
import { MOVE_RECORDINGS_JOB, moveRecordingsJob } from '../../src/library/recordings/move-recordings.ts'
import type { Sound } from '../../src/library/recordings/process-recording.ts'
import { type RecordingJobsHost, recordingJobs } from '../../src/library/recordings/recording-jobs.ts'
import { createSoundReader } from '../../src/library/recordings/sound-reader.ts'
import type { TieredStore } from '../../src/storage/tiers.ts'
import { NO_LIMITS, startTestApi, type TestApi } from './api-server.ts'

export interface RecordingApi extends TestApi {
  /** As what the job `recording-tiers` keeps what it moves. */
  coldFormat: ColdFormat
  readonly pulls: Map<string, () => ReturnType<RecordingJobsHost['pull']>>
  /** A form, field by field, in this order; a `Uint8Array` is the file. */
  send(fields: Readonly<Record<string, string | Uint8Array<ArrayBuffer>>>, key?: string | null): Promise<Response>
  /** The recording once it has reached an end. */
  ended(id: string): Promise<RecordingView>
}

export async function startRecordingApi(
  store: TieredStore,
  change: Partial<ApiServerOptions> = {},
): Promise<RecordingApi> {
  const pulls: RecordingApi['pulls'] = new Map()
  const folder = await mkdtemp(join(tmpdir(), 'mirror-scratch-'))
  const scratch = await Scratch.open(folder)
  const api: TestApi = await startTestApi(
    { store, limits: NO_LIMITS, ...change },
    ({ catalog, book, policies, jobs, now }) => ({
      ...recordingJobs({
        ...{ book, policies, jobs, now, store, ledger: catalog.ledger },
        sound: { read: async (file) => headerSound(await readFile(file)) },
        pull: async (url) => {
          const pull = pulls.get(url)
          if (pull === undefined) throw new MirrorError('stream_offline', `${url} answers nobody`)
          return await pull()
        },
        openSealed: (sealed) => api.options.secrets.open(sealed),
        maxBytes: 2 ** 20,
        scratch,
      }),
      [MOVE_RECORDINGS_JOB]: moveRecordingsJob({
        ...{ book, policies, now, store, ledger: catalog.ledger, recordings: catalog.recordings, scratch },
        ...{ sound: createSoundReader(TOOLS), ffmpeg: { ...TOOLS, threads: 1 } },
        get coldFormat() {
          return opened.coldFormat
        },
      }),
      [APPLY_POLICY_JOB]: applyPolicyJob({ policies, now, recordings: catalog.recordings }),
    }),
  )
  const opened: RecordingApi = {
    ...api,
    coldFormat: 'original',
    pulls,
    async send(fields, key) {
      const form = new FormData()
      for (const [name, value] of Object.entries(fields)) {
        if (typeof value === 'string') form.append(name, value)
        else form.append(name, new Blob([value], { type: 'text/html' }), 'Anruf.wav')
      }
      const bearer = key === undefined ? api.options.adminToken : key
      const headers: Record<string, string> = bearer === null ? {} : { authorization: `Bearer ${bearer}` }
      return await fetch(`${api.url}/api/v1/recordings/upload`, { method: 'POST', body: form, headers })
    },
    async ended(id) {
      for (;;) {
        const seen = await api.json<RecordingView>(`/api/v1/recordings/${id}`)
        if (seen.status === 'COMPLETED' || seen.status === 'FAILED') return seen
        await new Promise((resolve) => setTimeout(resolve, 10))
      }
    },
    async [Symbol.asyncDispose]() {
      await api[Symbol.asyncDispose]()
      await rm(folder, { recursive: true })
    },
  }
  return opened
}

const TOOLS = { ffmpegPath: 'ffmpeg', ffprobePath: 'ffprobe', spawn, log: silentLog }
const RATE = 8000

/** Sixteen bit, 8 kHz. */
export function wav(seconds: number, channels = 1): Uint8Array<ArrayBuffer> {
  const data = Buffer.alloc(seconds * RATE * 2 * channels, 'sound')
  const head = Buffer.alloc(44)
  head.write('RIFF', 0, 'latin1')
  head.writeUInt32LE(36 + data.byteLength, 4)
  head.write('WAVEfmt ', 8, 'latin1')
  head.writeUInt32LE(16, 16)
  head.writeUInt16LE(1, 20)
  head.writeUInt16LE(channels, 22)
  head.writeUInt32LE(RATE, 24)
  head.writeUInt32LE(RATE * 2 * channels, 28)
  head.writeUInt16LE(2 * channels, 32)
  head.writeUInt16LE(16, 34)
  head.write('data', 36, 'latin1')
  head.writeUInt32LE(data.byteLength, 40)
  return new Uint8Array(Buffer.concat([head, data]))
}

function headerSound(bytes: Buffer): Sound {
  if (bytes.toString('latin1', 0, 4) !== 'RIFF') throw new MirrorError('content_unsupported', 'It holds no sound')
  const channels = bytes.readUInt16LE(22)
  const durationMs = Math.round(((bytes.byteLength - 44) / (RATE * 2 * channels)) * 1000)
  return {
    durationMs,
    codec: 'pcm_s16le',
    channels,
    sampleRateHz: RATE,
    peaks: { sampleRateHz: RATE, channels: 1, samplesPerPeak: 4, length: 1, data: [-5, 7] },
  }
}

// MediaConvert as its documentation has it, for one test: takes jobs over HTTP, answers what it is told to, and makes what a
// job asks for, with ffmpeg out of a store. It shows what Mirror asks, not what AWS does.
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { collect } from '../../src/storage/collect.ts'
import { parseObjectKey } from '../../src/storage/keys.ts'
import type { ObjectKey, ObjectStore } from '../../src/storage/object-store.ts'

const run = promisify(execFile)
const { signal } = new AbortController()

/** What the next question about a job is answered with; the last word stays. A number is an HTTP status. */
export type Word =
  | 'SUBMITTED'
  | `PROGRESSING ${number}`
  | 'COMPLETE'
  | 'CANCELED'
  | { readonly errorCode: number; readonly errorMessage: string }
  | 500

interface AudioWish {
  readonly audioSourceName: string
  readonly codecSettings: { readonly aacSettings: { readonly bitrate: number; readonly sampleRate: number } }
}

interface OutputWish {
  readonly nameModifier: string
  readonly extension: string
  readonly videoDescription: {
    readonly width: number
    readonly height: number
    readonly codecSettings: {
      readonly h264Settings: {
        readonly maxBitrate: number
        readonly gopSize: number
        readonly framerateNumerator: number
        readonly framerateDenominator: number
      }
    }
  }
  readonly audioDescriptions?: readonly AudioWish[]
}

/** As it comes over the line. */
export interface JobWish {
  readonly clientRequestToken: string
  readonly role: string
  readonly userMetadata: Readonly<Record<string, string>>
  readonly settings: {
    readonly inputs: readonly [
      { readonly fileInput: string; readonly audioSelectors?: Readonly<Record<string, { readonly tracks: number[] }>> },
    ]
    readonly outputGroups: readonly [
      {
        readonly outputGroupSettings: { readonly fileGroupSettings: { readonly destination: string } }
        readonly outputs: readonly OutputWish[]
      },
    ]
  }
}

export interface MadeJob {
  readonly id: string
  readonly wish: JobWish
  words: Word[]
  /** It was answered so often. */
  asked: number
  isCancelled: boolean
  isMade: boolean
}

export class FakeMediaConvert implements AsyncDisposable {
  readonly jobs: MadeJob[] = []
  /** `POST /2017-08-29/jobs`, as they came. */
  readonly requests: string[] = []
  /** Headers of requests that are not signed as AWS wants it. */
  readonly unsigned: string[] = []
  /** For each job that begins; the last one stays. */
  scripts: Word[][] = [['COMPLETE']]
  /** How often a job is made and the line cut before that is said. */
  cuts = 0
  refusal: { readonly status: number; readonly type: string; readonly message: string } | null = null
  /** Makes pictures of another size than was asked for. */
  isSloppy = false
  readonly #place: { readonly bucket: string; readonly prefix: string; readonly store: ObjectStore }
  readonly #server: Server

  private constructor(place: FakeMediaConvert['place'], server: Server) {
    this.#place = place
    this.#server = server
    server.on('request', (request, response) => {
      this.#answer(request, response).catch((error: unknown) => {
        say(response, 500, { message: String(error) })
      })
    })
  }

  static async open(place: FakeMediaConvert['place']): Promise<FakeMediaConvert> {
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return new FakeMediaConvert(place, server)
  }

  get place(): { readonly bucket: string; readonly prefix: string; readonly store: ObjectStore } {
    return this.#place
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** Deletes of jobs that were asked for, in order. */
  get cancelled(): readonly string[] {
    return this.jobs.filter(({ isCancelled }) => isCancelled).map(({ id }) => id)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise<void>((resolve) => this.#server.close(() => resolve()))
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = Buffer.from(await collect(request)).toString()
    const { authorization = '' } = request.headers
    const isSigned =
      /^AWS4-HMAC-SHA256 Credential=[^/]+\/\d{8}\/eu-central-1\/mediaconvert\/aws4_request, SignedHeaders=\S*host\S*, Signature=[0-9a-f]{64}$/
    if (!isSigned.test(authorization) || request.headers['x-amz-date'] === undefined) this.unsigned.push(authorization)
    const [, id] = /^\/2017-08-29\/jobs(?:\/([^/]+))?$/.exec(request.url ?? '') ?? []
    const job = this.jobs.find((one) => one.id === id)
    if (request.method === 'POST' && id === undefined) return this.#create(body, response)
    if (job === undefined) return say(response, 404, { message: 'no such job' }, 'NotFoundException')
    if (request.method === 'GET') return await this.#report(job, response)
    const [word] = job.words
    if (word === 'COMPLETE' || word === 'CANCELED' || typeof word === 'object') {
      return say(response, 409, { message: 'it has ended' }, 'ConflictException')
    }
    job.isCancelled = true
    job.words = ['CANCELED']
    return say(response, 202, {})
  }

  #create(body: string, response: ServerResponse): void {
    this.requests.push(body)
    if (this.refusal !== null) {
      const { status, type, message } = this.refusal
      return say(response, status, { message }, type)
    }
    const wish = JSON.parse(body) as JobWish
    let job = this.jobs.find((one) => one.wish.clientRequestToken === wish.clientRequestToken)
    if (job === undefined) {
      const script = this.scripts.length > 1 ? this.scripts.shift() : this.scripts[0]
      job = {
        id: jobId(this.jobs.length),
        wish,
        words: [...(script ?? ['COMPLETE'])],
        asked: 0,
        isCancelled: false,
        isMade: false,
      }
      this.jobs.push(job)
    }
    if (this.cuts > 0) {
      this.cuts -= 1
      response.socket?.destroy()
      return
    }
    say(response, 201, { job: { id: job.id, status: 'SUBMITTED', role: wish.role, settings: wish.settings } })
  }

  async #report(job: MadeJob, response: ServerResponse): Promise<void> {
    const word = (job.words.length > 1 ? job.words.shift() : job.words[0]) ?? 'COMPLETE'
    job.asked += 1
    if (word === 500) return say(response, 500, { message: 'come again' }, 'InternalServerErrorException')
    if (word === 'COMPLETE' && !job.isMade) await this.#make(job.wish)
    job.isMade ||= word === 'COMPLETE'
    const [status = '', percent] = typeof word === 'string' ? word.split(' ') : ['ERROR']
    const { id, wish } = job
    say(response, 200, {
      job: {
        ...{ id, status, role: wish.role, settings: wish.settings, userMetadata: wish.userMetadata },
        ...(percent === undefined ? {} : { jobPercentComplete: Number(percent) }),
        ...(typeof word === 'object' ? word : {}),
      },
    })
  }

  async #make({ settings }: JobWish): Promise<void> {
    const [input] = settings.inputs
    const [group] = settings.outputGroups
    const folder = await mkdtemp(join(tmpdir(), 'mirror-mediaconvert-'))
    try {
      const original = await this.#place.store.get(this.#key(input.fileInput), { signal })
      if (original === null) throw new Error(`${input.fileInput} is not there`)
      const source = join(folder, 'source')
      await writeFile(source, await collect(original.chunks))
      for (const output of group.outputs) {
        const path = join(folder, `made.${output.extension}`)
        await run('ffmpeg', [
          '-v',
          'error',
          '-y',
          '-i',
          source,
          ...this.#args(output, input.audioSelectors ?? {}),
          path,
        ])
        const { destination } = group.outputGroupSettings.fileGroupSettings
        const key = this.#key(`${destination}${output.nameModifier}.${output.extension}`)
        await this.#place.store.put(key, await readFile(path), { signal, contentType: 'video/mp4' })
      }
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  }

  #args(output: OutputWish, selectors: Readonly<Record<string, { readonly tracks: number[] }>>): readonly string[] {
    const { width, height, codecSettings } = output.videoDescription
    const { maxBitrate, gopSize, framerateNumerator, framerateDenominator } = codecSettings.h264Settings
    const size = this.isSloppy ? `${width * 2}:${height * 2}` : `${width}:${height}`
    const rate = String(maxBitrate)
    const sound = (output.audioDescriptions ?? []).flatMap(({ audioSourceName, codecSettings: { aacSettings } }) => {
      const track = (selectors[audioSourceName]?.tracks[0] ?? 0) - 1
      const to = ['-ar', String(aacSettings.sampleRate), '-b:a', String(aacSettings.bitrate), '-ac', '2']
      return ['-map', `0:a:${track}`, '-c:a', 'aac', ...to]
    })
    return [
      ...['-map', '0:v:0', '-vf', `scale=${size},setsar=1,fps=${framerateNumerator}/${framerateDenominator}`],
      ...['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p', '-maxrate', rate, '-bufsize', rate],
      ...['-g', String(gopSize), '-keyint_min', String(gopSize), '-sc_threshold', '0'],
      ...sound,
      ...['-movflags', '+faststart'],
    ]
  }

  /** As a role sees the bucket: nothing but what lies below the prefix. */
  #key(address: string): ObjectKey {
    const root = `s3://${this.#place.bucket}/${this.#place.prefix}`
    const key = address.startsWith(root) ? parseObjectKey(address.slice(root.length)) : null
    if (key === null) throw new Error(`not in the bucket: ${address}`)
    return key
  }
}

/** Of the first, second … job, from 0. */
export function jobId(index: number): string {
  return `1671477617078-${index}`
}

function say(response: ServerResponse, status: number, body: unknown, errorType?: string): void {
  response.writeHead(status, {
    'content-type': 'application/json',
    ...(errorType === undefined ? {} : { 'x-amzn-errortype': errorType }),
  })
  response.end(JSON.stringify(body))
}

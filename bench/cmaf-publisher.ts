// Process of the encoders: replays fragments of a file in real time to many streams by CMAF over HTTP, with decode times
// on the clock of the machine, so that latency can be read off them. It copies nothing but fragment headers: ffmpeg in
// its place takes more CPU than Mirror does.
import { readFile } from 'node:fs/promises'
import { type ClientRequest, request } from 'node:http'
import { answerParent } from './child-module.ts'
import { Durations, epochMs, type Percentiles } from './figures.ts'
import { type Fragment, type FragmentedFile, readFragments } from './fragments.ts'
import { GOP_SEC, LOOP_SEC } from './source-media.ts'

export interface PublisherStart {
  readonly file: string
  readonly streams: readonly {
    readonly url: string
    /** Every frame is sent this long after its media time has passed: encoders of different streams are not in step. */
    readonly delayMs: number
  }[]
}

export interface PublisherFigures {
  readonly sentBytes: number
  /** How much later than due fragments were sent. */
  readonly lateMs: Percentiles | null
  /** Most bytes that waited for a slow receiver. */
  readonly backlogBytes: number
  /** Streams that were refused or cut off. */
  readonly failures: readonly string[]
}

/** All begin together, this long after the order. */
const LEAD_MS = 500
const MAX_REASON_LENGTH = 300

const late = new Durations()
const failures: string[] = []
const encoders: Encoder[] = []
let sentBytes = 0
let backlogBytes = 0

answerParent({ start, measure, result, stop })

async function start({ file, streams }: PublisherStart): Promise<void> {
  const media = readFragments(await readFile(file))
  // Keyframes lie on even seconds, as an epoch-locked encoder puts them.
  const firstSec = Math.ceil((epochMs() + LEAD_MS) / 1000 / GOP_SEC) * GOP_SEC
  for (const { url, delayMs } of streams) encoders.push(new Encoder(media, url, firstSec, delayMs))
}

function measure(): void {
  late.reset()
  sentBytes = 0
  backlogBytes = 0
}

function result(): PublisherFigures {
  return { sentBytes, lateMs: late.percentiles(), backlogBytes, failures }
}

function stop(): void {
  for (const encoder of encoders) encoder.stop()
}

class Encoder {
  readonly #media: FragmentedFile
  readonly #firstSec: number
  readonly #delayMs: number
  readonly #request: ClientRequest
  #timer: NodeJS.Timeout | null = null
  #loop = 0
  #index = 0
  #isStopped = false

  constructor(media: FragmentedFile, url: string, firstSec: number, delayMs: number) {
    this.#media = media
    this.#firstSec = firstSec
    this.#delayMs = delayMs
    this.#request = request(url, { method: 'POST', headers: { 'Content-Type': 'video/mp4' } })
    this.#request.on('error', (error) => this.#fail(error.message))
    this.#request.on('response', (response) => {
      let body = ''
      response.setEncoding('utf8')
      response.on('data', (text: string) => {
        body = (body + text).slice(0, MAX_REASON_LENGTH)
      })
      response.on('close', () => this.#fail(`answered ${response.statusCode} in mid-stream: ${body}`))
    })
    this.#request.write(media.header)
    this.#schedule()
  }

  stop(): void {
    this.#isStopped = true
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#request.end()
  }

  #fail(reason: string): void {
    if (this.#isStopped) return
    failures.push(reason)
    this.stop()
  }

  get #next(): Fragment {
    const fragment = this.#media.fragments[this.#index]
    if (fragment === undefined) throw new Error('no such fragment')
    return fragment
  }

  get #dueMs(): number {
    return (this.#firstSec + this.#loop * LOOP_SEC + this.#next.readySec) * 1000 + this.#delayMs
  }

  #schedule(): void {
    this.#timer = setTimeout(() => this.#sendDue(), Math.max(0, this.#dueMs - epochMs()))
  }

  #sendDue(): void {
    const nowMs = epochMs()
    this.#request.cork()
    while (!this.#isStopped && this.#dueMs <= nowMs + 0.5) {
      late.record(nowMs - this.#dueMs)
      this.#send(this.#next)
      this.#index++
      if (this.#index < this.#media.fragments.length) continue
      this.#index = 0
      this.#loop++
    }
    this.#request.uncork()
    backlogBytes = Math.max(backlogBytes, this.#request.writableLength)
    if (!this.#isStopped) this.#schedule()
  }

  #send({ moof, mdat, decodeTimes }: Fragment): void {
    const patched = Buffer.from(moof)
    const loopStartSec = this.#firstSec + this.#loop * LOOP_SEC
    for (const { offset, ticks, timescale } of decodeTimes) {
      patched.writeBigUInt64BE(BigInt(loopStartSec * timescale + ticks), offset)
    }
    this.#request.write(patched)
    this.#request.write(mdat)
    sentBytes += patched.length + mdat.length
  }
}

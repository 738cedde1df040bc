// One encoder in, any number of publishers out: every output carries the same media with the same timestamps, and may
// start late. Two Mirrors behind it are two origins of one stream.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { request } from 'node:http'
import { type FlvTagToSend, RtmpClient } from './rtmp-client.ts'

export type RelayFormat = 'ts' | 'flv' | 'cmaf'

/** An output that falls this far behind is cut off: a relay that waited for it would hold up the others. */
const MAX_QUEUED_BYTES = 4 * 2 ** 20
const TS_PACKET_BYTES = 188
const FLV_FILE_HEADER_BYTES = 13
const FLV_TAG_HEADER_BYTES = 11
const EXIT_TIMEOUT_MS = 2000

/** What no output gets less of. */
interface Unit {
  readonly bytes: Uint8Array
  /** Part of what a late output must get first; null: media. A later one of the same kind takes its place. */
  readonly header: string | null
}

interface Sink {
  readonly queuedBytes: () => number
  readonly send: (bytes: Uint8Array) => void
  /** The encoder is done, or the output is to end politely. */
  readonly end: () => Promise<void>
}

const INPUT_ARGS: Readonly<Record<RelayFormat, readonly string[]>> = {
  ts: ['-f', 'mpegts', '-muxdelay', '0', 'pipe:1'],
  flv: ['-f', 'flv', '-flvflags', 'no_duration_filesize', 'pipe:1'],
  cmaf: [
    ...['-f', 'mp4', '-movflags', '+cmaf+frag_keyframe+empty_moov+default_base_moof+delay_moov'],
    ...['-frag_duration', '200000', '-flush_packets', '1', 'pipe:1'],
  ],
}

/** Decode times counted from 1970: `frag_discont` makes ffmpeg write them as they are; it forbids `delay_moov`. */
export function epochClockArgs(nowMs: number): readonly string[] {
  return [
    ...['-output_ts_offset', String(Math.floor(nowMs / 1000)), '-f', 'mp4'],
    ...['-movflags', '+cmaf+frag_keyframe+empty_moov+default_base_moof+frag_discont'],
    ...['-frag_duration', '200000', '-flush_packets', '1', 'pipe:1'],
  ]
}

export class Relay implements AsyncDisposable {
  readonly #format: RelayFormat
  readonly #encoder: ChildProcess
  readonly #outputs = new Set<RelayOutput>()
  readonly #headers = new Map<string, Uint8Array>()
  #rest: Uint8Array = new Uint8Array(0)
  #isPastFlvHeader = false
  #isLosing = false

  /** `args`: ffmpeg's up to the output format; `output`: instead of the format's usual ones. */
  constructor(format: RelayFormat, args: readonly string[], output: readonly string[] = INPUT_ARGS[format]) {
    this.#format = format
    this.#encoder = spawn('ffmpeg', [...args, ...output], { stdio: ['ignore', 'pipe', 'inherit'] })
    this.#encoder.stdout?.on('data', (bytes: Uint8Array) => this.#push(bytes))
  }

  /** Begins to publish with the next whole unit: a transport packet, a tag, a fragment. */
  async connect(url: string): Promise<RelayOutput> {
    const open = { ts: openSrt, flv: openRtmp, cmaf: openCmaf }[this.#format]
    const output = new RelayOutput(await open(url), () => this.#outputs.delete(output))
    for (const bytes of this.#headers.values()) output.send(bytes)
    this.#outputs.add(output)
    return output
  }

  /** Media that passes until the returned function is called is lost for every output. */
  loseMedia(): () => void {
    this.#isLosing = true
    return () => {
      this.#isLosing = false
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#encoder.exitCode === null && this.#encoder.signalCode === null) {
      const exited = once(this.#encoder, 'exit')
      this.#encoder.kill('SIGKILL')
      await exited
    }
    await Promise.all([...this.#outputs].map((output) => output.end()))
  }

  #push(bytes: Uint8Array): void {
    this.#rest = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes])
    for (let unit = this.#take(); unit !== null; unit = this.#take()) {
      if (unit.header !== null) this.#headers.set(unit.header, unit.bytes)
      else if (this.#isLosing) continue
      for (const output of this.#outputs) output.send(unit.bytes)
    }
  }

  #take(): Unit | null {
    switch (this.#format) {
      case 'ts':
        return this.#cut(this.#rest.length - (this.#rest.length % TS_PACKET_BYTES), null)
      case 'flv':
        return this.#takeTag()
      case 'cmaf':
        return this.#takeBoxes()
    }
  }

  #takeTag(): Unit | null {
    if (!this.#isPastFlvHeader) {
      if (this.#cut(FLV_FILE_HEADER_BYTES, null) === null) return null
      this.#isPastFlvHeader = true
    }
    if (this.#rest.length < FLV_TAG_HEADER_BYTES + 2) return null
    const view = new DataView(this.#rest.buffer, this.#rest.byteOffset)
    const type = view.getUint8(0)
    // Metadata, or the second byte of an AAC (10) or AVC (codec 7) tag: 0 is a sequence header.
    const codec = view.getUint8(FLV_TAG_HEADER_BYTES)
    const isAac = type === 8 && codec >> 4 === 10
    const isAvc = type === 9 && (codec & 15) === 7
    const isHeader = type === 18 || ((isAac || isAvc) && view.getUint8(FLV_TAG_HEADER_BYTES + 1) === 0)
    return this.#cut(FLV_TAG_HEADER_BYTES + (view.getUint32(0) & 0xffffff) + 4, isHeader ? String(type) : null)
  }

  /** `ftyp` and `moov` are the header; a unit of media ends with its `mdat`. */
  #takeBoxes(): Unit | null {
    const view = new DataView(this.#rest.buffer, this.#rest.byteOffset, this.#rest.byteLength)
    let at = 0
    while (at + 8 <= this.#rest.length) {
      const type = Buffer.from(this.#rest.subarray(at + 4, at + 8)).toString('latin1')
      at += view.getUint32(at)
      if (type === 'ftyp' || type === 'moov') return this.#cut(at, type)
      if (type === 'mdat') return this.#cut(at, null)
    }
    return null
  }

  #cut(length: number, header: string | null): Unit | null {
    if (length === 0 || this.#rest.length < length) return null
    const bytes = this.#rest.subarray(0, length)
    this.#rest = this.#rest.subarray(length)
    return { bytes, header }
  }
}

export class RelayOutput {
  readonly #sink: Sink
  readonly #onEnd: () => void
  #isOverrun = false

  constructor(sink: Sink, onEnd: () => void) {
    this.#sink = sink
    this.#onEnd = onEnd
  }

  /** True when its reader was so slow that it was cut off. */
  get isOverrun(): boolean {
    return this.#isOverrun
  }

  send(bytes: Uint8Array): void {
    if (this.#sink.queuedBytes() > MAX_QUEUED_BYTES) {
      this.#isOverrun = true
      void this.end()
      return
    }
    this.#sink.send(bytes)
  }

  async end(): Promise<void> {
    this.#onEnd()
    await this.#sink.end()
  }
}

/** libsrt's own tool in a process of its own, fed through its standard input. */
async function openSrt(url: string): Promise<Sink> {
  const args = ['-q', '-ll:fatal', '-a:no', '-chunk:1316', 'file://con', `${url}&latency=1000&conntimeo=20000`]
  const child = spawn('srt-live-transmit', args, { stdio: ['pipe', 'ignore', 'inherit'] })
  const { stdin } = child
  stdin.on('error', () => {}) // The listener has gone; `end` still finds the child.
  await once(child, 'spawn')
  return {
    queuedBytes: () => stdin.writableLength,
    send: (bytes) => void stdin.write(bytes),
    end: async () => {
      stdin.end()
      if (child.exitCode !== null || child.signalCode !== null) return
      const exited = once(child, 'exit')
      const timer = setTimeout(() => child.kill('SIGKILL'), EXIT_TIMEOUT_MS)
      await exited
      clearTimeout(timer)
    },
  }
}

async function openRtmp(url: string): Promise<Sink> {
  const { hostname, port, pathname, search } = new URL(url)
  const [, app = 'live', ...key] = pathname.split('/')
  const client = await RtmpClient.connect({ port: Number(port), host: hostname, app, chunkSize: 65_536 })
  await client.publish(key.join('/') + search)
  return {
    queuedBytes: () => client.socket.writableLength,
    send: (bytes) => void (client.socket.destroyed || client.sendTag(tagOf(bytes))),
    end: () => client.close(),
  }
}

function tagOf(tag: Uint8Array): FlvTagToSend {
  const view = new DataView(tag.buffer, tag.byteOffset, tag.byteLength)
  const timestampMs = ((view.getUint32(4) >>> 8) | (view.getUint8(7) << 24)) >>> 0
  return { type: view.getUint8(0), timestampMs, body: tag.subarray(FLV_TAG_HEADER_BYTES, -4) }
}

async function openCmaf(url: string): Promise<Sink> {
  const post = request(url, { method: 'POST', headers: { 'content-type': 'video/mp4' } })
  post.on('error', () => {}) // The server has gone.
  post.on('response', (response) => response.resume())
  post.flushHeaders()
  await once(post, 'socket')
  const closed = new Promise((resolve) => post.once('close', resolve))
  return {
    queuedBytes: () => post.writableLength,
    send: (bytes) => void (post.destroyed || post.write(bytes)),
    end: async () => {
      post.end()
      const timer = setTimeout(() => post.destroy(), EXIT_TIMEOUT_MS)
      await closed
      clearTimeout(timer)
    },
  }
}

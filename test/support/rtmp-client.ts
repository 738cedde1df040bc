// A small RTMP publisher for tests: unlike ffmpeg 5.1 it can send Enhanced RTMP tags, misbehave, and show every answer.
import { randomFillSync } from 'node:crypto'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { type AmfValue, amfObject, decodeAmf0, encodeAmf0 } from '../../src/live/ingest/rtmp/amf0.ts'
import { ChunkReader } from '../../src/live/ingest/rtmp/chunk-reader.ts'
import { ChunkWriter } from '../../src/live/ingest/rtmp/chunk-writer.ts'
import { MESSAGE, type RtmpMessage } from '../../src/live/ingest/rtmp/message.ts'

const HANDSHAKE_BYTES = 1536
/** A guard against waiting for ever: what is waited for may come after the start of an encoder. */
const ANSWER_TIMEOUT_MS = 30_000

export interface RtmpStatus {
  readonly level: string
  readonly code: string
  readonly description: string
}

export interface FlvTagToSend {
  /** 8 audio, 9 video, 18 script data. */
  readonly type: number
  readonly timestampMs: number
  readonly body: Uint8Array
}

export interface RtmpClientOptions {
  readonly port: number
  readonly host?: string
  readonly app?: string
  readonly tcUrl?: string
  /** Further properties of the connect command, such as fourCcList. */
  readonly connectProperties?: Readonly<Record<string, AmfValue>>
  readonly chunkSize?: number
}

/** A refusal, as the encoder sees it. */
export class RtmpRefused extends Error {
  readonly status: RtmpStatus

  constructor(status: RtmpStatus) {
    super(`${status.code}: ${status.description}`)
    this.status = status
  }
}

interface Waiter {
  readonly accepts: (values: readonly AmfValue[]) => boolean
  readonly resolve: (values: readonly AmfValue[]) => void
  readonly reject: (error: Error) => void
}

export class RtmpClient {
  readonly socket: Socket
  /** Everything the server said, in order. */
  readonly commands: (readonly AmfValue[])[] = []
  readonly messages: RtmpMessage[] = []
  /** Resolves when the connection is closed, by whomever. */
  readonly closed: Promise<void>
  readonly #reader = new ChunkReader((message) => this.#handle(message))
  readonly #writer = new ChunkWriter()
  #waiters: Waiter[] = []
  #transaction = 1
  #streamId = 0

  private constructor(socket: Socket) {
    this.socket = socket
    this.closed = new Promise<void>((resolve) => socket.once('close', resolve)).then(() => {
      for (const waiter of this.#waiters.splice(0)) waiter.reject(new Error('the server closed the connection'))
    })
  }

  /** TCP and handshake, no command yet. */
  static async open(port: number, host = '127.0.0.1'): Promise<RtmpClient> {
    const socket = connect({ port, host, noDelay: true })
    await once(socket, 'connect')
    socket.on('error', () => {}) // A test looks at `closed`.
    const client = new RtmpClient(socket)
    const c0c1 = new Uint8Array(1 + HANDSHAKE_BYTES)
    c0c1[0] = 3
    randomFillSync(c0c1, 9)
    socket.write(c0c1)
    const answer = await readExactly(socket, 1 + 2 * HANDSHAKE_BYTES)
    socket.write(answer.subarray(1, 1 + HANDSHAKE_BYTES))
    socket.on('data', (bytes: Uint8Array) => client.#reader.push(bytes))
    return client
  }

  /** TCP, handshake and the connect command. */
  static async connect(options: RtmpClientOptions): Promise<RtmpClient> {
    const host = options.host ?? '127.0.0.1'
    const client = await RtmpClient.open(options.port, host)
    const app = options.app ?? 'live'
    const tcUrl = options.tcUrl ?? `rtmp://${host}:${options.port}/${app}`
    if (options.chunkSize !== undefined) client.setChunkSize(options.chunkSize)
    await client.call('connect', amfObject({ app, tcUrl, type: 'nonprivate', ...options.connectProperties }))
    return client
  }

  /** Sends a command and waits for its answer. Throws RtmpRefused for an `_error`. */
  async call(name: string, ...parameters: readonly AmfValue[]): Promise<readonly AmfValue[]> {
    const transaction = this.#transaction
    this.#transaction += 1
    const answer = this.waitFor((values) => isAnswer(values[0]) && values[1] === transaction)
    this.send(name, transaction, ...parameters)
    const values = await answer
    if (values[0] === '_error') throw new RtmpRefused(statusOf(values))
    return values
  }

  /** Sends a command without waiting. */
  send(name: string, transaction: number, ...parameters: readonly AmfValue[]): void {
    this.sendMessage(3, {
      type: MESSAGE.command,
      timestampMs: 0,
      streamId: this.#streamId,
      body: encodeAmf0([name, transaction, ...parameters]),
    })
  }

  /** What OBS does before media. Throws RtmpRefused when the server says no. */
  async publish(streamKey: string): Promise<RtmpStatus> {
    await this.call('releaseStream', null, streamKey)
    await this.call('FCPublish', null, streamKey)
    const created = await this.call('createStream', null)
    this.#streamId = Number(created[3])
    const status = this.waitForStatus()
    this.send('publish', 0, null, streamKey, 'live')
    const answer = await status
    if (answer.level === 'error') throw new RtmpRefused(answer)
    return answer
  }

  sendTag({ type, timestampMs, body }: FlvTagToSend): boolean {
    return this.sendMessage(type + 1, { type, timestampMs, streamId: this.#streamId, body })
  }

  sendMessage(chunkStreamId: number, message: RtmpMessage): boolean {
    return this.socket.write(this.#writer.write(chunkStreamId, message))
  }

  setChunkSize(size: number): void {
    const body = new Uint8Array(4)
    new DataView(body.buffer).setUint32(0, size)
    this.sendMessage(2, { type: MESSAGE.setChunkSize, timestampMs: 0, streamId: 0, body })
  }

  /**
   * Publishes the tags of an FLV file in the time of their timestamps times `pace` (0: at once), waiting for the socket
   * where it is full.
   */
  async sendFlv(file: Uint8Array, pace = 1): Promise<void> {
    const startedAtMs = performance.now()
    for (const tag of readFlvTags(file)) {
      const dueInMs = tag.timestampMs * pace - (performance.now() - startedAtMs)
      if (dueInMs > 1) await new Promise((resolve) => setTimeout(resolve, dueInMs))
      if (this.socket.destroyed) return
      if (!this.sendTag(tag)) await Promise.race([once(this.socket, 'drain'), this.closed])
    }
  }

  waitForStatus(): Promise<RtmpStatus> {
    return this.waitFor((values) => values[0] === 'onStatus').then(statusOf)
  }

  waitFor(accepts: Waiter['accepts']): Promise<readonly AmfValue[]> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error('the RTMP server did not answer')), ANSWER_TIMEOUT_MS)
      this.#waiters.push({
        accepts,
        resolve: (values) => {
          clearTimeout(timer)
          resolve(values)
        },
        reject: (error) => {
          clearTimeout(timer)
          reject(error)
        },
      })
    })
  }

  /** The polite end: FCUnpublish, deleteStream, FIN. */
  async close(): Promise<void> {
    if (!this.socket.destroyed) {
      this.send('FCUnpublish', 0, null, '')
      this.send('deleteStream', 0, null, this.#streamId)
      this.socket.end()
    }
    await this.closed
  }

  /** The impolite end: RST. */
  vanish(): void {
    this.socket.resetAndDestroy()
  }

  #handle(message: RtmpMessage): void {
    this.messages.push(message)
    if (message.type !== MESSAGE.command) return
    const values = decodeAmf0(message.body)
    this.commands.push(values)
    const index = this.#waiters.findIndex((waiter) => waiter.accepts(values))
    if (index >= 0) this.#waiters.splice(index, 1)[0]?.resolve(values)
  }
}

/** The tags of an FLV file with its header. */
export function* readFlvTags(file: Uint8Array): Generator<FlvTagToSend> {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength)
  let offset = view.getUint32(5) + 4
  while (offset + 11 <= file.length) {
    const length = view.getUint32(offset) & 0xffffff
    const timestampMs = ((view.getUint32(offset + 4) >>> 8) | (view.getUint8(offset + 7) << 24)) >>> 0
    const start = offset + 11
    yield { type: view.getUint8(offset), timestampMs, body: file.subarray(start, start + length) }
    offset = start + length + 4
  }
}

function isAnswer(name: AmfValue): boolean {
  return name === '_result' || name === '_error'
}

function statusOf(values: readonly AmfValue[]): RtmpStatus {
  const information = values[3]
  const read = (name: string): string => (information instanceof Map ? String(information.get(name)) : '')
  return { level: read('level'), code: read('code'), description: read('description') }
}

async function readExactly(socket: Socket, count: number): Promise<Uint8Array> {
  while (socket.readableLength < count) {
    await Promise.race([
      once(socket, 'readable'),
      once(socket, 'close').then(() => {
        throw new Error('the server closed the connection during the handshake')
      }),
    ])
    if (socket.readableLength < count) socket.read(0)
  }
  const bytes: unknown = socket.read(count)
  if (!(bytes instanceof Uint8Array)) throw new Error('the handshake was cut short')
  return bytes
}

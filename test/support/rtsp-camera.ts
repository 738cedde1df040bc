// A camera: serves one file over RTSP (RFC 2326) to whoever asks, interleaved on the RTSP connection. ffmpeg makes the RTP;
// what is here is the talk before it. ffmpeg itself cannot be an RTSP server.
import { createSocket, type Socket as UdpSocket } from 'node:dgram'
import { EventEmitter, once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Encoder } from './encoder.ts'
import { copyArgs } from './live-media.ts'

const START_TIMEOUT_MS = 10_000
/** '$', RFC 2326 10.12. */
const INTERLEAVED = 0x24
const TRACKS = ['video', 'audio'] as const
/** A player that reads slower than this loses packets, as it would from a camera. */
const MAX_QUEUED_BYTES = 4 * 2 ** 20

export class RtspCamera implements AsyncDisposable {
  readonly #opened = new AsyncDisposableStack()
  readonly #server: Server
  readonly #players = new Map<Socket, { isPlaying: boolean }>()
  readonly #packets = new EventEmitter<{ packet: [channel: number, packet: Buffer] }>()
  #sdp = ''

  private constructor() {
    this.#server = createServer((socket) => this.#welcome(socket))
    this.#packets.on('packet', (channel, packet) => this.#sendToAll(channel, packet))
  }

  static async start(file: string): Promise<RtspCamera> {
    const camera = new RtspCamera()
    await camera.#start(file)
    return camera
  }

  get url(): string {
    return `rtsp://127.0.0.1:${(this.#server.address() as AddressInfo).port}/camera`
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#players.keys()) socket.destroy()
    await this.#opened.disposeAsync()
  }

  async #start(file: string): Promise<void> {
    const folder = await mkdtemp(join(tmpdir(), 'mirror-camera-'))
    this.#opened.defer(() => rm(folder, { recursive: true, force: true }))
    const sdpFile = join(folder, 'camera.sdp')
    const outputs: string[] = []
    for (const [index, track] of TRACKS.entries()) {
      const rtp = await this.#receive(2 * index)
      const rtcp = await this.#receive(2 * index + 1)
      const address = `rtp://127.0.0.1:${rtp}?rtcpport=${rtcp}`
      outputs.push('-map', `0:${track[0]}`, '-c', 'copy', '-f', 'rtp', '-sdp_file', sdpFile, address)
    }
    this.#opened.use(new Encoder([...copyArgs(file).slice(0, -2), ...outputs]))
    // The description is written before the first packet.
    await once(this.#packets, 'packet', { signal: AbortSignal.timeout(START_TIMEOUT_MS) })
    this.#sdp = withControls(await readFile(sdpFile, 'utf8'))
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
    this.#opened.defer(async () => {
      this.#server.close()
      await once(this.#server, 'close')
    })
  }

  /** Binds a UDP port whose packets go to all players on one channel. */
  async #receive(channel: number): Promise<number> {
    const socket: UdpSocket = createSocket({ type: 'udp4', recvBufferSize: 2 ** 20 })
    socket.bind(0, '127.0.0.1')
    await once(socket, 'listening')
    this.#opened.defer(() => void socket.close())
    socket.on('message', (packet) => this.#packets.emit('packet', channel, packet))
    return socket.address().port
  }

  #sendToAll(channel: number, packet: Buffer): void {
    const frame = Buffer.alloc(4 + packet.length)
    frame.writeUInt8(INTERLEAVED, 0)
    frame.writeUInt8(channel, 1)
    frame.writeUInt16BE(packet.length, 2)
    packet.copy(frame, 4)
    for (const [player, { isPlaying }] of this.#players)
      if (isPlaying && player.writableLength < MAX_QUEUED_BYTES) player.write(frame)
  }

  #welcome(socket: Socket): void {
    const player = { isPlaying: false }
    this.#players.set(socket, player)
    socket.setNoDelay(true)
    socket.on('error', () => {})
    socket.on('close', () => this.#players.delete(socket))
    let unread = Buffer.alloc(0)
    socket.on('data', (chunk) => {
      unread = Buffer.concat([unread, chunk])
      while (true) {
        // Receiver reports of the player are of no use here.
        if (unread[0] === INTERLEAVED) {
          const size = unread.length < 4 ? Number.POSITIVE_INFINITY : 4 + unread.readUInt16BE(2)
          if (unread.length < size) return
          unread = unread.subarray(size)
          continue
        }
        const end = unread.indexOf('\r\n\r\n')
        if (end < 0) return
        const request = unread.subarray(0, end).toString('latin1')
        unread = unread.subarray(end + 4)
        socket.write(this.#answer(request))
        if (request.startsWith('PLAY ')) player.isPlaying = true
      }
    })
  }

  #answer(request: string): string {
    const method = request.split(' ', 1)[0] ?? ''
    const header = (name: string) => new RegExp(`^${name}: *(.*)$`, 'im').exec(request)?.[1]?.trim() ?? ''
    const lines = (status: string, extra: readonly string[] = [], body = '') =>
      [`RTSP/1.0 ${status}`, `CSeq: ${header('CSeq')}`, ...extra, '', body].join('\r\n')
    switch (method) {
      case 'OPTIONS':
        return lines('200 OK', ['Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN, GET_PARAMETER'])
      case 'DESCRIBE': {
        const about = [
          'Content-Type: application/sdp',
          `Content-Base: ${this.url}/`,
          `Content-Length: ${this.#sdp.length}`,
        ]
        return lines('200 OK', about, this.#sdp)
      }
      case 'SETUP':
        // Each track has its channels, whatever the player proposes: the answer decides (RFC 2326 12.39).
        if (!header('Transport').includes('TCP')) return lines('461 Unsupported Transport')
        return lines('200 OK', [`Transport: RTP/AVP/TCP;unicast;interleaved=${channelsOf(request)}`, 'Session: 1'])
      case 'PLAY':
      case 'TEARDOWN':
      case 'GET_PARAMETER':
        return lines('200 OK', ['Session: 1'])
      default:
        return lines('501 Not Implemented')
    }
  }
}

function channelsOf(request: string): string {
  const index = Number(/track=(\d)/.exec(request)?.[1] ?? 0)
  return `${2 * index}-${2 * index + 1}`
}

/** The description that ffmpeg wrote, its tracks given addresses and no ports. */
function withControls(sdp: string): string {
  let index = 0
  const lines = sdp
    .replace(/^SDP:\s*/, '')
    .trim()
    .split(/\r?\n/)
    .map((line) => line.replace(/^(m=\w+) \d+/, '$1 0'))
    .flatMap((line) => (line.startsWith('m=') ? [line, `a=control:track=${index++}`] : [line]))
  return `${lines.join('\r\n')}\r\n`
}

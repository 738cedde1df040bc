// An SRT caller on libsrt itself, in a process of its own: unlike ffmpeg it can send what is no MPEG-TS, and it shows the
// reject code that the listener answered.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'

export interface SrtCall {
  readonly port: number
  readonly streamId: string
  readonly passphrase?: string | null
  /** Sent again and again, in packets of 1316 bytes; `random`: every packet is new noise. Omitted: nothing is sent. */
  readonly payload?: string | 'random'
  /** Calls when it is told to, with nothing left to do before. */
  readonly waits?: boolean
}

/** libsrt under its distributions' names; the one that Mirror found is as good as any. */
const SCRIPT = `
  const koffi = require('koffi')
  const { randomFillSync } = require('node:crypto')
  const { port, streamId, passphrase, payload, waits } = JSON.parse(process.argv[1])
  const names = ['libsrt-gnutls.so.1.5', 'libsrt-openssl.so.1.5', 'libsrt.so.1.5', 'libsrt-gnutls.so.1.4',
    'libsrt-openssl.so.1.4', 'libsrt.so.1.4', 'libsrt.so.1', 'libsrt.so']
  let srt
  for (const name of names) { try { srt = koffi.load(name); break } catch {} }
  const create = srt.func('int srt_create_socket()')
  const setFlag = srt.func('int srt_setsockflag(int socket, int option, const char *value, int size)')
  const connect = srt.func('int srt_connect(int socket, const void *name, int size)')
  const send = srt.func('int srt_sendmsg(int socket, const void *data, int size, int ttl, int inOrder)')
  const rejectReason = srt.func('int srt_getrejectreason(int socket)')
  srt.func('int srt_startup()')()
  srt.func('void srt_setloglevel(int level)')(2)
  const SRTO_PASSPHRASE = 26, SRTO_CONNTIMEO = 36, SRTO_STREAMID = 46, PACKET_BYTES = 1316
  const setNumber = srt.func('srt_setsockflag', 'int', ['int', 'int', 'const int *', 'int'])
  const socket = create()
  // The listener may stand still for longer than the 3 s that libsrt waits by itself.
  setNumber(socket, SRTO_CONNTIMEO, [20_000], 4)
  if (streamId !== '') setFlag(socket, SRTO_STREAMID, streamId, streamId.length)
  if (passphrase) setFlag(socket, SRTO_PASSPHRASE, passphrase, passphrase.length)
  const name = Buffer.from([2, 0, port >> 8, port & 255, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0])
  if (waits) {
    console.log('{"ready":true}')
    require('node:fs').readSync(0, Buffer.alloc(1))
  }
  const isConnected = connect(socket, name, name.length) === 0
  console.log(JSON.stringify({ rejectReason: isConnected ? null : rejectReason(socket) }))
  if (!isConnected) process.exit(0)
  const packet = Buffer.alloc(PACKET_BYTES, payload ?? '')
  // About 20 Mbit/s while there is something to send; an empty loop keeps the connection open.
  setInterval(() => {
    for (let n = 0; payload !== undefined && n < 20; n++) {
      if (payload === 'random') randomFillSync(packet)
      if (send(socket, packet, PACKET_BYTES, -1, 1) >= 0) continue
      console.log('{"ended":true}')
      process.exit(0)
    }
  }, 10)`

export class SrtCaller implements AsyncDisposable {
  /** SRT_REJECT_REASON as the caller's libsrt tells it; null: connected. */
  readonly rejectReason: Promise<number | null>
  /** Resolves when one that `waits` can be told to call. */
  readonly ready: Promise<void>
  /** Resolves when the listener has closed the connection while data was being sent. */
  readonly ended: Promise<void>
  readonly #child: ChildProcess

  constructor(call: SrtCall) {
    this.#child = spawn(process.execPath, ['-e', SCRIPT, JSON.stringify(call)], {
      stdio: [call.waits === true ? 'pipe' : 'ignore', 'pipe', 'inherit'],
    })
    const lines = createInterface(this.#child.stdout ?? process.stdin)
    let onReason: (reason: number | null) => void = () => {}
    let onEnded = () => {}
    let onReady = () => {}
    this.ready = new Promise((resolve) => {
      onReady = resolve
    })
    this.rejectReason = new Promise((resolve) => {
      onReason = resolve
    })
    this.ended = new Promise((resolve) => {
      onEnded = resolve
    })
    lines.on('line', (line) => {
      const said = JSON.parse(line) as { rejectReason?: number | null; ended?: true; ready?: true }
      if (said.rejectReason !== undefined) onReason(said.rejectReason)
      if (said.ended) onEnded()
      if (said.ready) onReady()
    })
  }

  call(): void {
    this.#child.stdin?.write('\n')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const exited = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    await exited
  }
}

import { expect, test } from 'vitest'
import { lookupOf } from '../../../core/secrets.ts'
import type { FromSrtChild, SrtChildSettings } from './child-protocol.ts'
import type { LibSrt, SrtListenHook, SrtReadiness } from './libsrt.ts'
import { SrtReceiver } from './srt-receiver.ts'

const LISTENER = 1
const CALLER = 7
const SECRET = Buffer.from('secret of the lookups')
const KEY = 'k'.repeat(20)

const SETTINGS: SrtChildSettings = {
  host: '127.0.0.1',
  port: 0,
  latencyMs: 120,
  passphrase: null,
  keySecretHex: SECRET.toString('hex'),
  maxConnections: 10,
  maxConnectionsPerAddress: 10,
  trustedAddresses: '',
}

/** A libsrt of which the test says round by round what is ready, and a clock that stands. */
class Stage {
  nowMs = 1000
  hook: SrtListenHook = () => ({ accept: false, rejectReason: 0 })
  readonly frames: Uint8Array[] = []
  readonly reports: FromSrtChild[] = []
  readonly #accepted: number[] = []
  #round = Promise.withResolvers<readonly SrtReadiness[]>()
  readonly receiver: SrtReceiver

  constructor() {
    const srt: LibSrt = {
      library: 'none',
      createSocket: () => LISTENER,
      getInt: () => null,
      setInt: () => {},
      setInt64: () => {},
      setText: () => {},
      bind: () => {},
      listen: (_socket, _backlog, hook) => {
        this.hook = hook
      },
      boundPort: () => 9000,
      accept: () => {
        const socket = this.#accepted.shift()
        return socket === undefined ? null : { socket, remoteAddress: '127.0.0.1:5000' }
      },
      receive: () => 0,
      stats: () => null,
      closeSlowly: async () => {},
      createPoll: () => 1,
      watch: () => {},
      unwatch: () => {},
      waitReady: () => this.#round.promise,
    }
    this.receiver = new SrtReceiver(SETTINGS, '127.0.0.1', {
      srt,
      sink: { write: (bytes) => void this.frames.push(bytes), pendingBytes: 0, drained: async () => {} },
      report: (message) => void this.reports.push(message),
      nowMs: () => this.nowMs,
      sleep: async () => {},
    })
    const streams = [{ streamId: 'cam', keyLookups: [lookupOf(KEY, SECRET)], isExclusive: true, busy: false }]
    this.receiver.handle({ kind: 'registry', streams, otherPublishers: 0 })
  }

  /** What one wait of libsrt ends with. */
  async round(afterMs: number, isAccepting = false): Promise<void> {
    this.nowMs += afterMs
    if (isAccepting) this.#accepted.push(CALLER)
    const { resolve } = this.#round
    this.#round = Promise.withResolvers()
    resolve(isAccepting ? [{ socket: LISTENER, isBroken: false }] : [])
    await new Promise((done) => setImmediate(done))
  }
}

test('a caller that connects while the process stands still for seconds is not refused for it', async () => {
  const stage = new Stage()
  const running = stage.receiver.run()
  await stage.round(200)
  expect(stage.hook(CALLER, '127.0.0.1:5000', `publish:cam:${KEY}`)).toEqual({ accept: true })
  await stage.round(3000)
  await stage.round(200, true)
  expect(stage.reports.filter(({ kind }) => kind === 'refused')).toEqual([])
  expect(stage.frames).toHaveLength(1)
  await stage.receiver.stop()
  await stage.round(0)
  await running
})

test('an admitted caller that libsrt never accepts is told as refused after a second or two', async () => {
  const stage = new Stage()
  const running = stage.receiver.run()
  await stage.round(200)
  stage.hook(CALLER, '127.0.0.1:5000', `publish:cam:${KEY}`)
  await stage.round(1000)
  await stage.round(1000)
  expect(stage.reports).toMatchObject([{ kind: 'refused', streamId: 'cam', fault: { code: 'publish_key_wrong' } }])
  await stage.receiver.stop()
  await stage.round(0)
  await running
})

// Entry of the SRT child process. libsrt is native code that reads the network: here it cannot take Mirror down.
import { lookup } from 'node:dns/promises'
import { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { DATA_PIPE_FD } from '../../../core/child-process.ts'
import { toMirrorError } from '../../../core/errors.ts'
import type { FromSrtChild, SrtChildSettings, ToSrtChild } from './child-protocol.ts'
import { loadLibSrt } from './libsrt.ts'
import { type FrameSink, SrtReceiver } from './srt-receiver.ts'

const pipe = new Socket({ fd: DATA_PIPE_FD, readable: false, writable: true })
let receiver: SrtReceiver | null = null
/** Messages that came while libsrt was loading. */
const waiting: ToSrtChild[] = []

// Ctrl-C reaches a whole terminal; the parent decides when this process ends.
process.on('SIGINT', () => {})
process.on('SIGTERM', () => void leave())
// The parent died, in whatever way.
process.on('disconnect', () => void leave())
pipe.on('error', () => void leave())

process.on('message', (message: ToSrtChild) => {
  if (message.kind === 'start') void start(message.settings)
  else if (message.kind === 'stop') void leave()
  else if (message.kind === 'sync') report({ kind: 'synced', requestId: message.requestId })
  else if (receiver === null) waiting.push(message)
  else receiver.handle(message)
})

async function start(settings: SrtChildSettings): Promise<void> {
  try {
    const srt = await loadLibSrt()
    const { address } = await lookup(settings.host)
    receiver = new SrtReceiver(settings, address, {
      srt,
      sink: frameSink(),
      report,
      nowMs: () => performance.now(),
      sleep,
    })
    for (const message of waiting.splice(0)) receiver.handle(message)
    report({ kind: 'listening', port: receiver.port, library: srt.library })
    await receiver.run()
  } catch (error) {
    const { code, message } = toMirrorError(error)
    report({ kind: 'failed', code, message }, () => end())
  }
}

async function leave(): Promise<void> {
  await Promise.race([receiver?.stop(), sleep(500)])
  end()
}

/** libsrt's exit handlers wait for its threads, one of which may be waiting for this one: leave without them. */
function end(): void {
  process.kill(process.pid, 'SIGKILL')
}

function report(message: FromSrtChild, sent: () => void = () => {}): void {
  if (process.connected) process.send?.(message, undefined, undefined, sent)
  else sent()
}

function frameSink(): FrameSink {
  return {
    write: (bytes) => void pipe.write(bytes),
    get pendingBytes() {
      return pipe.writableLength
    },
    drained: () => new Promise((resolve) => pipe.once('drain', resolve)),
  }
}

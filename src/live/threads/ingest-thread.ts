// Entry of the ingest thread: RTMP server, SRT child and test sources. It hands bytes to owners and parses no media.
import { spawn } from 'node:child_process'
import { type MessagePort, parentPort, workerData } from 'node:worker_threads'
import { parseAddressSet } from '../../core/address-set.ts'
import { SharedConnectionCounts } from '../../core/connection-counts.ts'
import { isMirrorError, MirrorError, toMirrorError } from '../../core/errors.ts'
import type { MirrorEvent } from '../events.ts'
import { ConfiguredInputs } from '../ingest/configured-inputs.ts'
import { Gate } from '../ingest/gate.ts'
import { type RtmpServer, startRtmpServer } from '../ingest/rtmp/rtmp-server.ts'
import { type SrtListener, startSrtListener } from '../ingest/srt/srt-listener.ts'
import { checkFfmpeg, startTestSource, type TestSource } from '../ingest/test-source/test-source.ts'
import { Registry } from '../registry.ts'
import type { FromThread, IngestThreadData, PeerMessage, PeerName, ToThread } from './messages.ts'
import { Peers } from './peers.ts'
import { threadLog } from './thread-log.ts'

const data = workerData as IngestThreadData
const now = () => Date.now()
const toMain = (message: FromThread) => parentPort?.postMessage(message)
const log = threadLog('ingest', toMain)
const registry = new Registry(data.registry)
const testSources = new Map<string, TestSource>()
const restarting = new Set<string>()
const stop = new AbortController()
const isTrusted = parseAddressSet(data.trustedAddresses) ?? (() => false)
let rtmp: RtmpServer | null = null
let srt: SrtListener | null = null

const peers = new Peers(onPeerMessage)
const gate = new Gate({
  name: `i${data.incarnation}`,
  registry,
  keySecret: data.keySecret,
  owners: data.mediaWorkers,
  maxPublishers: data.maxPublishers,
  publishers: new SharedConnectionCounts(data.publisherCounts, data.mediaWorkers, 0),
  now,
  send: (index, message) => peers.send(index, { to: 'owner', message }),
  emit: (event) => toMain({ kind: 'event', event }),
})

const inputs = new ConfiguredInputs({
  gate,
  host: data.host,
  ffmpegPath: data.ffmpegPath,
  spawn,
  log: log.child('input'),
  random: Math.random,
  now,
  emit: (event) => toMain({ kind: 'event', event }),
  onStatus: (streamId, inputId, status) => toMain({ kind: 'inputStatus', streamId, inputId, status }),
})

parentPort?.on('message', onMainMessage)
await start()

async function start(): Promise<void> {
  try {
    if (data.rtmpPort !== null) {
      rtmp = await startRtmpServer({
        host: data.host,
        port: data.rtmpPort,
        gate,
        limits: { maxConnectionsPerAddress: data.maxConnectionsPerAddress, isTrusted },
        log: log.child('rtmp'),
        onRefused: ({ remoteAddress, fault }) => emitRefusal('RTMP', null, remoteAddress, fault),
      })
    }
    if (data.srt !== null) srt = await openSrt(data.srt)
    for (const stream of registry.all()) inputs.set(stream)
    reportFfmpeg(await checkFfmpeg({ ffmpegPath: data.ffmpegPath, spawn, log, signal: stop.signal }))
  } catch (error) {
    const { code, message } = toMirrorError(error)
    toMain({ kind: 'failed', code, message })
    return
  }
  toMain({ kind: 'ready', rtmpPort: rtmp?.port ?? null, srtPort: srt?.port ?? null })
}

/** Without libsrt Mirror runs, and says what is missing. */
async function openSrt(settings: NonNullable<IngestThreadData['srt']>): Promise<SrtListener | null> {
  try {
    const listener = await startSrtListener({
      ...settings,
      host: data.host,
      keySecret: data.keySecret,
      maxConnections: data.maxPublishers,
      maxConnectionsPerAddress: data.maxConnectionsPerAddress,
      trustedAddresses: data.trustedAddresses,
      gate,
      spawn,
      log: log.child('srt'),
      random: Math.random,
      streams: srtRegistry(),
      onRefused: ({ remoteAddress, streamId, fault }) => emitRefusal('SRT', streamId, remoteAddress, fault),
      onProblem: (problem) =>
        toMain({
          kind: 'problem',
          subject: 'srt',
          code: problem?.code ?? 'internal',
          message: problem?.message ?? null,
        }),
    })
    // It may have changed meanwhile.
    listener.setRegistry(srtRegistry(), gate.publishersBut('srt'))
    return listener
  } catch (error) {
    if (!isMirrorError(error, 'srt_library_missing')) throw error
    toMain({ kind: 'problem', subject: 'srt', code: error.code, message: error.message })
    return null
  }
}

function onMainMessage(message: ToThread): void {
  switch (message.kind) {
    case 'peer':
      connectPeer(message.name, message.port)
      break
    case 'register':
      registry.set(message.stream)
      inputs.set(message.stream)
      srt?.setRegistry(srtRegistry(), gate.publishersBut('srt'))
      break
    case 'unregister':
      registry.remove(message.streamId)
      srt?.setRegistry(srtRegistry(), gate.publishersBut('srt'))
      inputs.remove(message.streamId)
      stopTestSource(message.streamId)
      break
    case 'restart':
      restartTestSource(message.streamId).catch((error: unknown) =>
        log.warn('a test source did not come back', {
          streamId: message.streamId,
          cause: toMirrorError(error).message,
        }),
      )
      break
    case 'restartInput':
      inputs.restart(message.streamId, message.inputId)
      break
    case 'testSource':
      runTestSource(message).catch((error: unknown) =>
        log.error('a test source failed', { cause: toMirrorError(error).message }),
      )
      break
    case 'activateInput':
    case 'slate':
    case 'archive':
    case 'archiveCancel':
      break
    case 'sync':
      void sync(message.requestId)
      break
    case 'drain':
      drain().catch((error: unknown) =>
        toMain({ kind: 'failed', code: 'internal', message: toMirrorError(error).message }),
      )
      break
    default:
      message satisfies never
  }
}

/** Never rejects: the main thread waits for so long and no longer. */
async function sync(requestId: number): Promise<void> {
  await srt?.synced()
  toMain({ kind: 'synced', requestId })
}

function connectPeer(name: PeerName, port: MessagePort): void {
  const isReplacement = peers.connect(name, port)
  if (isReplacement && typeof name === 'number') gate.onOwnerReplaced(name)
}

function onPeerMessage(_from: PeerName, message: PeerMessage): void {
  if (message.to === 'gate') gate.onMessage(message.message)
  else if (message.to === 'registry') {
    registry.setBusy(message.streamId, message.isBusy)
    srt?.setRegistry(srtRegistry(), gate.publishersBut('srt'))
  }
}

function srtRegistry() {
  return registry.all().map((stream) => ({
    streamId: stream.id,
    keyLookups: stream.keyLookups,
    isExclusive: stream.settings.onBusy === 'refuse',
    busy: registry.isBusy(stream.id) && stream.settings.onBusy === 'refuse',
  }))
}

async function runTestSource({
  requestId,
  streamId,
  action,
}: Extract<ToThread, { kind: 'testSource' }>): Promise<void> {
  try {
    if (action === 'stop') stopTestSource(streamId)
    else await beginTestSource(streamId)
    if (action === 'start') reportFfmpeg(null)
    toMain({ kind: 'done', requestId, code: null, message: '' })
  } catch (error) {
    if (isMirrorError(error, 'ffmpeg_missing')) reportFfmpeg(error)
    const { code, message } = toMirrorError(error)
    toMain({ kind: 'done', requestId, code, message })
  }
}

/** Mirror runs without ffmpeg, and says what is missing. */
function reportFfmpeg(problem: MirrorError | null): void {
  toMain({
    kind: 'problem',
    subject: 'ffmpeg',
    code: problem?.code ?? 'internal',
    message: problem?.message ?? null,
  })
}

async function beginTestSource(streamId: string): Promise<void> {
  if (testSources.has(streamId)) return
  if (registry.isBusy(streamId)) throw new MirrorError('stream_busy', `stream ${streamId} already has a publisher`)
  const source = await startTestSource({
    streamId,
    gate,
    ffmpegPath: data.ffmpegPath,
    spawn,
    log: log.child('test-source'),
    signal: stop.signal,
  })
  testSources.set(streamId, source)
  // How it ended is told through its gate input.
  void source.ended.finally(() => {
    if (testSources.get(streamId) !== source) return
    testSources.delete(streamId)
    if (!restarting.has(streamId)) toMain({ kind: 'testSourceEnded', streamId })
  })
}

/** The owner ends the input of a stream that is restarted; a test source, unlike an encoder, has nobody else to start it again. */
async function restartTestSource(streamId: string): Promise<void> {
  const source = testSources.get(streamId)
  if (source === undefined) return
  restarting.add(streamId)
  try {
    await source.ended
    testSources.delete(streamId)
    await beginTestSource(streamId)
  } catch (error) {
    toMain({ kind: 'testSourceEnded', streamId })
    throw error
  } finally {
    restarting.delete(streamId)
  }
}

function stopTestSource(streamId: string): void {
  const source = testSources.get(streamId)
  testSources.delete(streamId)
  if (source === undefined) return
  Promise.resolve(source[Symbol.asyncDispose]()).catch((error: unknown) =>
    log.warn('a test source did not stop', { cause: toMirrorError(error).message }),
  )
}

function emitRefusal(
  protocol: string,
  streamId: string | null,
  remoteAddress: string,
  fault: { code: MirrorError['code']; message: string },
): void {
  const isKnown = streamId !== null && registry.get(streamId) !== null
  const event: MirrorEvent = {
    type: isKnown ? 'stream.error' : 'system.warning',
    severity: 'warning',
    streamId: isKnown ? streamId : null,
    atMs: now(),
    code: fault.code,
    message: `${protocol} publisher refused: ${fault.message}`,
    details: { protocol: protocol.toLowerCase(), remoteAddress },
  }
  toMain({ kind: 'event', event })
}

async function drain(): Promise<void> {
  stop.abort(new MirrorError('origin_unavailable', 'Mirror is shutting down'))
  await Promise.allSettled([
    inputs[Symbol.asyncDispose](),
    ...[...testSources.values()].map((source) => source[Symbol.asyncDispose]()),
  ])
  gate.closeAll({ code: 'origin_unavailable', message: 'Mirror is shutting down' })
  await Promise.allSettled([rtmp?.[Symbol.asyncDispose](), srt?.[Symbol.asyncDispose]()])
  peers.close()
  toMain({ kind: 'drained' })
  parentPort?.close()
}

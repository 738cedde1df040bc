// Every way in to one Mirror at the same time, with pictures small enough for a laptop.
import { spawn } from 'node:child_process'
import { pathToFileURL } from 'node:url'
import type { StreamView } from '../../src/api/stream-contract.ts'
import { Encoder, pictureArgs } from './encoder.ts'
import { enhancedFlv } from './enhanced-flv.ts'
import { makeFixture } from './fixtures.ts'
import { freeTcpPort, freeUdpPort } from './free-ports.ts'
import { CMAF_COPY_OUTPUT, copyArgs, encodedFile } from './live-media.ts'
import type { MirrorProcess } from './mirror-process.ts'
import { RtmpClient } from './rtmp-client.ts'
import { RtspCamera } from './rtsp-camera.ts'

const LIVE_TIMEOUT_MS = 30_000
const SEGMENTS_TO_PULL = 4
/** Short enough that a loop comes round a few times in a minute. */
const LOOP_SEC = 20
const FRAGMENTED = '+frag_keyframe+delay_moov+default_base_moof'

export interface OpenInput {
  readonly name: string
  readonly playback: StreamView['playback']
}

interface Ways {
  readonly mirror: MirrorProcess
  /** Closes what was opened for it. */
  readonly opened: AsyncDisposableStack
  /** How long encoders publish. */
  readonly seconds: number
}

type Ingest = NonNullable<StreamView['ingest']>
type Publish = (ways: Ways, ingest: Ingest, stream: StreamView) => Promise<void>

const WAYS: Readonly<Record<string, Publish>> = {
  'test-source': async ({ mirror }, _ingest, { id }) => {
    await mirror.api('POST', `/streams/${id}/test-source`)
  },
  rtmp: async ({ opened, seconds }, { rtmp }) => {
    opened.use(new Encoder([...copyArgs(await encodedFile('h264', seconds)), '-f', 'flv', rtmp ?? '']))
  },
  // An encoder's default: keyframes every 250 frames, longer than a segment.
  'rtmp-rare-keyframes': async ({ opened, seconds }, { rtmp }) => {
    const picture = pictureArgs({ seconds, size: '320x180', rate: '30' })
    opened.use(new Encoder([...picture, '-f', 'flv', rtmp ?? '']))
  },
  'enhanced-rtmp-hevc': async ({ opened, seconds }, ingest) => {
    const publication = await publishEnhancedRtmp(ingest, await encodedFile('hevc', seconds))
    opened.use(publication)
  },
  srt: async ({ opened, seconds }, { srt }) => {
    opened.use(new Encoder([...copyArgs(await encodedFile('h264', seconds)), '-f', 'mpegts', srt ?? '']))
  },
  cmaf: async ({ opened, seconds }, { cmaf }) => {
    opened.use(new Encoder([...copyArgs(await encodedFile('h264', seconds)), ...CMAF_COPY_OUTPUT, cmaf]))
  },
  udp: async (ways, _ingest, stream) => await sendDatagrams(ways, stream, 'udp', 'mpegts'),
  rtp: async (ways, _ingest, stream) => await sendDatagrams(ways, stream, 'rtp', 'rtp_mpegts'),
  'pull-file': async (ways, _ingest, stream) => {
    await pull(ways, stream, pathToFileURL(await loopFile()).href)
  },
  'pull-hls': async (ways, _ingest, stream) => {
    const { playback } = await ways.mirror.waitForStatus('rtmp', 'live', LIVE_TIMEOUT_MS)
    // ffmpeg begins three segments behind the edge. Where there are fewer, it reads at the edge: whole segments at a time.
    await completeSegments(playback.hls, SEGMENTS_TO_PULL)
    await pull(ways, stream, playback.hls)
  },
  'pull-rtsp': async (ways, _ingest, stream) => {
    const camera = ways.opened.use(await RtspCamera.start(await cameraFile(ways.seconds)))
    await pull(ways, stream, camera.url)
  },
  'pull-srt': async (ways, _ingest, stream) => {
    // ffmpeg as listener would send all at once what it had to hold back before somebody called.
    const [port, feed] = [await freeUdpPort(), `udp://127.0.0.1:${await freeUdpPort()}`]
    const args = ['-loglevel:error', feed, `srt://127.0.0.1:${port}?mode=listener`]
    const child = spawn('srt-live-transmit', args, { stdio: 'ignore' })
    ways.opened.defer(() => void child.kill('SIGKILL'))
    const file = await encodedFile('h264', ways.seconds)
    ways.opened.use(new Encoder([...copyArgs(file), '-f', 'mpegts', `${feed}?pkt_size=1316`]))
    await pull(ways, stream, `srt://127.0.0.1:${port}`)
  },
  'pull-rtmp': async (ways, _ingest, stream) => {
    const url = `rtmp://127.0.0.1:${await freeTcpPort()}/live/source`
    const file = await encodedFile('h264', ways.seconds)
    ways.opened.use(new Encoder([...copyArgs(file), '-f', 'flv', '-listen', '1', url]))
    await pull(ways, stream, url)
  },
}

export const INPUT_NAMES: readonly string[] = Object.keys(WAYS)

/** A round lasts 10 ms more than its pictures: with keyframes as far apart as cells are long, some cell would have none. */
async function loopFile(): Promise<string> {
  return await encodedFile('h264', LOOP_SEC, { gop: 30 })
}

/** As cameras send it: RTP has no decode times, and ffmpeg's guess at those of B-frames is wrong now and then. */
async function cameraFile(seconds: number): Promise<string> {
  return await encodedFile('h264', seconds, { hasBFrames: false })
}

/** Makes what is published, so that nobody has to wait for it while others are live already. */
export async function prepareEveryInput(seconds: number): Promise<void> {
  await Promise.all([encodedFile('h264', seconds), cameraFile(seconds), encodedFile('hevc', seconds), loopFile()])
}

/** One stream per way in, named after it; resolves when all are live. */
export async function openEveryInput(ways: Ways): Promise<readonly OpenInput[]> {
  return await Promise.all(
    Object.entries(WAYS).map(async ([name, publish]) => {
      const stream = await ways.mirror.createStream(name)
      if (stream.ingest === null) throw new Error('no ingest addresses')
      await publish(ways, stream.ingest, stream)
      await ways.mirror.waitForStatus(name, 'live', LIVE_TIMEOUT_MS)
      return { name, playback: stream.playback }
    }),
  )
}

/** HEVC as Enhanced RTMP carries it, in real time, until disposed. */
export async function publishEnhancedRtmp({ rtmp, rtmpKey }: Ingest, hevcFile: string): Promise<AsyncDisposable> {
  const args = ['-i', hevcFile, '-c', 'copy', '-movflags', FRAGMENTED, '-f', 'mp4']
  const flv = enhancedFlv(await makeFixture(args, 'fragmented.mp4'))
  const client = await RtmpClient.connect({ port: Number(new URL(rtmp ?? '').port) })
  await client.publish(rtmpKey ?? '')
  const sending = client.sendFlv(flv)
  return {
    [Symbol.asyncDispose]: async () => {
      client.vanish()
      await sending
    },
  }
}

async function sendDatagrams(
  { mirror, opened, seconds }: Ways,
  { id }: StreamView,
  kind: 'udp' | 'rtp',
  format: string,
): Promise<void> {
  const port = await freeUdpPort()
  await mirror.api('POST', `/streams/${id}/inputs`, { kind, port })
  const address = `${kind}://127.0.0.1:${port}?pkt_size=1316`
  opened.use(new Encoder([...copyArgs(await encodedFile('h264', seconds)), '-f', format, address]))
}

async function pull({ mirror }: Ways, { id }: StreamView, url: string): Promise<void> {
  await mirror.api('POST', `/streams/${id}/inputs`, { kind: 'pull', url })
}

/** Resolves when each playlist has so many: blocking reloads wait for them. */
async function completeSegments(multivariantUrl: string, count: number): Promise<void> {
  const url = new URL('v0/playlist.m3u8', multivariantUrl)
  let msn = 0
  while (true) {
    const text = await (await fetch(`${url}?_HLS_msn=${msn}`)).text()
    const listed = text.split('\n').filter((line) => line.startsWith('#EXTINF')).length
    if (listed >= count) return
    msn = Number(/#EXT-X-MEDIA-SEQUENCE:(\d+)/.exec(text)?.[1] ?? Number.NaN) + listed
  }
}

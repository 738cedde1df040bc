// An installation that never was: streams in every state, with figures that move.
import type { ApiKeyView } from '../../src/api/access-contract.ts'
import type { DvrOverviewView, DvrView } from '../../src/api/dvr-contract.ts'
import type { EventView } from '../../src/api/event-contract.ts'
import type { LiveView, StreamView } from '../../src/api/stream-contract.ts'
import type { SystemView } from '../../src/api/system-contract.ts'

export interface MockStream {
  readonly id: string
  readonly name: string
  readonly status: StreamView['status']
  readonly protocol: 'rtmp' | 'srt' | 'cmaf' | 'test'
  readonly heightPx: number
  readonly codec: 'h264' | 'hevc' | 'av1'
  readonly megabits: number
  readonly viewers: number
  readonly advice: readonly string[]
  readonly startedMinutesAgo: number
}

const common = { advice: [], codec: 'h264', heightPx: 1080 } as const

export const MOCK_STREAMS: readonly MockStream[] = [
  { ...common, id: 'demo', name: 'Demo', status: 'live', protocol: 'test', heightPx: 720, megabits: 2, viewers: 3, startedMinutesAgo: 14 },
  { ...common, id: 'studio-1', name: 'Main studio', status: 'live', protocol: 'srt', megabits: 6.2, viewers: 1284, startedMinutesAgo: 217 },
  {
    ...common,
    id: 'studio-2',
    name: 'Studio 2, wide angle of the whole orchestra and choir',
    status: 'live',
    protocol: 'rtmp',
    megabits: 4.8,
    viewers: 97,
    startedMinutesAgo: 52,
    advice: [
      'Keyframes come every 8.3 s; set the keyframe interval of the encoder to 2 s so that viewers start faster and latency is lower.',
    ],
  },
  { ...common, id: 'arena-4k', name: 'Arena', status: 'live', protocol: 'cmaf', heightPx: 2160, codec: 'hevc', megabits: 38, viewers: 5210, startedMinutesAgo: 1511 },
  { ...common, id: 'church-hall', name: '', status: 'interrupted', protocol: 'rtmp', megabits: 0, viewers: 41, startedMinutesAgo: 73 },
  { ...common, id: 'press-room', name: 'Press room', status: 'offline', protocol: 'srt', megabits: 0, viewers: 0, startedMinutesAgo: 0 },
  { ...common, id: 'cam-2', name: 'Goal camera', status: 'offline', protocol: 'srt', megabits: 0, viewers: 0, startedMinutesAgo: 0 },
  { ...common, id: 'school-assembly', name: 'School assembly', status: 'ended', protocol: 'rtmp', megabits: 0, viewers: 0, startedMinutesAgo: 0 },
]

export const RECORDED: readonly string[] = ['studio-1', 'arena-4k', 'church-hall']
const GB = 1e9

const MOCK_SPOOL = { write: 'pack', rpoSec: 300, spool: { bytes: 0.61 * GB, maxBytes: 21.5 * GB, oldestUnsavedAt: null, oldestUnsavedSec: 131 } } as const

export function mockDvrOverview(hasRecordings: boolean): DvrOverviewView {
  const none = { storedBytes: 0, bytesPerHour: 0, bytesPerDayForecast: 0 }
  return {
    recordedStreams: hasRecordings ? RECORDED.length : 0,
    ...(hasRecordings ? { storedBytes: 421 * GB, bytesPerHour: 19.9 * GB, bytesPerDayForecast: 462 * GB } : none),
    ...MOCK_SPOOL,
    streams: [],
  }
}

export function mockDvr(id: string, nowMs: number): DvrView {
  const at = (minutesAgo: number): string => new Date(nowMs - minutesAgo * 60_000).toISOString()
  const span = (from: number, to: number) => ({ from: at(from), to: at(to) })
  const isRecorded = RECORDED.includes(id)
  return {
    enabled: isRecorded,
    rewind: '4h',
    retention: '24h',
    ...span(1440, 0),
    ranges: isRecorded ? [span(1290, 870), span(864, 840), span(410, 217), span(215.5, 64), span(63.3, 0)] : [],
    gaps: isRecorded ? [span(870, 864), span(217, 215.5), span(64, 63.3)] : [],
    durationSec: isRecorded ? 51_200 : 0,
    bytes: isRecorded ? 41.2 * GB : 0,
    segments: isRecorded ? 51_200 : 0,
    tracks: [],
    playlist: isRecorded ? `http://127.0.0.1:8888/stream/${id}/playlist.m3u8?start=1763640000000` : null,
    recordedSegments: 25_600,
    lostSegments: 0,
    storedBytes: isRecorded ? 41.2 * GB : 0,
    bytesPerHour: isRecorded ? 2.9 * GB : 0,
    bytesPerDayForecast: isRecorded ? 46.1 * GB : 0,
    ...MOCK_SPOOL,
    spool: { ...MOCK_SPOOL.spool, oldestUnsavedAt: at(2.2) },
  }
}

const WIDTHS: Readonly<Record<number, number>> = { 720: 1280, 1080: 1920, 2160: 3840 }

export function renderMockStream(stream: MockStream, media: string, nowMs: number, canSeeKeys: boolean): StreamView {
  const key = '24xn6sb6kve4s34y32p7ng4r'
  return {
    id: stream.id,
    tenant: 'default',
    name: stream.name,
    status: stream.status,
    dvr: { enabled: RECORDED.includes(stream.id), rewind: '4h', retention: '24h' },
    createdAt: '2026-11-02T09:12:00.000Z',
    updatedAt: '2026-11-20T16:40:00.000Z',
    settings: {
      segment: '2s',
      part: '200ms',
      window: '30s',
      grace: '5m',
      gop: 'auto',
      onBusy: 'refuse',
      switchAfter: '1s',
      returnAfter: '10s',
      tracks: [],
    },
    publishKey: canSeeKeys ? key : null,
    ingest: canSeeKeys
      ? {
          rtmp: `rtmp://media.example:1935/live/${stream.id}?key=${key}`,
          rtmpServer: 'rtmp://media.example:1935/live',
          rtmpKey: `${stream.id}?key=${key}`,
          srt: `srt://media.example:6000?streamid=publish:${stream.id}:${key}`,
          cmaf: `http://media.example:8888/ingest/${stream.id}?key=${key}`,
        }
      : null,
    playback: { hls: `${media}/stream/${stream.id}/playlist.m3u8`, watch: `${media}/watch/${stream.id}` },
    slate: null,
    inputs: [],
    live: renderMockLive(stream, nowMs),
  }
}

/** Smooth, repeatable unrest around 1. */
function unrest(nowMs: number, seed: number): number {
  const sec = nowMs / 1000 + seed * 17
  return 1 + 0.05 * Math.sin(sec / 3) + 0.03 * Math.sin(sec / 0.9) + 0.02 * Math.sin(sec / 11)
}

export function renderMockLive(stream: MockStream, nowMs: number): LiveView {
  const isOnAir = stream.status === 'live' || stream.status === 'interrupted'
  const isLive = stream.status === 'live'
  const wave = unrest(nowMs, stream.id.length)
  const bitrateBps = isLive ? stream.megabits * 1e6 * wave : 0
  const startedAtMs = nowMs - stream.startedMinutesAgo * 60_000
  return {
    startedAt: isOnAir ? new Date(startedAtMs).toISOString() : null,
    input: isLive
      ? {
          protocol: stream.protocol,
          connectedAt: new Date(startedAtMs).toISOString(),
          receivedBytes: (stream.megabits * 1e6 * stream.startedMinutesAgo * 60) / 8,
          rttMs: stream.protocol === 'srt' ? 23.4 * wave : null,
          packetsLost: stream.protocol === 'srt' ? 312 : null,
          packetsRetransmitted: stream.protocol === 'srt' ? 309 : null,
          packetsDropped: stream.protocol === 'srt' ? 3 : null,
        }
      : null,
    inputs: [],
    tracks: isOnAir ? tracksOf(stream, bitrateBps) : [],
    bitrateBps,
    fps: isLive ? 25 * (wave > 1.05 ? 1.01 : 1) : 0,
    viewers: Math.round(stream.viewers * (isOnAir ? wave : 0)),
    packagingMs: isLive ? { p50: 12 * wave, p95: 31 * wave } : null,
    latencyMs: isLive ? { p50: 212 * wave, p95: 340 * wave * wave } : null,
    discontinuitySequence: 0,
    newestMsn: isLive ? Math.floor(nowMs / 2000) : null,
    keyframeIntervalSec: isLive ? (stream.advice.length > 0 ? 8.333 : 2) : null,
    advice: [...stream.advice],
    drops: stream.id === 'studio-2' ? { queue_full: 12 } : {},
    repairs: stream.id === 'studio-2' ? { timestamp_jump: 2, jitter: 41 } : {},
    switches: {},
    slate: null,
  }
}

function tracksOf(stream: MockStream, bitrateBps: number): LiveView['tracks'] {
  const none = { widthPx: null, heightPx: null, frameRate: null, sampleRateHz: null, channels: null, language: null }
  return [
    {
      ...none,
      id: 'v0',
      kind: 'video',
      codec: stream.codec,
      codecString: 'avc1.640028',
      widthPx: WIDTHS[stream.heightPx] ?? null,
      heightPx: stream.heightPx,
      frameRate: 25,
      bitrateBps,
    },
    { ...none, id: 'a0', kind: 'audio', codec: 'aac', codecString: 'mp4a.40.2', sampleRateHz: 48_000, channels: 2, language: 'und', bitrateBps: 160_000 },
  ]
}

type Story = readonly [minutesAgo: number, type: string, severity: EventView['severity'], streamId: string | null, code: string | null, message: string]

const STORIES: readonly Story[] = [
  [0.2, 'stream.input_connected', 'info', 'demo', null, 'The test source was connected.'],
  [0.3, 'stream.interrupted', 'warning', 'church-hall', 'media_silent', 'The encoder of church-hall fell silent; viewers see gaps until it returns or 5 minutes have passed.'],
  [1.4, 'stream.input_disconnected', 'warning', 'church-hall', 'ingest_timeout', 'The RTMP publisher sent nothing for 10 s and was disconnected.'],
  [9, 'stream.error', 'error', 'press-room', 'publish_key_wrong', 'A publisher over SRT was refused: wrong publish key.'],
  [14, 'stream.started', 'info', 'demo', null, 'Live: H.264 1280×720 30 fps, AAC 48 kHz mono.'],
  [38, 'stream.warning', 'warning', 'studio-2', 'frame_rate_unknown', 'Keyframes come every 8.3 s; the encoder should set one every 2 s.'],
  [52, 'stream.started', 'info', 'studio-2', null, 'Live: H.264 1920×1080 25 fps, AAC 48 kHz stereo.'],
  [64, 'stream.quality_change', 'info', 'arena-4k', null, 'The picture changed from 1920×1080 to 3840×2160.'],
  [217, 'stream.started', 'info', 'studio-1', null, 'Live: H.264 1920×1080 25 fps, AAC 48 kHz stereo.'],
  [1511, 'stream.started', 'info', 'arena-4k', null, 'Live: HEVC 3840×2160 25 fps, AAC 48 kHz stereo.'],
  [1530, 'stream.error', 'error', 'arena-4k', 'ingest_codec_unsupported', 'The input was refused: MPEG-2 video is not supported.'],
  [1700, 'stream.created', 'info', 'arena-4k', null, 'Stream arena-4k was created.'],
  [1712, 'system.warning', 'warning', null, 'srt_library_missing', 'libsrt was not found; SRT is off until it is installed.'],
]

export function mockEvents(nowMs: number): readonly EventView[] {
  return STORIES.map(([minutesAgo, type, severity, streamId, code, message], index) => ({
    seq: STORIES.length - index,
    type,
    severity,
    streamId,
    at: new Date(nowMs - minutesAgo * 60_000).toISOString(),
    code,
    message,
    details: {},
  }))
}

export function mockApiKeys(nowMs: number): readonly ApiKeyView[] {
  const ago = (hours: number): string => new Date(nowMs - hours * 3_600_000).toISOString()
  return [
    { id: 'k1', name: 'scoreboard', role: 'viewer', createdAt: ago(400), lastUsedAt: ago(0.01) },
    { id: 'k2', name: 'backup script', role: 'admin', createdAt: ago(90), lastUsedAt: ago(7) },
    { id: 'k3', name: 'encoder van', role: 'operator', createdAt: ago(3), lastUsedAt: null },
  ]
}

export function mockSystem(consoleUrl: string, hasProblems: boolean, nowMs: number): SystemView {
  return {
    version: '0.1.0',
    startedAt: new Date(nowMs - 26 * 3_600_000).toISOString(),
    addresses: {
      console: consoleUrl,
      media: 'http://127.0.0.1:8888',
      rtmp: 'rtmp://127.0.0.1:1935/live',
      srt: hasProblems ? null : 'srt://127.0.0.1:6000',
    },
    database: 'sqlite',
    catalogBackup: {
      name: '2026-11-21T10-23-00Z-1a2b3c4d',
      at: new Date(nowMs - 19 * 60_000).toISOString(),
      sizeBytes: 18_204,
    },
    problems: hasProblems
      ? [
          {
            code: 'srt_library_missing',
            message: 'SRT is off: libsrt was not found. Install it (apt-get install libsrt1.5-gnutls) and restart Mirror.',
          },
        ]
      : [],
  }
}

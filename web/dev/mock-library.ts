// A library that never was: content of every kind and in every state, and recordings of calls.
import type { AssetView } from '../../src/api/asset-contract.ts'
import type { ExplanationView } from '../../src/api/object-contract.ts'
import type { RecordingView, WaveformView } from '../../src/api/recording-contract.ts'
import type { UploadView } from '../../src/api/upload-contract.ts'

const BLURHASHES = ['LEHV6nWB2yk8pyo0adR*.7kCMdnj', 'LGF5]+Yk^6#M@-5c,1J5@[or[Q6.', 'L6PZfSi_.AyE_3t7t7R**0o#DgR4', 'LKO2?U%2Tw=w]~RBVZRi};RPxuwH']
const PALETTES = [
  ['#274060', '#f4a259', '#5b8e7d'],
  ['#8cb369', '#f4e285', '#bc4b51'],
  ['#355070', '#eaac8b', '#6d597a'],
  ['#0b3954', '#bfd7ea', '#ff6663'],
] as const

interface MockAsset {
  readonly id: string
  readonly name: string
  readonly kind: AssetView['kind']
  readonly contentType: string
  readonly sizeBytes: number
  readonly minutesAgo: number
  readonly folder?: string
  readonly tags?: readonly string[]
  readonly width?: number
  readonly height?: number
  readonly change?: Partial<AssetView>
}

const EXIF = {
  ...{ Make: 'FUJIFILM', Model: 'X-T5', LensModel: 'XF16-55mmF2.8 R LM WR', ExposureTime: '1/250', FNumber: 5.6 },
  ...{ ISOSpeedRatings: 160, FocalLength: 23.4, DateTimeOriginal: '2026:10:04 07:41:12', Artist: 'Ada Lindqvist' },
}

const ASSETS: readonly MockAsset[] = [
  { id: 'a1', name: 'Lighthouse at dawn.jpg', kind: 'image', contentType: 'image/jpeg', sizeBytes: 8_412_000, minutesAgo: 4, folder: 'photos/2026', tags: ['coast', 'cover'], width: 6000, height: 4000 },
  { id: 'a2', name: 'Interview with the harbour master, second take, wide.mp4', kind: 'video', contentType: 'video/mp4', sizeBytes: 1_840_000_000, minutesAgo: 9, folder: 'rushes/harbour', tags: ['interview'], width: 3840, height: 2160, change: { status: 'processing', percent: 42, step: { name: 'mp4', index: 3, count: 5, percent: 31 }, processedAt: null } },
  { id: 'a3', name: 'Portrait Ada.jpg', kind: 'image', contentType: 'image/jpeg', sizeBytes: 4_120_000, minutesAgo: 31, folder: 'photos/2026', tags: ['people'], width: 3000, height: 4500 },
  { id: 'a4', name: 'Jingle.flac', kind: 'audio', contentType: 'audio/flac', sizeBytes: 3_870_000, minutesAgo: 52, folder: 'sound', tags: ['jingle'] },
  { id: 'a5', name: 'Opening titles.mov', kind: 'video', contentType: 'video/quicktime', sizeBytes: 412_000_000, minutesAgo: 80, folder: 'rushes', width: 1920, height: 1080 },
  { id: 'a6', name: 'Contract 2026-114.pdf', kind: 'document', contentType: 'application/pdf', sizeBytes: 240_000, minutesAgo: 190, folder: 'papers' },
  { id: 'a7', name: 'holiday.png', kind: 'image', contentType: 'text/html', sizeBytes: 18_400, minutesAgo: 200, change: { status: 'failed', percent: 0, step: { name: 'identify', index: 1, count: 7, percent: null }, failure: { step: 'identify', code: 'content_unsupported', message: 'it is named .png, but its bytes are text/html' } } },
  { id: 'a8', name: 'Fjord, long exposure.tif', kind: 'image', contentType: 'image/tiff', sizeBytes: 96_000_000, minutesAgo: 1440, folder: 'photos/2026', tags: ['coast', 'norway', 'long exposure', 'print'], width: 8000, height: 3200 },
  { id: 'a9', name: 'Logo.png', kind: 'image', contentType: 'image/png', sizeBytes: 24_000, minutesAgo: 2880, tags: ['brand'], width: 1200, height: 1200, change: { status: 'pending', percent: 0, step: null, processedAt: null } },
  { id: 'b1', name: 'Market square.jpg', kind: 'image', contentType: 'image/jpeg', sizeBytes: 5_300_000, minutesAgo: 4000, folder: 'photos/2025', tags: ['city'], width: 6000, height: 4000 },
  { id: 'b2', name: 'Session notes.zip', kind: 'other', contentType: 'application/octet-stream', sizeBytes: 71_000, minutesAgo: 9000 },
  { id: 'b3', name: 'Northern lights.jpg', kind: 'image', contentType: 'image/jpeg', sizeBytes: 7_700_000, minutesAgo: 12_000, folder: 'photos/2025', tags: ['norway'], width: 6000, height: 4000 },
]

export const MOCK_LABELS = {
  folders: ['', 'papers', 'photos/2025', 'photos/2026', 'rushes', 'rushes/harbour', 'sound'],
  tags: ['brand', 'city', 'coast', 'cover', 'interview', 'jingle', 'long exposure', 'norway', 'people', 'print'],
}

export function mockAssets(nowMs: number): readonly AssetView[] {
  return ASSETS.map((asset, at) => renderMockAsset(asset, at, nowMs))
}

function renderMockAsset(asset: MockAsset, at: number, nowMs: number): AssetView {
  const { id, name, kind, contentType, sizeBytes, folder = '', tags = [], width, height, change = {} } = asset
  const uploadedAt = new Date(nowMs - asset.minutesAgo * 60_000).toISOString()
  const extension = name.split('.').at(-1) ?? ''
  const isReady = change.status === undefined
  const size = width === undefined ? {} : { width, height }
  const facts =
    kind === 'image' && isReady
      ? { ...size, format: 'jpeg', colourSpace: 'srgb', bitsPerChannel: 8, frames: 1, hasAlpha: id === 'a9', hasColourProfile: true, hasLocation: true, blurhash: BLURHASHES[at % BLURHASHES.length], dominantColour: '#577590', exif: EXIF }
      : kind === 'audio'
        ? { container: 'flac', durationSec: 27.4, bitRate: 1_130_000, audio: { kind: 'audio', codec: 'flac', sampleRateHz: 48_000, channels: 2 }, tags: { title: 'Jingle', artist: 'The House Band' }, loudness: { integratedLufs: -16.2, rangeLu: 4.1, peakDbfs: -1 } }
        : kind === 'video'
          ? { ...size, container: 'mov', durationSec: 754, bitRate: 19_400_000, video: { kind: 'video', codec: 'h264', frameRate: 25 }, audio: { kind: 'audio', codec: 'aac', sampleRateHz: 48_000, channels: 2 }, tags: {} }
          : kind === 'document'
            ? { pages: 14, version: '1.7', title: 'Contract 2026-114', author: null, pageProblem: 'it opens with a password only' }
            : {}
  return {
    ...{ id, tenant: 'default', name, extension, folder, kind, format: extension === 'jpg' ? 'jpeg' : extension, contentType, sizeBytes },
    ...{ sha256: '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08', status: 'ready', percent: 100, step: null, failure: null },
    ...{ tags: [...tags], metadata: id === 'a1' ? { photographer: 'Ada Lindqvist', rights: { until: '2028-01-01' } } : {}, facts },
    renditions: isReady ? renditionsOf(id, kind, width, height) : [],
    ...{ storageKey: `assets/default/${id}/original`, playback: null, uploadedAt, processedAt: isReady ? uploadedAt : null },
    ...{ deletedAt: null, scheduledDeletionAt: null, trashSec: 30 * 86_400, updatedAt: uploadedAt },
    ...change,
  }
}

function renditionsOf(id: string, kind: AssetView['kind'], width = 1920, height = 1080): AssetView['renditions'] {
  const fit = (side: number) => {
    const scale = Math.min(1, side / Math.max(width, height))
    return { width: Math.round(width * scale), height: Math.round(height * scale) }
  }
  const none = { width: null, height: null }
  const of = (name: string, contentType: string, sizeBytes: number, size: { width: number | null; height: number | null }) => ({
    ...{ name, contentType, sizeBytes, ...size, sha256: 'r', path: `/api/v1/assets/${id}/renditions/${name}` },
  })
  if (kind === 'image') {
    return [of('avif', 'image/avif', 310_000, fit(2560)), of('medium', 'image/jpeg', 88_000, fit(800)), of('thumbnail', 'image/jpeg', 6200, fit(150)), of('webp', 'image/webp', 540_000, fit(2560))]
  }
  if (kind === 'video') {
    return [of('mp4-480p', 'video/mp4', 62_000_000, { width: 854, height: 480 }), of('mp4-720p', 'video/mp4', 154_000_000, { width: 1280, height: 720 }), of('poster', 'image/jpeg', 92_000, fit(1280)), of('storyboard', 'text/vtt', 4100, none), of('storyboard-image', 'image/jpeg', 380_000, { width: 1600, height: 900 })]
  }
  return kind === 'audio'
    ? [of('m4a', 'audio/mp4', 560_000, none), of('opus', 'audio/ogg', 330_000, none), of('waveform', 'application/json', 9000, none)]
    : []
}

/** A landscape of its own for each, in the shape that it has. */
export function mockPicture(id: string, nowMs: number): string {
  const assets = mockAssets(nowMs)
  const at = Math.max(0, assets.findIndex((asset) => asset.id === id))
  const size = ASSETS[at]
  const [sky, light, land] = PALETTES[at % PALETTES.length] ?? PALETTES[0]
  const [width, height] = [size?.width ?? 1600, size?.height ?? 900]
  const hill = (y: number, bend: number) => `M0 ${y * height}Q${width * bend} ${(y - 0.25) * height} ${width} ${y * height}V${height}H0Z`
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}"><rect width="100%" height="100%" fill="${sky}"/><circle cx="${width * (0.25 + (at % 3) * 0.22)}" cy="${height * 0.38}" r="${Math.min(width, height) * 0.14}" fill="${light}"/><path d="${hill(0.72, 0.3)}" fill="${land}" opacity=".75"/><path d="${hill(0.86, 0.7)}" fill="${land}"/></svg>`
}

export function mockExplanation(key: string, nowMs: number): ExplanationView {
  const at = (days: number) => new Date(nowMs - days * 86_400_000).toISOString()
  const isOld = key.includes('/a8/')
  const entry = { key, bytes: 96_000_000, job: 'j1', attempt: 1, note: null }
  return {
    ...{ key, what: 'an object that is no part of a recording', stream: null, track: null, from: null, to: null, segments: 0 },
    ...{ where: 'store', span: null, dueAt: null, due: 'no rule of retention is about it', blocks: [] },
    object: { tier: isOld ? 'cold' : 'hot', storageClass: null, bytes: 8_412_000, modifiedAt: at(isOld ? 120 : 0.01), restore: null },
    ledger: isOld
      ? [
          { ...entry, at: at(3), action: 'move', state: 'done', from: 'warm', to: 'cold' },
          { ...entry, at: at(90), action: 'move', state: 'done', from: 'hot', to: 'warm' },
        ]
      : [],
  }
}

const CALLS = ['7f1c2d3e-88a0-4c1b-9f2e-51d0c7aa9e01', '51b0a9c4-0d7e-4f32-8c11-0a77e2b4d920', 'c2e4f6a8-1b3d-4e5f-9a7b-6c8d0e2f4a6b', '90ad12ef-77b1-4d7c-b0a9-3e1f5d2c4b6a', '0aa4be77-2b19-43c5-91de-8f6a7c3b5d21', 'e81f03d2-6c4a-4b8e-a5d7-19c2b0f3e6a4', '3d5b7f91-c8e2-4a06-bd14-72f0a9c6e853', 'b6d8f0a2-4c6e-48a1-93b5-d7e9f1a3c5b7']

export function mockRecordings(nowMs: number): readonly RecordingView[] {
  const day = 86_400_000
  return CALLS.map((callId, at): RecordingView => {
    const createdAtMs = nowMs - [3, 18, 44, 190, 700, 2900, 40_000, 130_000][at]! * 60_000
    const durationSec = [187.4, 61.2, 904.8, 12.6, 331, 58.9, 1411, 245][at] ?? 60
    const isFailed = at === 3
    const isOnItsWay = at === 0
    const isCut = at === 2
    return {
      ...{ id: `r${at + 1}`, tenant: 'default', callId, legId: at % 2 === 0 ? null : 'b', sourceUrl: at === 4 ? 'https://pbx.example/rec/4.wav' : null },
      status: isFailed ? 'FAILED' : isOnItsWay ? 'STORED' : 'COMPLETED',
      failure: isFailed ? { code: 'recording_damaged', message: 'The bytes that are kept are not those that came in: SHA-256 9f86… and not 2c26…' } : null,
      ...{ storageKey: `recordings/default/r${at + 1}/original`, fileName: 'call.wav' },
      expected: { format: 'wav', durationSec: isCut ? 1262 : Math.round(durationSec), channels: 2 },
      ...{ format: 'wav', contentType: 'audio/wav', codec: 'pcm_s16le', sizeBytes: Math.round(durationSec * 32_000), sha256: '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08' },
      original: at < 6 ? null : { format: 'wav', codec: 'pcm_s16le', sizeBytes: Math.round(durationSec * 64_000), sha256: '2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae' },
      ...{ durationSec: isOnItsWay ? null : durationSec, channels: 2, sampleRateHz: 8000, truncated: isCut },
      issues: isCut ? [{ kind: 'truncated', message: 'The call lasted 1262 s as it was said, its recording 904.8 s' }] : [],
      waveform: isOnItsWay || isFailed ? null : `/api/v1/recordings/r${at + 1}/waveform`,
      ...{ tier: at < 6 ? 'hot' : at === 6 ? 'warm' : 'cold', policyId: null, metadata: { agent: ['Ünal', 'Okafor', 'Brandt'][at % 3], queue: 'support' } },
      movedToWarmAt: at < 6 ? null : new Date(createdAtMs + 30 * day).toISOString(),
      ...{ scheduledDeletionAt: at === 5 ? null : new Date(createdAtMs + 365 * day).toISOString(), deletedAt: null },
      ...{ createdAt: new Date(createdAtMs).toISOString(), updatedAt: new Date(createdAtMs).toISOString() },
    }
  })
}

/** Two people who take turns. */
export function mockWaveform(durationSec: number, channels = 2): WaveformView {
  const length = 1000
  const data: number[] = []
  for (let peak = 0; peak < length; peak += 1) {
    const turn = Math.sin(peak / 37) + Math.sin(peak / 101)
    for (let channel = 0; channel < channels; channel += 1) {
      const speaks = channel === 0 ? turn > 0.1 : turn < -0.1
      const syllable = Math.abs(Math.sin(peak * 1.7) * Math.sin(peak / 5.3))
      const loud = Math.round((speaks ? 18 + 90 * syllable : 2 + 3 * syllable) * (channel === 0 ? 1 : 0.8))
      data.push(-loud, loud)
    }
  }
  return { version: 1, durationSec, sampleRateHz: 8000, channels, samplesPerPeak: Math.round((durationSec * 8000) / length), length, data }
}

/** Half a minute of two tones, 8 bits, so that there is something to play. */
export function mockSound(): Buffer {
  const samples = Buffer.alloc(8000 * 30 * 2)
  for (let at = 0; at < samples.length; at += 1) samples[at] = 128 + Math.round(30 * Math.sin((at * (at % 2 === 0 ? 0.17 : 0.11)) / 1))
  const head = Buffer.alloc(44)
  head.write('RIFF', 0, 'latin1')
  head.writeUInt32LE(36 + samples.length, 4)
  head.write('WAVEfmt ', 8, 'latin1')
  head.writeUInt32LE(16, 16)
  head.writeUInt16LE(1, 20)
  head.writeUInt16LE(2, 22)
  head.writeUInt32LE(8000, 24)
  head.writeUInt32LE(16_000, 28)
  head.writeUInt16LE(2, 32)
  head.writeUInt16LE(8, 34)
  head.write('data', 36, 'latin1')
  head.writeUInt32LE(samples.length, 40)
  return Buffer.concat([head, samples])
}

export function mockUpload(id: string): UploadView {
  const createdAt = new Date().toISOString()
  return {
    ...{ id, state: 'receiving', offsetBytes: 0.34 * 1.2e9, lengthBytes: 1.2e9, metadata: {}, createdAt, expiresAt: createdAt },
    ...{ assetId: null, failure: null },
  }
}

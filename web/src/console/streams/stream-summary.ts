// A stream's tracks in a few words, for rows and panels.
import type { LiveView } from '../../../../src/api/stream-contract.ts'
import { REPAIR_CAUSES, type RepairMeaning } from '../../../../src/media/repair-causes.ts'
import { formatCodec, formatFrameRate, formatResolution } from '../format/quantity.ts'

type Track = LiveView['tracks'][number]

export function videoTrackOf(live: LiveView): Track | null {
  return live.tracks.find((track) => track.kind === 'video') ?? null
}

/** "1920×1080 · H.264 · AAC", or null before the tracks are known. */
export function mediaWords(live: LiveView): string | null {
  if (live.tracks.length === 0) return null
  const video = videoTrackOf(live)
  const audio = live.tracks.find((track) => track.kind === 'audio')
  const words = [
    ...(video === null ? ['audio only'] : [formatResolution(video.widthPx, video.heightPx), formatCodec(video.codec)]),
    ...(audio === undefined ? [] : [formatCodec(audio.codec)]),
  ]
  return words.join(' · ')
}

export function videoWords(track: Track): string {
  const rate = track.frameRate === null ? [] : [formatFrameRate(track.frameRate)]
  return [formatCodec(track.codec), formatResolution(track.widthPx, track.heightPx), ...rate].join(' · ')
}

export function audioWords(track: Track): string {
  const rate = track.sampleRateHz === null ? [] : [`${track.sampleRateHz / 1000}\u00a0kHz`]
  const channels = track.channels === null ? [] : [channelWord(track.channels)]
  const language = track.language === null || track.language === 'und' ? [] : [track.language]
  return [formatCodec(track.codec), ...rate, ...channels, ...language].join(' · ')
}

function channelWord(channels: number): string {
  switch (channels) {
    case 1:
      return 'mono'
    case 2:
      return 'stereo'
    case 6:
      return '5.1'
    case 8:
      return '7.1'
    default:
      return `${channels} channels`
  }
}

export function sumOf(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0)
}

/** Causes as a person reads them, the most frequent first: `clock_jump: 3` → "clock jump 3". */
export function causesOf(counts: Readonly<Record<string, number>>): readonly string[] {
  return Object.entries(counts)
    .filter(([, count]) => count > 0)
    .sort(([, a], [, b]) => b - a)
    .map(([cause, count]) => `${cause.replaceAll('_', ' ')} ${count.toLocaleString('en')}`)
}

/** The same with what each means, for a tooltip: one line per cause. */
export function meaningsOf(counts: Readonly<Record<string, number>>): string {
  const meanings: Readonly<Record<string, RepairMeaning>> = REPAIR_CAUSES
  return Object.keys(counts)
    .flatMap((cause) => meanings[cause]?.meaning ?? [])
    .join('\n')
}

export const PROTOCOL_NAMES = {
  rtmp: 'RTMP',
  srt: 'SRT',
  cmaf: 'CMAF over HTTP',
  test: 'Test source',
  udp: 'UDP',
  rtp: 'RTP',
  pull: 'Pulled source',
} as const

/** Share of packets lost and not made up for, as far as it can be told: SRT payloads are 1316 bytes as a rule. */
const SRT_PAYLOAD_BYTES = 1316

export function lossPercent(input: NonNullable<LiveView['input']>): number | null {
  if (input.packetsLost === null) return null
  const arrived = input.receivedBytes / SRT_PAYLOAD_BYTES
  const all = arrived + input.packetsLost
  return all === 0 ? 0 : (input.packetsLost / all) * 100
}

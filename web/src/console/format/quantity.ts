// Numbers in the unit a person would say. A no-break space keeps number and unit together.

const NBSP = '\u00a0'

export function formatBitrate(bps: number): string {
  if (bps <= 0) return '–'
  if (bps < 1_000_000) return `${Math.round(bps / 1000)}${NBSP}kbit/s`
  return `${(bps / 1_000_000).toFixed(bps < 100_000_000 ? 1 : 0)}${NBSP}Mbit/s`
}

const BYTE_UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'] as const

export function formatBytes(sizeBytes: number): string {
  let value = sizeBytes
  let unit = 0
  while (value >= 1000 && unit < BYTE_UNITS.length - 1) {
    value /= 1000
    unit += 1
  }
  const digits = unit === 0 || value >= 100 ? 0 : 1
  return `${value.toFixed(digits)}${NBSP}${BYTE_UNITS[unit] ?? 'B'}`
}

/**
 * Latencies: milliseconds below one second, then seconds with two digits, so that the width hardly changes; minutes and
 * hours for who has gone back in time.
 */
export function formatLatency(ms: number | null): string {
  if (ms === null || !Number.isFinite(ms)) return '–'
  if (ms < 1000) return `${Math.round(ms)}${NBSP}ms`
  if (ms < 60_000) return `${(ms / 1000).toFixed(ms < 10_000 ? 2 : 1)}${NBSP}s`
  return ms < 3_600_000 ? `${Math.round(ms / 60_000)}${NBSP}min` : `${(ms / 3_600_000).toFixed(1)}${NBSP}h`
}

export function formatCount(value: number): string {
  return value.toLocaleString('en')
}

export function formatFrameRate(fps: number): string {
  if (fps <= 0) return '–'
  const rounded = Math.round(fps * 100) / 100
  return `${rounded}${NBSP}fps`
}

/** 1920 × 1080 → 1080p; anything unusual is spelt out. */
export function formatResolution(widthPx: number | null, heightPx: number | null): string {
  if (widthPx === null || heightPx === null) return '–'
  return `${widthPx}×${heightPx}`
}

const CODEC_NAMES: Readonly<Record<string, string>> = {
  h264: 'H.264',
  avc: 'H.264',
  hevc: 'HEVC',
  h265: 'HEVC',
  av1: 'AV1',
  aac: 'AAC',
  opus: 'Opus',
  flac: 'FLAC',
  mp3: 'MP3',
  vp9: 'VP9',
  pcm_alaw: 'G.711 A-law',
  pcm_mulaw: 'G.711 µ-law',
}

export function formatCodec(codec: string): string {
  const known = CODEC_NAMES[codec.toLowerCase()]
  return known ?? (codec.startsWith('pcm_') ? 'PCM' : codec)
}

export function plural(count: number, one: string, many: string): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`
}

// mp4box as an independent judge of init segments, parts and segments: what it reads must be what the playlist says.
import { createFile, MP4BoxBuffer } from 'mp4box'
import { mediaPlaylist } from './hls.ts'

/** EXTINF is written with five decimals. */
const ROUNDING_SEC = 0.000_02

export interface Mp4boxReading {
  readonly codec: string
  readonly segments: number
  readonly samples: number
  readonly problems: readonly string[]
}

interface SampleRead {
  readonly dts: number
  readonly duration: number
  readonly timescale: number
  readonly size: number
  readonly is_sync: boolean
}

/** Reads the last segments that list their parts: as they are, and put together from their parts. */
export async function readWithMp4box(playlistUrl: string): Promise<Mp4boxReading> {
  const playlist = await mediaPlaylist(playlistUrl)
  const complete = playlist.segments.filter(({ uri, gap, parts }) => uri !== '' && gap !== true && parts.length > 0)
  const problems: string[] = []
  let codec = ''
  let total = 0
  for (const { uri, duration, parts, map } of complete) {
    const init = await fetchBytes(new URL(map?.uri ?? '', playlistUrl))
    const pieces = await Promise.all(parts.map((part) => fetchBytes(new URL(part.uri, playlistUrl))))
    const whole = readSamples([init, await fetchBytes(new URL(uri, playlistUrl))])
    const joined = readSamples([init, ...pieces])
    codec = whole.codec
    total += whole.samples.length
    const seconds = whole.samples.reduce((sum, sample) => sum + sample.duration / sample.timescale, 0)
    if (Math.abs(seconds - duration) > ROUNDING_SEC) problems.push(`${uri}: EXTINF ${duration}, samples ${seconds} s`)
    if (JSON.stringify(joined) !== JSON.stringify(whole)) problems.push(`${uri}: the parts hold other samples`)
    for (const [index, part] of parts.entries()) {
      const { samples } = readSamples([init, pieces[index] ?? new Uint8Array()])
      const partSec = samples.reduce((sum, sample) => sum + sample.duration / sample.timescale, 0)
      if (Math.abs(partSec - (part.duration ?? 0)) > ROUNDING_SEC)
        problems.push(`${part.uri}: DURATION ${part.duration}, samples ${partSec} s`)
      if (part.independent === true && !samples.some(({ is_sync }) => is_sync))
        problems.push(`${part.uri}: INDEPENDENT without a sync sample`)
    }
  }
  return { codec, segments: complete.length, samples: total, problems }
}

function readSamples(pieces: readonly Uint8Array[]): {
  readonly codec: string
  readonly samples: readonly SampleRead[]
} {
  const file = createFile()
  const found = { codec: '', trackId: 0 }
  file.onError = (module, message) => {
    throw new Error(`${module}: ${message}`)
  }
  file.onReady = ({ tracks }) => {
    found.codec = tracks[0]?.codec ?? ''
    found.trackId = tracks[0]?.id ?? 0
  }
  let position = 0
  for (const piece of pieces) {
    file.appendBuffer(MP4BoxBuffer.fromArrayBuffer(new Uint8Array(piece).buffer, position))
    position += piece.length
  }
  file.flush()
  const samples = file.getTrackSamplesInfo(found.trackId)
  return {
    codec: found.codec,
    samples: samples.map(({ dts, duration, timescale, size, is_sync }) => ({
      dts,
      duration,
      timescale,
      size,
      is_sync,
    })),
  }
}

async function fetchBytes(url: URL): Promise<Uint8Array> {
  const response = await fetch(url)
  if (!response.ok) throw new Error(`GET ${url} → ${response.status}`)
  return new Uint8Array(await response.arrayBuffer())
}

// Media made by ffmpeg and packets read by ffprobe: the independent judges of this folder's tests.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createFile, MP4BoxBuffer } from 'mp4box'
import { MirrorError } from '../../core/errors.ts'
import type { DemuxSink, InputSample, InputTrack, Repair } from '../samples.ts'
import { Fmp4Demuxer } from './demuxer.ts'

const MAX_OUTPUT_BYTES = 256 * 1024 * 1024

export interface ProbedPacket {
  readonly pts: number | null
  readonly dts: number | null
  readonly size: number
  readonly isKeyframe: boolean
}

/** A folder of its own under the system's temporary folder; call `remove` at the end. */
export class Workbench {
  readonly #folder = mkdtempSync(join(tmpdir(), 'mirror-fmp4-'))

  path(name: string): string {
    return join(this.#folder, name)
  }

  write(name: string, ...bytes: readonly Uint8Array[]): string {
    writeFileSync(this.path(name), Buffer.concat(bytes))
    return this.path(name)
  }

  /** Three seconds of moving picture and tone. */
  encode(name: string, codecArgs: string): string {
    const inputs = '-f lavfi -i testsrc2=size=320x180:rate=30 -f lavfi -i sine=frequency=440:sample_rate=48000 -t 3'
    execFileSync('ffmpeg', split(`-y -v error ${inputs} ${codecArgs} ${this.path(name)}`), {
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    return this.path(name)
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true })
  }
}

/** What ffmpeg writes to a pipe, which is what it sends over HTTP. */
export function remux(source: string, outputArgs: string, format: 'mp4' | 'mov' = 'mp4'): Buffer {
  return execFileSync('ffmpeg', split(`-v error -i ${source} -c copy ${outputArgs} -f ${format} -`), {
    maxBuffer: MAX_OUTPUT_BYTES,
  })
}

/** Empty when ffmpeg decodes the whole file without a complaint. */
export function decodeErrors(file: string): string {
  return execFileSync('sh', ['-c', `ffmpeg -v error -i "${file}" -f null - 2>&1`], { encoding: 'utf8' })
}

export function probePackets(file: string, stream: number): ProbedPacket[] {
  const args = split(`-v error -select_streams ${stream} -show_packets -of json ${file}`)
  const { packets } = JSON.parse(execFileSync('ffprobe', args, { encoding: 'utf8', maxBuffer: MAX_OUTPUT_BYTES })) as {
    packets: { pts?: number; dts?: number; size: string; flags: string }[]
  }
  return packets.map((packet) => ({
    pts: packet.pts ?? null,
    dts: packet.dts ?? null,
    size: Number(packet.size),
    isKeyframe: packet.flags.startsWith('K'),
  }))
}

/** The samples of one track as mp4box reads them: media times, before any edit list. */
export function boxedSamples(bytes: Uint8Array, containerId: number) {
  const file = createFile()
  let error = ''
  file.onError = (module, message) => {
    error = `${module}: ${message}`
  }
  const copy = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length)
  file.appendBuffer(MP4BoxBuffer.fromArrayBuffer(copy, 0))
  file.flush()
  if (error !== '') throw new Error(error)
  return file.getTrackSamplesInfo(containerId).map((sample) => ({
    dts: sample.dts,
    cto: sample.cts - sample.dts,
    duration: sample.duration,
    size: sample.size,
    isKeyframe: sample.is_sync,
  }))
}

/** Everything a demuxer said, in order, and how it ended. */
export class Recording implements DemuxSink {
  readonly tracks: InputTrack[] = []
  readonly known: (readonly string[])[] = []
  readonly samples: InputSample[] = []
  readonly repairs: Repair[] = []
  error: MirrorError | null = null

  onTrack(track: InputTrack): void {
    this.tracks.push(track)
  }
  onTracksKnown(trackIds: readonly string[]): void {
    this.known.push(trackIds)
  }
  onSample(sample: InputSample): void {
    this.samples.push({ ...sample, data: new Uint8Array(sample.data) })
  }
  onRepair(repair: Repair): void {
    this.repairs.push(repair)
  }

  of(trackId: string): InputSample[] {
    return this.samples.filter((sample) => sample.trackId === trackId)
  }
}

/** Demuxes `chunks` as one input. A MirrorError is recorded; anything else is a bug and thrown. */
export function demux(chunks: Iterable<Uint8Array>, options: { readonly maxBoxBytes?: number } = {}): Recording {
  const recording = new Recording()
  const demuxer = new Fmp4Demuxer(recording, options)
  try {
    for (const chunk of chunks) demuxer.push(chunk)
    demuxer.end()
  } catch (error) {
    if (!(error instanceof MirrorError) || error.code === 'internal') throw error
    recording.error = error
  }
  return recording
}

/** The same bytes in pieces of the given sizes, the last one repeated; each piece is a copy, as it comes from a socket. */
export function* inPieces(bytes: Uint8Array, sizes: readonly number[]): Generator<Uint8Array> {
  let at = 0
  for (let i = 0; at < bytes.length; i++) {
    const size = sizes[Math.min(i, sizes.length - 1)] ?? bytes.length
    yield new Uint8Array(bytes.subarray(at, at + size))
    at += size
  }
}

function split(args: string): string[] {
  return args.split(' ').filter((arg) => arg !== '')
}

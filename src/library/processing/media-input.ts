// How ffmpeg and ffprobe are let near a file of a stranger.
import { open } from 'node:fs/promises'
import { MirrorError } from '../../core/errors.ts'
import { SNIFF_BYTES, sniffType } from '../intake/sniff.ts'

/** A file on a local disk, or bytes that come once. `formats`: what else than a container of sound or video it may be. */
export type MediaInput =
  | { readonly kind: 'file'; readonly path: string; readonly formats?: readonly string[] }
  | { readonly kind: 'pipe'; readonly chunks: AsyncIterable<Uint8Array> }

/**
 * Containers that hold their media themselves. Left out on purpose are those that name other files, addresses or devices
 * (hls, dash, concat, sdp, rtsp, image sequences, lavfi, asf redirects): a playlist dressed as a video would make ffmpeg
 * read whatever this machine can.
 */
const CONTAINERS = [
  'aac',
  'ac3',
  'aiff',
  'amr',
  'amrnb',
  'amrwb',
  'asf',
  'au',
  'avi',
  'caf',
  'dts',
  'eac3',
  'flac',
  'flv',
  'matroska',
  'mov',
  'mp3',
  'mpeg',
  'mpegts',
  'mpegvideo',
  'mxf',
  'ogg',
  'w64',
  'wav',
  'wv',
] as const

/** Options and address of one input. `maxStreams`: what has more is refused while it is opened. */
export function inputArgs(input: MediaInput, maxStreams: number): string[] {
  const address = input.kind === 'file' ? `file:${input.path}` : 'pipe:0'
  const protocol = input.kind === 'file' ? 'file' : 'pipe'
  const formats = (input.kind === 'file' ? input.formats : undefined) ?? CONTAINERS
  return [
    ...['-protocol_whitelist', protocol, '-format_whitelist', formats.join(',')],
    ...['-max_streams', String(maxStreams), '-i', address],
  ]
}

/** An input whose first bytes can still be asked for when it turned out to be unreadable. */
export interface WatchedInput {
  readonly input: MediaInput
  readonly head: () => Promise<Uint8Array>
}

export function watchInput(input: MediaInput): WatchedInput {
  if (input.kind === 'file') return { input, head: () => readHead(input.path) }
  const seen: Uint8Array[] = []
  return { input: { kind: 'pipe', chunks: noting(input.chunks, seen) }, head: async () => Buffer.concat(seen) }
}

/** What `runLimited` is to feed to the child. */
export function pipedInput({ input }: WatchedInput): { readonly input?: AsyncIterable<Uint8Array> } {
  return input.kind === 'pipe' ? { input: input.chunks } : {}
}

async function* noting(chunks: AsyncIterable<Uint8Array>, seen: Uint8Array[]): AsyncGenerator<Uint8Array, void, void> {
  let sizeBytes = 0
  for await (const chunk of chunks) {
    if (sizeBytes < SNIFF_BYTES) seen.push(Uint8Array.from(chunk.subarray(0, SNIFF_BYTES - sizeBytes)))
    sizeBytes += chunk.length
    yield chunk
  }
}

async function readHead(path: string): Promise<Uint8Array> {
  await using file = await open(path)
  const { buffer, bytesRead } = await file.read(Buffer.alloc(SNIFF_BYTES), 0, SNIFF_BYTES, 0)
  return buffer.subarray(0, bytesRead)
}

/** What stderr of ffmpeg or ffprobe says about the content, as an error that names it. */
export async function contentError(stderr: string, watched: WatchedInput, maxStreams: number): Promise<MirrorError> {
  const path = watched.input.kind === 'file' ? watched.input.path : 'pipe:0'
  const words = stderr.replaceAll(`file:${path}`, 'the file').replaceAll(path, 'the file')
  if (/exceeds max_streams/.test(words)) {
    return new MirrorError('content_too_large', `It has more than ${maxStreams} streams`, { details: { maxStreams } })
  }
  if (/Cannot allocate memory/.test(words)) {
    return new MirrorError('content_too_large', 'It asks for more memory than processing is given')
  }
  const { kind, format } = sniffType(await watched.head())
  if (kind === 'audio' || kind === 'video') return new MirrorError('content_damaged', `${format}: ${reasonIn(words)}`)
  return new MirrorError('content_unsupported', `It is no audio or video that Mirror knows, but ${format}`)
}

/** The last line that says more than that there was an error, without the name of the part that says it. */
function reasonIn(words: string): string {
  const lines = words
    .split('\n')
    .map((line) => line.replace(/^\[[^\]]*\] /, '').trim())
    .filter((line) => line !== '')
  const telling = lines.findLast((line) => !/^the file: |^Conversion failed!$|^Output file/.test(line))
  return (telling ?? lines.at(-1) ?? 'it cannot be read').slice(0, 300)
}

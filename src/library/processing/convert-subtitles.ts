// A file of subtitles as somebody has it becomes WebVTT, in a limited process.
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { MirrorError, toMirrorError } from '../../core/errors.ts'
import { type FfmpegHost, runFfmpeg } from './run-ffmpeg.ts'

/** ffmpeg's names of SubRip, WebVTT and SubStation Alpha. */
const FORMATS = ['srt', 'webvtt', 'ass'] as const
const KNOWN = 'Mirror reads SubRip (.srt), WebVTT (.vtt) and SubStation Alpha (.ass)'
/** A film has 100 KiB. */
export const MAX_SUBTITLE_BYTES = 8 * 2 ** 20
const LIMITS = {
  ...{ memoryBytes: 2 ** 30, fileBytes: 2 * MAX_SUBTITLE_BYTES, cpuSec: 20 },
  ...{ wallMs: 60_000, outputBytes: 2 ** 20 },
}

/**
 * Writes into `folder`, and gives the path. Rejects with `content_too_large`, `content_unsupported` when it is none of these
 * formats or no Unicode, and as `runFfmpeg` does.
 */
export async function convertSubtitles(
  bytes: Uint8Array,
  { folder, host }: { readonly folder: string; readonly host: FfmpegHost },
  signal: AbortSignal,
): Promise<string> {
  if (bytes.length > MAX_SUBTITLE_BYTES) {
    throw new MirrorError('content_too_large', `Subtitles have at most ${MAX_SUBTITLE_BYTES / 2 ** 20} MiB`)
  }
  const path = join(folder, 'sent')
  await writeFile(path, textOf(bytes), { flag: 'wx', mode: 0o600 })
  const made = join(folder, 'made.vtt')
  const outputs = ['-map', '0:s:0', '-map_metadata', '-1', '-c:s', 'webvtt', '-f', 'webvtt', made]
  const input = { kind: 'file', path, formats: FORMATS } as const
  try {
    await runFfmpeg({ input, outputs, maxStreams: 1, limits: LIMITS }, host, signal)
  } catch (error) {
    // Whatever it has to say of a text speaks of sound and video.
    const { code } = toMirrorError(error)
    if (code !== 'content_unsupported' && code !== 'content_damaged') throw error
    throw new MirrorError('content_unsupported', `These are no subtitles that can be read: ${KNOWN}`, { cause: error })
  }
  return made
}

function textOf(bytes: Uint8Array): string {
  const [first, second] = bytes
  const isWide = (first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff)
  const encoding = isWide ? (first === 0xff ? 'utf-16le' : 'utf-16be') : 'utf-8'
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes)
  } catch (cause) {
    throw new MirrorError('content_unsupported', 'The subtitles are no Unicode text: save them as UTF-8', { cause })
  }
}

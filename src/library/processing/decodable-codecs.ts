// Which codecs this ffmpeg can decode: it knows many more by name, and which, depends on how it was built.
import { MirrorError } from '../../core/errors.ts'
import { type LimitedHost, type RunLimits, runLimited } from '../../core/run-limited.ts'
import type { StreamFacts } from './media-facts.ts'

const LIMITS: RunLimits = {
  memoryBytes: 512 * 2 ** 20,
  fileBytes: 0,
  cpuSec: 10,
  wallMs: 60_000,
  outputBytes: 2 ** 20,
}

/** By the names that ffprobe gives. Rejects as `runLimited` does, or with `processing_died`. */
export async function decodableCodecs(
  host: LimitedHost & { readonly ffmpegPath: string },
  signal: AbortSignal,
): Promise<ReadonlySet<string>> {
  const chunks: Uint8Array[] = []
  const program = [host.ffmpegPath, '-nostdin', '-hide_banner', '-loglevel', 'error', '-codecs']
  const onOutput = (chunk: Uint8Array) => chunks.push(chunk)
  await runLimited({ program, limits: LIMITS, onOutput }, host, signal)
  const codecs = parseCodecs(Buffer.concat(chunks).toString('utf8'))
  if (codecs.size === 0) throw new MirrorError('processing_died', 'ffmpeg did not say what it can decode')
  return codecs
}

/** Lines such as ` DEAIL. aac  AAC (Advanced Audio Coding)`, below a legend. Pure. */
export function parseCodecs(text: string): ReadonlySet<string> {
  const found = text.matchAll(/^ D[.E][VASDT][.I][.L][.S] ([^\s=]+) /gm)
  return new Set([...found].map(([, name = '']) => name))
}

export function withDecoders(streams: readonly StreamFacts[], decodable: ReadonlySet<string>): readonly StreamFacts[] {
  return streams.map((stream) => ({ ...stream, isDecodable: decodable.has(stream.codec) }))
}

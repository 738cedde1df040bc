// Asks poppler's tools what a PDF is and what its first page looks like, in limited processes.
import { MirrorError, toMirrorError } from '../../core/errors.ts'
import { type LimitedHost, type RunLimits, runLimited } from '../../core/run-limited.ts'

export interface PdfFacts {
  readonly pages: number
  /** `1.7`. */
  readonly version: string | null
  readonly title: string | null
  readonly author: string | null
  /** Of the first page, in points of 1/72 inch. */
  readonly pageWidthPt: number | null
  readonly pageHeightPt: number | null
}

/** `missing`: the tool is not installed. `locked`: it opens with a password only. */
export type PdfAnswer<T> = T | 'missing' | 'locked'

const LIMITS: RunLimits = {
  memoryBytes: 2 ** 30,
  fileBytes: 64 * 2 ** 20,
  cpuSec: 60,
  wallMs: 180_000,
  outputBytes: 2 ** 20,
}
const MAX_WORDS = 300
const LONGEST_SIDE = 1280

/** Rejects with `content_damaged`, or as `runLimited` does. */
export async function readPdf(path: string, host: LimitedHost, signal: AbortSignal): Promise<PdfAnswer<PdfFacts>> {
  const said = await runTool(['pdfinfo', '-enc', 'UTF-8', path], host, signal)
  if (typeof said === 'string') return said
  const facts = parsePdfInfo(said.text)
  if (facts === null) throw new MirrorError('content_damaged', 'pdf: nobody can count its pages')
  return facts
}

/** Writes `<output>.jpg`. Rejects as `readPdf` does. */
export async function drawFirstPage(
  path: string,
  output: string,
  host: LimitedHost,
  signal: AbortSignal,
): Promise<PdfAnswer<'drawn'>> {
  const how = [
    '-f',
    '1',
    '-l',
    '1',
    '-singlefile',
    '-scale-to',
    String(LONGEST_SIDE),
    '-jpeg',
    '-jpegopt',
    'quality=85',
  ]
  const said = await runTool(['pdftoppm', ...how, path, output], host, signal)
  return typeof said === 'string' ? said : 'drawn'
}

/** What `pdfinfo` writes: lines `Name:   value`. Null: it does not say how many pages there are. */
export function parsePdfInfo(text: string): PdfFacts | null {
  const values = new Map(text.split('\n').map((line) => splitLine(line)))
  const pages = Number(values.get('Pages'))
  if (!Number.isSafeInteger(pages) || pages < 1) return null
  const [, width, height] = /^([\d.]+) x ([\d.]+) pts/.exec(values.get('Page size') ?? '') ?? []
  const words = (name: string) => values.get(name)?.slice(0, MAX_WORDS) || null
  return {
    ...{ pages, version: words('PDF version'), title: words('Title'), author: words('Author') },
    pageWidthPt: width === undefined ? null : Number(width),
    pageHeightPt: height === undefined ? null : Number(height),
  }
}

function splitLine(line: string): [string, string] {
  const colon = line.indexOf(':')
  return [line.slice(0, Math.max(0, colon)), line.slice(colon + 1).trim()]
}

async function runTool(
  program: readonly string[],
  host: LimitedHost,
  signal: AbortSignal,
): Promise<PdfAnswer<{ readonly text: string }>> {
  const chunks: Uint8Array[] = []
  try {
    const onOutput = (chunk: Uint8Array) => chunks.push(chunk)
    const { code, stderrTail } = await runLimited({ program, limits: LIMITS, onOutput }, host, signal)
    if (code === 0) return { text: Buffer.concat(chunks).toString('utf8') }
    if (/Incorrect password/.test(stderrTail)) return 'locked'
    throw new MirrorError('content_damaged', `pdf: ${lastWords(stderrTail)}`)
  } catch (error) {
    // It is the code of every tool that is not there.
    if (toMirrorError(error).code === 'ffmpeg_missing') return 'missing'
    throw error
  }
}

function lastWords(stderr: string): string {
  const words = stderr
    .trim()
    .split('\n')
    .at(-1)
    ?.replace(/^(?:Syntax Error|Command Line Error)[^:]*: /, '')
  return (words ?? '').slice(0, 300) || 'it cannot be read'
}

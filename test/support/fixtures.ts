// Media made by ffmpeg for tests, and ffprobe as an independent judge of it. Files are kept under the system's temporary
// folder, named after their arguments, so that a repeated run makes nothing twice.
import { execFile } from 'node:child_process'
import { createHash, randomUUID } from 'node:crypto'
import { mkdir, readFile, rename, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)
const FOLDER = join(tmpdir(), 'mirror-test-fixtures')
const TIMEOUT_MS = 60_000
const MAX_OUTPUT_BYTES = 64 * 2 ** 20

/** Runs `ffmpeg … <args> <file>`. `name` gives the extension (`h264.ts`); `args` hold inputs, codecs and `-f`. */
export async function makeFixtureFile(
  args: readonly string[],
  name: string,
  timeoutMs: number = TIMEOUT_MS,
): Promise<string> {
  const digest = createHash('sha256').update(args.join('\0')).digest('hex').slice(0, 12)
  const path = join(FOLDER, `${digest}-${name}`)
  if (await exists(path)) return path
  await mkdir(FOLDER, { recursive: true })
  // Test files run side by side: each writes its own file, the last rename wins.
  const draft = join(FOLDER, `${randomUUID()}-${name}`)
  await run('ffmpeg', ['-hide_banner', '-loglevel', 'error', '-nostdin', '-y', ...args, draft], { timeout: timeoutMs })
  await rename(draft, path)
  return path
}

export async function makeFixture(args: readonly string[], name: string): Promise<Uint8Array> {
  return new Uint8Array(await readFile(await makeFixtureFile(args, name)))
}

/** Writes bytes where ffprobe and ffmpeg can read them. */
export async function writeFixture(bytes: Uint8Array, name: string): Promise<string> {
  await mkdir(FOLDER, { recursive: true })
  const path = join(FOLDER, `${randomUUID()}-${name}`)
  await writeFile(path, bytes)
  return path
}

export interface ProbedPacket {
  readonly codec_type: 'video' | 'audio' | 'data'
  readonly stream_index: number
  readonly pts: number
  readonly dts: number
  /** In bytes, as text. */
  readonly size: string
  /** `K` first when it is a keyframe. */
  readonly flags: string
}

export interface ProbedStream {
  readonly index: number
  readonly codec_type: 'video' | 'audio' | 'data'
  readonly codec_name: string
  readonly profile?: string
  readonly level?: number
  readonly width?: number
  readonly height?: number
  readonly sample_aspect_ratio?: string
  readonly r_frame_rate: string
  readonly avg_frame_rate: string
  readonly sample_rate?: string
  readonly channels?: number
  readonly pix_fmt?: string
  readonly tags?: Readonly<Record<string, string>>
}

export interface Probed {
  readonly packets: readonly ProbedPacket[]
  readonly streams: readonly ProbedStream[]
}

export async function ffprobe(path: string, args: readonly string[] = []): Promise<Probed> {
  const { stdout } = await run(
    'ffprobe',
    ['-hide_banner', '-loglevel', 'error', '-show_packets', '-show_streams', '-of', 'json', ...args, path],
    { timeout: TIMEOUT_MS, maxBuffer: MAX_OUTPUT_BYTES },
  )
  const { packets = [], streams = [] } = JSON.parse(stdout)
  return { packets, streams }
}

/** Arguments for a moving picture and a tone. */
export function testInputs(options: {
  readonly seconds: number
  readonly size?: string
  readonly rate?: string
  readonly audioRate?: number
}): string[] {
  const { seconds, size = '320x180', rate = '25', audioRate = 48_000 } = options
  return [
    ...['-f', 'lavfi', '-i', `testsrc=size=${size}:rate=${rate}:duration=${seconds}`],
    ...['-f', 'lavfi', '-i', `sine=frequency=440:sample_rate=${audioRate}:duration=${seconds}`],
  ]
}

async function exists(path: string): Promise<boolean> {
  try {
    return (await stat(path)).size > 0
  } catch {
    return false
  }
}

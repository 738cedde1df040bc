// GStreamer's HLS client (hlsdemux2, which the playbin3 of 1.22 and later takes), in a process of its own: a judge with
// another demuxer, other parsers and a clock of its own, which throws away pictures that come late.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { createInterface } from 'node:readline'

/** How long it may take until the first picture is shown. */
const START_TIMEOUT_MS = 30_000
/** Root mean square of a second, in dB of full scale: quieter is silence. */
const SILENCE_DB = -60

/** At first it catches up with what it was late with while it started. */
const SETTLE_MS = 2000

export interface GstreamerPlay {
  /** Pictures shown in time, and thrown away because they came too late, once it has settled. */
  readonly rendered: number
  readonly dropped: number
  /** Of the wall clock, in which these were counted. */
  readonly seconds: number
  /** Seconds in which sound came that was not silence. */
  readonly heardSec: number
  /** What it called an error or a warning. */
  readonly problems: readonly string[]
}

/** Null: it is here; else what is missing. */
export function gstreamerMissing(): string | null {
  const folders = (process.env['PATH'] ?? '').split(delimiter)
  if (!folders.some((folder) => existsSync(join(folder, 'gst-launch-1.0')))) return 'gst-launch-1.0 was not found'
  const plugins = ['x86_64', 'aarch64'].map((arch) => `/usr/lib/${arch}-linux-gnu/gstreamer-1.0`)
  const hasClient = plugins.some((folder) => existsSync(join(folder, 'libgstadaptivedemux2.so')))
  return hasClient ? null : 'GStreamer 1.22 or later was not found'
}

/** Plays in real time, for so many seconds once it has settled. */
export async function playWithGstreamer(url: string, seconds: number): Promise<GstreamerPlay> {
  const video = 'video-sink=fpsdisplaysink video-sink=fakesink text-overlay=false sync=true'
  // Messages of the bus: of properties that change at the same time in several threads `-v` leaves some out.
  const sound = 'audio-sink=level interval=1000000000 ! fakesink sync=true'
  const args = ['-v', '-m', 'playbin3', `uri=${url}`, video, sound]
  const child = spawn('gst-launch-1.0', args, { stdio: ['ignore', 'pipe', 'pipe'] })
  const exited = once(child, 'close')
  const reports: { readonly atMs: number; readonly rendered: number; readonly dropped: number }[] = []
  const problems: string[] = []
  let heardSec = 0
  let timer = setTimeout(() => child.kill('SIGINT'), START_TIMEOUT_MS)
  const read = (stream: NodeJS.ReadableStream) =>
    createInterface({ input: stream }).on('line', (line) => {
      const report = /rendered: (\d+), dropped: (\d+)/.exec(line)
      if (report !== null) {
        if (reports.length === 0) {
          clearTimeout(timer)
          timer = setTimeout(() => child.kill('SIGINT'), SETTLE_MS + 1000 * seconds)
        }
        reports.push({ atMs: performance.now(), rendered: Number(report[1]), dropped: Number(report[2]) })
      }
      if (/^(ERROR|WARNING):|Internal data stream error/.test(line)) problems.push(line)
      const level = / \(element\): level, .*rms=\(GValueArray\)< (-?[\d.]+)/.exec(line)
      if (level !== null && Number(level[1]) > SILENCE_DB) heardSec++
    })
  read(child.stdout)
  read(child.stderr)
  await exited
  clearTimeout(timer)
  const last = reports.at(-1) ?? { atMs: 0, rendered: 0, dropped: 0 }
  const settledAtMs = (reports[0]?.atMs ?? 0) + SETTLE_MS
  const first = reports.find(({ atMs }) => atMs >= settledAtMs) ?? last
  return {
    rendered: last.rendered - first.rendered,
    dropped: last.dropped - first.dropped,
    seconds: (last.atMs - first.atMs) / 1000,
    heardSec,
    problems: reports.length === 0 ? [...problems, `nothing was shown within ${START_TIMEOUT_MS / 1000} s`] : problems,
  }
}

// What ffmpeg needs for the same input: it reads the file at the pace of its clock and writes CMAF fragments of one part
// each to /dev/null. That is ingest and packaging without network, timeline, playlists and the memory of a window.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { threadsCpuSec } from './process-usage.ts'

/** One per stream, up to this many: what is reported is the mean. */
const MAX_PROCESSES = 4
/** Opening the file and starting threads is over by then. */
const START_MS = 1000
const MEASURED_MS = 4000

/** Seconds of CPU for each second of media. */
export async function remuxCpuPerMediaSec(file: string, streams: number, signal: AbortSignal): Promise<number> {
  const children: ChildProcess[] = []
  try {
    for (let index = 0; index < Math.min(streams, MAX_PROCESSES); index++) children.push(spawnRemux(file))
    await delay(START_MS, undefined, { signal })
    const from = usedSec(children)
    const startedAtMs = performance.now()
    await delay(MEASURED_MS, undefined, { signal })
    const sec = (usedSec(children) - from) / ((performance.now() - startedAtMs) / 1000)
    if (children.some(({ exitCode }) => exitCode !== null)) throw new Error('ffmpeg did not remux the source')
    return sec / children.length
  } finally {
    await Promise.all(children.map(end))
  }
}

function spawnRemux(file: string): ChildProcess {
  const args = ['-hide_banner', '-loglevel', 'error', '-nostdin', '-re', '-stream_loop', '-1', '-i', file, '-c', 'copy']
  args.push('-movflags', '+cmaf+delay_moov', '-frag_duration', '200000', '-f', 'mp4', '-y', '/dev/null')
  return spawn('ffmpeg', args, { stdio: 'ignore' })
}

function usedSec(children: readonly ChildProcess[]): number {
  return children.reduce((sum, { pid }) => sum + (pid === undefined ? 0 : threadsCpuSec(pid)), 0)
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return
  const exited = once(child, 'exit')
  child.kill('SIGKILL')
  await exited
}

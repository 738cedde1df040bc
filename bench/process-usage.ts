// CPU time and memory of a process and everything it started, and of the whole machine, as Linux counts them.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { availableParallelism, cpus, loadavg, release, totalmem } from 'node:os'

/** USER_HZ: the unit of CPU times below /proc is 1/100 s on every Linux that Node.js runs on. */
const TICKS_PER_SEC = 100
const PEAK_EVERY_MS = 200

/** Seconds of CPU (user and system) used so far by a process and its living descendants. */
export function cpuSec(pid: number): number {
  return family(pid).reduce((sum, member) => sum + ownCpuSec(member), 0)
}

/** The same for one process without children, exact to the microsecond as long as it ends no threads. */
export function threadsCpuSec(pid: number): number {
  const tasks = existsSync(`/proc/${pid}/task`) ? readdirSync(`/proc/${pid}/task`) : []
  return tasks.reduce((sum, task) => sum + Number(read(`/proc/${pid}/task/${task}/schedstat`).split(' ')[0]) / 1e9, 0)
}

export function rssBytes(pid: number): number {
  return family(pid).reduce((sum, member) => sum + ownRssBytes(member), 0)
}

/** Seconds of CPU that all processes of the machine have used. */
export function machineCpuSec(): number {
  const fields = /^cpu +(.*)$/m.exec(readFileSync('/proc/stat', 'utf8'))?.[1]?.split(' ').map(Number) ?? []
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0] = fields
  return (user + nice + system + irq + softirq) / TICKS_PER_SEC
}

/** Watches how much memory a process tree uses at most. */
export class MemoryWatch implements Disposable {
  readonly #pid: number
  readonly #timer: NodeJS.Timeout
  peakBytes = 0

  constructor(pid: number) {
    this.#pid = pid
    this.#timer = setInterval(() => this.#look(), PEAK_EVERY_MS)
    this.#look()
  }

  #look(): void {
    this.peakBytes = Math.max(this.peakBytes, rssBytes(this.#pid))
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer)
  }
}

export interface MachineFacts {
  readonly cpuModel: string
  readonly cores: number
  readonly memoryGiB: number
  readonly node: string
  readonly kernel: string
  /** One-minute load average before the run. */
  readonly loadBefore: number
}

export function machineFacts(): MachineFacts {
  return {
    cpuModel: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryGiB: Math.round((totalmem() / 2 ** 30) * 10) / 10,
    node: process.version,
    kernel: release(),
    loadBefore: loadavg()[0] ?? 0,
  }
}

/** A process and all its living descendants. */
export function family(pid: number): readonly number[] {
  const members = [pid]
  for (const member of members) members.push(...childrenOf(member))
  return members
}

function childrenOf(pid: number): number[] {
  try {
    return readdirSync(`/proc/${pid}/task`).flatMap((task) =>
      read(`/proc/${pid}/task/${task}/children`).split(' ').filter(Boolean).map(Number),
    )
  } catch {
    return [] // the process has just ended
  }
}

function ownCpuSec(pid: number): number {
  // The name in parentheses may hold spaces: fields are counted from behind it (proc(5): utime is 14, stime 15).
  const text = read(`/proc/${pid}/stat`)
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) / TICKS_PER_SEC
}

function ownRssBytes(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(read(`/proc/${pid}/status`))?.[1] ?? 0) * 1024
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

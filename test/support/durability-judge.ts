// Reads from a trace of system calls whether what was said to be safe had been made durable before it was said: bytes
// written, the file synced, its name made, the folder of the name synced. Complaints are sentences; none: all is well.
import { dirname } from 'node:path'
import { fileOf, pathsOf, type SystemCall } from './strace.ts'

const WRITES = ['write', 'pwrite64', 'writev', 'pwritev']
const SYNCS = ['fsync', 'fdatasync']
const PLACINGS = ['rename', 'renameat', 'renameat2', 'link', 'linkat']

/** Something the process said on its standard output, in words. */
export interface Acknowledgement {
  readonly words: readonly string[]
  readonly at: number
}

export class DurabilityJudge {
  readonly #calls: readonly SystemCall[]

  constructor(calls: readonly SystemCall[]) {
    this.#calls = calls.filter(({ result }) => result >= 0)
  }

  get acknowledgements(): readonly Acknowledgement[] {
    return this.#calls
      .filter((call) => call.name === 'write' && call.args.startsWith('1<'))
      .map((call) => ({ words: (pathsOf(call)[0] ?? '').replace(/\\n$/, '').split(' '), at: call.begunAt }))
  }

  /** When a file got its name for the last time before `at`. */
  placedAt(path: string, at: number): SystemCall | null {
    return this.#placings(path, at).at(-1) ?? null
  }

  /** The file that got the name `path` and all folders above it survive a power failure at `at`. */
  complainOfObject(path: string, at: number): readonly string[] {
    const placing = this.placedAt(path, at)
    if (placing === null) return [`${path} was never placed`]
    const [temp = ''] = pathsOf(placing)
    return [
      ...this.#complainOfBytes(temp, placing.begunAt).map((complaint) => `${path}: ${complaint}`),
      ...this.#complainOfName(path, placing.endedAt, at),
      ...this.#complainOfFolders(path, at),
    ]
  }

  /** A folder was synced in a span of the trace. */
  complainOfFolder(folder: string, after: number, at: number): readonly string[] {
    const isSynced = this.#syncs(folder).some(({ begunAt, endedAt }) => begunAt > after && endedAt < at)
    return isSynced ? [] : [`${folder} was not synced`]
  }

  /** The first `bytes` of a growing file, and a row about them in its journal, are on the disk in this order. */
  complainOfRow(
    {
      media,
      journal,
      bytes,
      row,
    }: { readonly media: string; readonly journal: string; readonly bytes: number; readonly row: string },
    at: number,
  ): readonly string[] {
    const names = [media, journal].flatMap((path) => {
      const made = this.#calls.find((call) => call.name === 'openat' && pathsOf(call)[0] === path)
      return made === undefined ? [`${path} was never made`] : this.#complainOfName(path, made.endedAt, at)
    })
    const complaints = [...names, ...this.#complainOfFolders(media, at)]
    let written = 0
    const reaching = this.#writes(media).find(({ result }) => {
      written += result
      return written >= bytes
    })
    const told = this.#writes(journal).find(({ args }) => args.includes(row))
    if (reaching === undefined || told === undefined)
      return [...complaints, `${media}: ${bytes} bytes or ${row} never written`]
    const isSynced = this.#syncs(media).some(
      ({ begunAt, endedAt }) => begunAt > reaching.endedAt && endedAt < told.begunAt,
    )
    const isTold = this.#syncs(journal).some(({ begunAt, endedAt }) => begunAt > told.endedAt && endedAt < at)
    if (!isSynced) complaints.push(`${media}: not synced between its bytes and ${row}`)
    if (!isTold) complaints.push(`${journal}: not synced between ${row} and the acknowledgement`)
    return complaints
  }

  #complainOfBytes(path: string, at: number): readonly string[] {
    const last = this.#writes(path).at(-1)
    if (last === undefined) return [`${path} was never written`]
    const isSynced = this.#syncs(path).some(({ begunAt, endedAt }) => begunAt > last.endedAt && endedAt < at)
    return isSynced ? [] : [`${path} was not synced between its last byte and its name`]
  }

  #complainOfName(path: string, madeAt: number, at: number): readonly string[] {
    return this.complainOfFolder(dirname(path), madeAt, at).map(
      (complaint) => `${path}: ${complaint} after it got its name`,
    )
  }

  /** Every folder above that this process made. */
  #complainOfFolders(path: string, at: number): readonly string[] {
    return this.#calls
      .filter((call) => call.name.startsWith('mkdir') && call.endedAt < at && path.startsWith(`${pathsOf(call)[0]}/`))
      .flatMap((call) => this.#complainOfName(pathsOf(call)[0] ?? '', call.endedAt, at))
  }

  #placings(path: string, at: number): readonly SystemCall[] {
    return this.#calls.filter((call) => PLACINGS.includes(call.name) && call.endedAt < at && pathsOf(call)[1] === path)
  }

  #writes(path: string): readonly SystemCall[] {
    return this.#calls.filter((call) => WRITES.includes(call.name) && fileOf(call) === path)
  }

  #syncs(path: string): readonly SystemCall[] {
    return this.#calls.filter((call) => SYNCS.includes(call.name) && fileOf(call) === path)
  }
}

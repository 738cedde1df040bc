// The order of system calls, as the kernel sees it: nothing is said to be safe before a power failure could not take it.
import { execFile } from 'node:child_process'
import { mkdtemp, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { hourIndexKey, hourOf, recordedSegmentKey, streamIndexKey } from '../../src/storage/keys.ts'
import { notRun } from '../not-run.ts'
import { DurabilityJudge } from '../support/durability-judge.ts'
import { pathOf, startsAtMs } from '../support/recorded-bytes.ts'
import { fileOf, pathsOf, readTrace, type SystemCall, straceArgs, straceMissing } from '../support/strace.ts'

const run = promisify(execFile)
const CHILD = fileURLToPath(new URL('../support/durable-child.ts', import.meta.url))
const missing = straceMissing()
if (missing !== null) notRun('the order of fsync', missing)

test.skipIf(missing !== null)('what is said to be safe is on the disk, with its name and its folders', async () => {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'mirror-durable-')))
  await using away = new AsyncDisposableStack()
  away.defer(() => rm(folder, { recursive: true, force: true }))
  const [store, spool, trace] = [join(folder, 'store'), join(folder, 'spool'), join(folder, 'trace')]
  const [program = '', ...args] = [...straceArgs(trace), process.execPath, CHILD, store, spool]
  await run(program, args, { timeout: 60_000 })
  const calls = await readTrace(trace)

  const { checked, complaints } = judge(calls, store)
  expect(complaints).toEqual([])
  expect(checked).toEqual({ put: 3, there: 1, safe: 13, drained: 1, unlinked: 2 })

  // A judge that would hear of each kind of sync if it were missing.
  const without = (what: string, isIt: (path: string) => boolean) => {
    const rest = calls.filter((call) => !(/^f(data)?sync$/.test(call.name) && isIt(fileOf(call))))
    expect(rest.length, what).toBeLessThan(calls.length)
    expect(judge(rest, store).complaints, what).not.toEqual([])
  }
  without('bodies', (path) => path.startsWith(join(store, '.tmp/')))
  without('folders of objects', (path) => path === join(store, 'deep/er'))
  without('folders of folders', (path) => path === store)
  without('packs', (path) => path.endsWith('.pack'))
  without('journals', (path) => path.endsWith('.journal'))
  without('the folder that holds the spool', (path) => path === folder)
})

function judge(calls: readonly SystemCall[], store: string) {
  const trace = new DurabilityJudge(calls)
  const complaints: string[] = []
  const checked = { put: 0, there: 0, safe: 0, drained: 0, unlinked: 0 }
  let previousAt = 0
  for (const { words, at } of trace.acknowledgements) {
    const [word, what = '', msn = '', bytes = ''] = words
    const path = join(store, what)
    if (word === 'put') complaints.push(...trace.complainOfObject(path, at))
    else if (word === 'there') complaints.push(...trace.complainOfFolder(dirname(path), previousAt, at))
    else if (word === 'safe') {
      const media = packOf(calls, what)
      const journal = media.replace(/pack$/, 'journal')
      complaints.push(...trace.complainOfRow({ media, journal, bytes: Number(bytes), row: `[${msn},` }, at))
    } else if (word !== 'drained') throw new Error(words.join(' '))
    checked[word as keyof typeof checked] += 1
    previousAt = at
  }
  for (const call of calls.filter((each) => each.name === 'unlink' && pathsOf(each)[0]?.endsWith('.pack') === true)) {
    complaints.push(...complainOfDrain(trace, store, pathsOf(call)[0] ?? '', call.begunAt))
    checked.unlinked += 1
  }
  return { checked, complaints }
}

/** The spool lets go of a pack only when all of it is in the store, and its index after it. */
function complainOfDrain(trace: DurabilityJudge, store: string, pack: string, at: number): readonly string[] {
  const track = pathOf(/\/(\w+)\/[^/]+$/.exec(pack)?.[1] ?? '')
  const numbers = trace.acknowledgements
    .filter(({ words: [word, trackId] }) => word === 'safe' && trackId === track.trackId)
    .map(({ words }) => Number(words[2]))
  const hour = hourOf(startsAtMs(numbers[0] ?? 0))
  const index = join(store, hourIndexKey(track, hour))
  const indexedAt = trace.placedAt(index, at)?.begunAt ?? 0
  const extension = 'm4s'
  return [
    ...numbers.flatMap((msn) =>
      trace.complainOfObject(join(store, recordedSegmentKey(track, hour, `${msn}.${extension}`)), indexedAt),
    ),
    ...trace.complainOfObject(index, at),
    ...trace.complainOfObject(join(store, streamIndexKey(track)), at),
  ]
}

function packOf(calls: readonly SystemCall[], trackId: string): string {
  const made = calls.find(
    (call) =>
      call.name === 'openat' &&
      call.args.includes('O_CREAT') &&
      pathsOf(call)[0]?.includes(`/${trackId}/`) === true &&
      pathsOf(call)[0]?.endsWith('.pack') === true,
  )
  return made === undefined ? '' : (pathsOf(made)[0] ?? '')
}

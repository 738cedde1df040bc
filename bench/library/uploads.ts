// Uploads into a folder store against `dd` with fsync and `sha256sum` of the same files.
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdir, open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { MirrorProcess } from '../../test/support/mirror-process.ts'
import type { Percentiles } from '../figures.ts'
import { atOnce, LibraryClient } from './library-client.ts'

const run = promisify(execFile)
const MIB = 2 ** 20

export interface UploadCost {
  readonly name: string
  readonly files: number
  readonly fileMiB: number
  readonly concurrency: number
  readonly seconds: number
  readonly mibPerSec: number
  /** `dd conv=fsync`, then `sha256sum`, of as many at a time. */
  readonly baselineMibPerSec: number
  readonly ratio: number
  /** Of a list of assets that is asked for all the while. */
  readonly apiMs: Percentiles | null
}

interface Order {
  readonly name: string
  readonly files: number
  readonly fileMiB: number
  readonly concurrency: number
  readonly by: 'form' | 'tus'
}

export function uploadOrders(isQuick: boolean): readonly Order[] {
  const large = isQuick ? 16 : 2048
  return [
    { name: 'small, form', files: isQuick ? 10 : 50, fileMiB: 1, concurrency: 10, by: 'form' },
    { name: 'large, form', files: 1, fileMiB: large, concurrency: 1, by: 'form' },
    { name: 'large, tus', files: 1, fileMiB: large, concurrency: 1, by: 'tus' },
  ]
}

export async function measureUploads(
  mirror: MirrorProcess,
  folder: string,
  { name, files, fileMiB, concurrency, by }: Order,
  signal: AbortSignal,
): Promise<UploadCost> {
  const from = join(folder, 'from')
  await mkdir(from, { recursive: true })
  const paths: string[] = []
  for (let n = 0; n < files; n += 1) paths.push(await writeRandom(join(from, `file-${n}.bin`), fileMiB))
  const baselineMs = await timed(() => baseline(folder, paths, concurrency))
  const client = new LibraryClient(mirror, signal)
  let tookMs = 0
  const apiMs = await client.beside(async () => {
    tookMs = await timed(() =>
      atOnce(paths, concurrency, async (path) => {
        if (by === 'form') await client.upload(path)
        else await client.uploadByTus(path, fileMiB * MIB)
      }),
    )
  })
  await rm(from, { recursive: true })
  const [mibPerSec, baselineMibPerSec] = [tookMs, baselineMs].map((ms) => (files * fileMiB * 1000) / ms)
  return {
    ...{ name, files, fileMiB, concurrency, seconds: tookMs / 1000, apiMs },
    ...{ mibPerSec: mibPerSec ?? 0, baselineMibPerSec: baselineMibPerSec ?? 0, ratio: baselineMs / tookMs },
  }
}

async function baseline(folder: string, paths: readonly string[], concurrency: number): Promise<void> {
  const to = join(folder, 'to')
  await mkdir(to)
  await atOnce(paths, concurrency, async (path) => {
    const copy = join(to, path.split('/').at(-1) ?? '')
    await run('dd', [`if=${path}`, `of=${copy}`, 'bs=1M', 'conv=fsync', 'status=none'])
    await run('sha256sum', [copy])
  })
  await rm(to, { recursive: true })
}

/** Bytes that no two files share: the same ones would be one asset. */
async function writeRandom(path: string, mib: number): Promise<string> {
  await using file = await open(path, 'w')
  for (let n = 0; n < mib; n += 1) await file.write(randomBytes(MIB))
  return path
}

async function timed(work: () => Promise<void>): Promise<number> {
  const fromMs = performance.now()
  await work()
  return performance.now() - fromMs
}

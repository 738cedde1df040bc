// Runs the steps of one file as the job does, over a store in memory.
import { execFile, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { silentLog } from '../../core/log.ts'
import { collect } from '../../storage/collect.ts'
import { assetOriginalKey, assetPrefix, parseObjectKey } from '../../storage/keys.ts'
import { createMemoryStore } from '../../storage/memory-store.ts'
import type { ObjectStore } from '../../storage/object-store.ts'
import { sniffType } from '../intake/sniff.ts'
import type { AssetRow, JsonObject, RenditionRow } from './asset.ts'
import { stepsOf } from './asset-steps.ts'
import { MediaSteps } from './media-steps.ts'
import type { MediaHost } from './media-workshop.ts'

const run = promisify(execFile)
const { signal } = new AbortController()

export interface Processed {
  readonly asset: AssetRow
  readonly facts: JsonObject
  readonly renditions: readonly RenditionRow[]
  /** As it was told, step by step. */
  readonly percents: Readonly<Record<string, readonly number[]>>
}

export class MediaBench implements AsyncDisposable {
  readonly folder: string
  readonly store: ObjectStore = createMemoryStore({ nowMs: () => 1 })
  /** What is changed for all that comes. */
  media = { maxDurationSec: 60, stepMs: 600_000, threads: 1 }
  ffmpegPath = 'ffmpeg'

  disk: MediaHost['disk'] = { freeBytes: async () => 2 ** 40, keepFreeBytes: 0, copies: 1 }

  private constructor(folder: string) {
    this.folder = folder
  }

  static async open(): Promise<MediaBench> {
    return new MediaBench(await mkdtemp(join(tmpdir(), 'mirror-steps-')))
  }

  /** Made by ffmpeg; `args` without the file. */
  async made(name: string, args: readonly string[]): Promise<string> {
    const path = join(this.folder, name)
    await run('ffmpeg', ['-nostdin', '-loglevel', 'error', '-y', ...args, path])
    return path
  }

  /** All steps but the first; rejects with the error of the step that failed. */
  async process(path: string, from = 'probe', before: Partial<Processed> = {}): Promise<Processed> {
    const bytes = await readFile(path)
    const { kind, format, mediaType } = sniffType(bytes)
    const asset = before.asset ?? newAsset(kind, format, mediaType, bytes.length)
    await this.store.put(assetOriginalKey('default', asset.id), bytes, { signal, contentType: mediaType })
    const rows = new Map((before.renditions ?? []).map((row) => [row.name, row]))
    const save = async (row: RenditionRow) => rows.set(row.name, row).size > 0
    const host = {
      ...{
        spawn,
        log: silentLog,
        ffmpegPath: this.ffmpegPath,
        media: this.media,
        store: this.store,
        save,
        now: () => 1,
      },
      conversion: null,
      ...{ renditions: async () => [...rows.values()], scratchDir: join(this.folder, 'scratch'), disk: this.disk },
    }
    const percents: Record<string, number[]> = {}
    let facts: JsonObject = before.facts ?? {}
    const steps = stepsOf(asset)
    await using maker = new MediaSteps(host, asset, signal)
    for (const step of steps.slice(steps.indexOf(from))) {
      const told: number[] = []
      percents[step] = told
      facts = { ...facts, ...(await maker.run(step, facts, (percent) => told.push(percent))) }
    }
    return { asset, facts, renditions: [...rows.values()], percents }
  }

  /** A rendition as a file of its own. */
  async file(row: RenditionRow | undefined): Promise<string> {
    const key = parseObjectKey(row?.objectKey ?? '')
    const body = key === null ? null : await this.store.get(key, { signal })
    if (row === undefined || body === null) throw new Error('there is no such rendition')
    const path = join(this.folder, randomUUID())
    await writeFile(path, await collect(body.chunks))
    return path
  }

  /** All that lies in the store of it. */
  async keys({ asset }: Processed): Promise<readonly string[]> {
    const keys: string[] = []
    for await (const { key } of this.store.list(assetPrefix('default', asset.id), { signal })) keys.push(key)
    return keys
  }

  /** What is left of what was worked with. */
  async scratch(): Promise<readonly string[]> {
    return await readdir(join(this.folder, 'scratch'))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.folder, { recursive: true, force: true })
  }
}

function newAsset(kind: AssetRow['kind'], format: string, contentType: string, sizeBytes: number): AssetRow {
  return {
    ...{ id: randomUUID(), tenantId: 'default', kind, name: 'file', extension: '', folder: '', format, contentType },
    ...{ sizeBytes, sha256: '', status: 'processing', step: null, failure: null, tags: [], metadata: {}, facts: {} },
    ...{ uploadedAtMs: 1, processedAtMs: null, deletedAtMs: null, updatedAtMs: 1 },
  }
}

/** What ffprobe says, and that everything in it can be decoded. */
export async function judge(path: string): Promise<{
  readonly format: { readonly duration: string; readonly format_name: string; readonly tags?: Record<string, string> }
  readonly streams: readonly Readonly<Record<string, string | number>>[]
}> {
  await run('ffmpeg', ['-v', 'error', '-xerror', '-i', path, '-map', '0', '-f', 'null', '-'])
  const asked = ['-v', 'error', '-show_format', '-show_streams', '-of', 'json', path]
  return JSON.parse((await run('ffprobe', asked)).stdout)
}

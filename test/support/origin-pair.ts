// Two Mirrors that agree on timelines through something that they share.
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { StreamView } from '../../src/api/stream-contract.ts'
import type { S3Settings } from '../../src/storage/s3-settings.ts'
import { MirrorProcess } from './mirror-process.ts'

/** How one Mirror is set up. */
export interface OriginSetup {
  readonly yaml: string
  readonly env: Readonly<Record<string, string>>
}

export function onFolder(path: string): OriginSetup {
  return { yaml: `store: { path: ${path} }\n`, env: {} }
}

/** `port`: of a proxy in front of the store; omitted: the store itself. */
export function onS3({ endpoint, bucket, credentials }: S3Settings, port?: number): OriginSetup {
  const env = {
    S3_ENDPOINT: port === undefined ? (endpoint ?? '') : `http://127.0.0.1:${port}`,
    S3_BUCKET: bucket,
    S3_ACCESS_KEY: credentials?.accessKey ?? '',
    S3_SECRET_KEY: credentials?.secretKey ?? '',
  }
  return { yaml: '', env }
}

/** `port`: of a proxy in front of the database. */
export function onDatabase(url: string, port?: number): OriginSetup {
  const direct = new URL(url)
  if (port !== undefined) direct.port = String(port)
  return { yaml: 'timeline: { arbiter: database }\n', env: { MIRROR_DATABASE_URL: direct.href } }
}

export async function startMirror({ yaml, env }: OriginSetup, dataDir: string): Promise<MirrorProcess> {
  const config = join(dataDir, 'mirror.yml')
  await writeFile(config, yaml)
  return await MirrorProcess.start({ dataDir, env: { ...env, MIRROR_CONFIG: config } })
}

export class OriginPair implements AsyncDisposable {
  readonly origins: readonly [MirrorProcess, MirrorProcess]
  readonly #opened: AsyncDisposableStack

  private constructor(origins: readonly [MirrorProcess, MirrorProcess], opened: AsyncDisposableStack) {
    this.origins = origins
    this.#opened = opened
  }

  /** `isCatalogShared`: one database for both, and with it one set of secrets; else each has a catalog of its own. */
  static async start(
    setups: readonly [OriginSetup, OriginSetup],
    streamIds: readonly string[],
    isCatalogShared: boolean,
  ): Promise<OriginPair> {
    await using opened = new AsyncDisposableStack()
    const folders = await Promise.all([0, 1].map(() => mkdtemp(join(tmpdir(), 'mirror-origin-'))))
    for (const folder of folders) opened.defer(() => rm(folder, { recursive: true, force: true }))
    const [firstFolder = '', secondFolder = ''] = folders
    const createStreams = async (mirror: MirrorProcess): Promise<void> => {
      for (const id of streamIds) await mirror.createStream(id)
    }
    const first = opened.use(await startMirror(setups[0], firstFolder))
    await createStreams(first)
    if (isCatalogShared) await cp(join(firstFolder, 'secrets'), join(secondFolder, 'secrets'), { recursive: true })
    const second = opened.use(await startMirror(setups[1], secondFolder))
    if (!isCatalogShared) await createStreams(second)
    return new OriginPair([first, second], opened.move())
  }

  mirror(origin: number): MirrorProcess {
    const mirror = this.origins[origin]
    if (mirror === undefined) throw new Error(`no origin ${origin}`)
    return mirror
  }

  stream(origin: number, id: string): Promise<StreamView> {
    return this.mirror(origin).stream(id)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#opened.disposeAsync()
  }
}

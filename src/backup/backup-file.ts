// A backup as a compressed file: written, and read back with every check there is. Memory does not grow with its size.
import { createHash } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { createGunzip, createGzip } from 'node:zlib'
import {
  type BackupHead,
  damaged,
  parseBackup,
  type ReadBackup,
  type RowCounts,
  renderBackup,
  type TableRow,
} from '../catalog/backup-document.ts'
import { isMirrorError } from '../core/errors.ts'

export interface BackupFacts {
  readonly head: BackupHead
  readonly rows: RowCounts
  /** Of the compressed bytes, hex. */
  readonly sha256: string
  readonly sizeBytes: number
}

/** Only the owner of the process can read the file, which must not exist. */
export async function writeBackupFile(
  path: string,
  head: BackupHead,
  rows: AsyncIterable<TableRow>,
  signal: AbortSignal,
): Promise<BackupFacts> {
  const measure = new Measure()
  const counted: { rows: RowCounts } = { rows: {} }
  const text = async function* () {
    counted.rows = yield* renderBackup(head, rows)
  }
  await pipeline(
    text,
    createGzip(),
    (chunks) => measure.pass(chunks),
    createWriteStream(path, { flags: 'wx', mode: 0o600, flush: true }),
    { signal },
  )
  return { head, rows: counted.rows, ...measure.result() }
}

/** Reads all of it; what cannot be restored is `backup_damaged` or `backup_newer`. `onRow` may look at each row. */
export async function checkBackup(
  chunks: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
  onRow: (row: TableRow) => void = () => {},
): Promise<BackupFacts> {
  const measure = new Measure()
  await using backup = await parseBackup(unzip(measure.pass(chunks), signal))
  const { head, rows } = backup
  let next = await rows.next()
  for (; next.done !== true; next = await rows.next()) onRow(next.value)
  return { head, rows: next.value, ...measure.result() }
}

export async function openBackupFile(path: string, signal: AbortSignal): Promise<ReadBackup> {
  return await parseBackup(unzip(createReadStream(path), signal))
}

/** Bytes and hash of what passes. */
class Measure {
  readonly #hash = createHash('sha256')
  #bytes = 0

  async *pass(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, void> {
    for await (const chunk of chunks) {
      this.#hash.update(chunk)
      this.#bytes += chunk.byteLength
      yield chunk
    }
  }

  result(): { readonly sha256: string; readonly sizeBytes: number } {
    return { sha256: this.#hash.digest('hex'), sizeBytes: this.#bytes }
  }
}

async function* unzip(chunks: AsyncIterable<Uint8Array>, signal: AbortSignal): AsyncGenerator<Uint8Array, void, void> {
  const gunzip = createGunzip()
  const fed = pipeline(chunks, gunzip, { signal })
  fed.catch(() => {}) // Whoever reads hears of it as well.
  try {
    yield* gunzip as AsyncIterable<Uint8Array>
  } catch (error) {
    signal.throwIfAborted()
    const { code = '', message } = error as NodeJS.ErrnoException
    if (isMirrorError(error) || !code.startsWith('Z_')) throw error
    throw damaged(code === 'Z_BUF_ERROR' ? 'it is truncated' : `it cannot be unpacked (${message})`, error)
  } finally {
    gunzip.destroy()
    await fed.catch(() => {})
  }
}

// Keeps the sound of a recording in fewer bytes: compressed, proved to be the same sound, and only then without what it was
// made of. Killed at any point, one of the two is whole and named by its row; whoever comes next ends what was begun.
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { LedgerEntry, LedgerState } from '../../catalog/ledger-entry.ts'
import type { Catalog } from '../../catalog/types.ts'
import { MirrorError } from '../../core/errors.ts'
import { hashFile } from '../../core/hash-file.ts'
import type { JobClaim } from '../../jobs/types.ts'
import { callRecordingPartKey, parseObjectKey } from '../../storage/keys.ts'
import type { ObjectStore } from '../../storage/object-store.ts'
import type { MediaInput } from '../processing/media-input.ts'
import { type FfmpegHost, runFfmpeg } from '../processing/run-ffmpeg.ts'
import type { Scratch } from '../processing/scratch.ts'
import { type ColdFormat, type Compression, compressionFor } from './cold-format.ts'
import type { SoundReader } from './process-recording.ts'
import { judgeCopy, readBack } from './read-back.ts'
import type { RecordingRow } from './recording.ts'
import type { RecordingBook } from './recording-book.ts'

/** What saves less is not worth a second form. */
const WORTH_SHARE = 0.9
/** Encoders add what fills their last frame, and decoders leave out what the first one needed. */
const LENGTH_SLACK_MS = 250
const MAX_STREAMS = 100
const LIMITS = { memoryBytes: 512 * 2 ** 20, cpuSec: 3600, wallMs: 3_600_000 } as const
const MD5_BYTES = 1024

export interface CompressorHost {
  readonly book: RecordingBook
  readonly store: Pick<ObjectStore, 'get' | 'put' | 'delete'>
  readonly ledger: Pick<Catalog['ledger'], 'append'>
  readonly sound: SoundReader
  readonly ffmpeg: FfmpegHost
  readonly scratch: Pick<Scratch, 'withFolder'>
  readonly coldFormat: ColdFormat
  readonly now: () => number
}

export interface CompressionOrder {
  readonly claim: JobClaim
  readonly attempt: number
  readonly signal: AbortSignal
}

/**
 * The row as it is afterwards; the same when its bytes stay as they are. Null: it was deleted, or the job is another's.
 * Throws `recording_damaged`, `recording_bytes_missing`, `store_unavailable`, `object_archived`, `scratch_full`, and
 * `processing_…` as ffmpeg ends.
 */
export async function compressRecording(
  host: CompressorHost,
  row: RecordingRow,
  order: CompressionOrder,
): Promise<RecordingRow | null> {
  if (row.replacedKey !== null) return await dropReplaced(host, row, order)
  const compression = compressionFor(row, host.coldFormat)
  if (compression === null) return row
  const replaced = await host.scratch.withFolder((folder) => replace(host, row, compression, folder, order))
  return replaced === null || replaced.replacedKey === null ? replaced : await dropReplaced(host, replaced, order)
}

async function replace(
  host: CompressorHost,
  row: RecordingRow,
  compression: Compression,
  folder: string,
  order: CompressionOrder,
): Promise<RecordingRow | null> {
  const { signal } = order
  const { format, codec, contentType } = compression
  const [original, made] = [join(folder, 'original'), join(folder, `sound.${format}`)]
  const copy = await readBack(host.store, row, original, signal)
  judgeCopy(row, copy, false)
  const args = [...compression.args, made]
  await runFfmpeg(run(original, args, 2 * copy.sizeBytes), host.ffmpeg, signal)
  const { size: sizeBytes } = await stat(made)
  if (sizeBytes > WORTH_SHARE * copy.sizeBytes) return row
  await requireSameSound(host, row, original, made, compression, signal)
  const sha256 = await hashFile(made, signal)
  const key = callRecordingPartKey(row.tenantId, row.id, `sound.${format}`)
  const note = `${row.objectKey} as ${codec}${compression.isLossless ? ', sample by sample the same' : ''}`
  const step = (state: LedgerState): LedgerEntry => ({
    ...{ action: 'compress', state, key, streamId: null, from: null, to: null, objects: 1, bytes: sizeBytes },
    ...{ sha256, jobId: order.claim.id, attempt: order.attempt, note, atMs: host.now() },
  })
  await write(host, [step('intent')], order)
  await host.store.put(key, createReadStream(made), { signal, contentType })
  await write(host, [step('verified')], order)
  const was = { sha256: copy.sha256, sizeBytes: copy.sizeBytes, format: row.format ?? 'wav', codec: row.codec ?? 'pcm' }
  const placed = { objectKey: key, format, codec, contentType, sizeBytes, sha256, tier: 'hot' as const }
  const replaced = await host.book.place(row, { ...placed, original: was, replacedKey: row.objectKey }, order.claim)
  await host.ledger.append([step(replaced === null ? 'failed' : 'done')])
  if (replaced === null && (await host.book.get(row)) === null) await host.store.delete([key], { signal })
  return replaced
}

/** Lossless: each sample. Otherwise: as long, and as many channels, to the end. */
async function requireSameSound(
  { ffmpeg, sound }: CompressorHost,
  { id, durationMs, channels }: RecordingRow,
  original: string,
  made: string,
  { isLossless, codec }: Compression,
  signal: AbortSignal,
): Promise<void> {
  if (isLossless) {
    const [before, after] = [await samplesHash(original, ffmpeg, signal), await samplesHash(made, ffmpeg, signal)]
    if (before === after) return
    throw new MirrorError('processing_died', `The samples of recording ${id} came out of ${codec} as others`)
  }
  const heard = await sound.read(made, { signal })
  const isAsLong = durationMs !== null && Math.abs(heard.durationMs - durationMs) <= LENGTH_SLACK_MS
  if (isAsLong && heard.channels === channels) return
  const was = `${durationMs} ms of ${channels} channels became ${heard.durationMs} ms of ${heard.channels}`
  throw new MirrorError('processing_died', `The sound of recording ${id} came out of ${codec} as another: ${was}`)
}

async function samplesHash(path: string, ffmpeg: FfmpegHost, signal: AbortSignal): Promise<string> {
  let text = ''
  const outputs = ['-map', '0:a:0', '-c:a', 'pcm_s32le', '-f', 'md5', 'pipe:1']
  const onOutput = async (chunk: Uint8Array) => {
    text += Buffer.from(chunk).toString('latin1')
  }
  await runFfmpeg({ ...run(path, outputs, 0), onOutput }, ffmpeg, signal)
  const [, hash] = /MD5=([0-9a-f]{32})/.exec(text) ?? []
  if (hash === undefined) throw new MirrorError('processing_died', 'ffmpeg told no MD5')
  return hash
}

function run(path: string, outputs: readonly string[], fileBytes: number) {
  const input: MediaInput = { kind: 'file', path }
  return { input, maxStreams: MAX_STREAMS, outputs, limits: { ...LIMITS, fileBytes, outputBytes: MD5_BYTES * 1024 } }
}

/** May be repeated. Nothing names it any more: the row names what it became. */
async function dropReplaced(
  host: CompressorHost,
  row: RecordingRow,
  order: CompressionOrder,
): Promise<RecordingRow | null> {
  const { claim, attempt, signal } = order
  const key = row.replacedKey === null ? null : parseObjectKey(row.replacedKey)
  if (key !== null) {
    const entry: Omit<LedgerEntry, 'state' | 'atMs'> = {
      action: 'delete',
      ...{ key, streamId: null, from: null, to: null, objects: 1, bytes: row.original?.sizeBytes ?? null },
      ...{ sha256: row.original?.sha256 ?? null, jobId: claim.id, attempt, note: `it is kept as ${row.objectKey} now` },
    }
    await write(host, [{ ...entry, state: 'intent', atMs: host.now() }], order)
    await host.store.delete([key], { signal })
    await write(host, [{ ...entry, state: 'done', atMs: host.now() }], order)
  }
  return await host.book.place(row, { replacedKey: null }, claim)
}

async function write(
  { ledger }: CompressorHost,
  entries: readonly LedgerEntry[],
  { claim }: CompressionOrder,
): Promise<void> {
  if (await ledger.append(entries, claim)) return
  throw new MirrorError('job_abandoned', `job ${claim.id} was taken over by another worker`)
}

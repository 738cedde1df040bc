// What becomes of a recording once its bytes are in the store: they are read back and compared, looked at, and drawn.
// STORED becomes VERIFIED, VERIFIED becomes COMPLETED. Every step may be repeated after a crash.
import { join } from 'node:path'
import type { JobClaim } from '../../jobs/types.ts'
import { callRecordingPartKey } from '../../storage/keys.ts'
import type { ObjectStore } from '../../storage/object-store.ts'
import { sniffType } from '../intake/sniff.ts'
import type { Scratch } from '../processing/scratch.ts'
import type { SoundPeaks } from '../processing/sound-peaks.ts'
import { compareWithSaid } from './compare-with-said.ts'
import { type Copy, judgeCopy, readBack } from './read-back.ts'
import type { RecordingIssue, RecordingRow } from './recording.ts'
import type { RecordingBook, RecordingPath } from './recording-book.ts'

/** What a look at a file tells about its sound. */
export interface Sound {
  /** Of what can be decoded, not what a header promises. */
  readonly durationMs: number
  readonly codec: string
  readonly channels: number
  readonly sampleRateHz: number
  readonly peaks: SoundPeaks
}

export interface SoundReader {
  /** Throws `content_unsupported`, `content_damaged` or `content_too_large` for what holds no sound that can be decoded. */
  read(file: string, call: { readonly signal: AbortSignal }): Promise<Sound>
}

export interface ProcessingHost {
  readonly book: RecordingBook
  readonly store: ObjectStore
  readonly sound: SoundReader
  /** For copies that live as long as they are looked at. */
  readonly scratch: Pick<Scratch, 'withFolder'>
}

export interface ProcessingCall {
  readonly claim: JobClaim
  readonly signal: AbortSignal
  /** Size and checksum become those of the bytes, whatever was known before; a difference is told. */
  readonly isRecount: boolean
}

/**
 * Null when it is gone, or somebody else has moved it on. Throws `recording_damaged`, `recording_bytes_missing`,
 * `store_unavailable`, `object_archived`, or as `SoundReader` does; writing that it failed is left to the caller.
 */
export async function processRecording(
  host: ProcessingHost,
  path: RecordingPath,
  call: ProcessingCall,
): Promise<RecordingRow | null> {
  const row = await host.book.get(path)
  if (row === null || (row.status !== 'STORED' && row.status !== 'VERIFIED')) return null
  return await host.scratch.withFolder(async (folder) => {
    const file = join(folder, 'original')
    const copy = await readBack(host.store, row, file, call.signal)
    const checksum = judgeCopy(row, copy, call.isRecount)
    const sound = await host.sound.read(file, { signal: call.signal })
    const verified = row.status === 'VERIFIED' ? row : await verify(host, row, copy, sound, checksum, call)
    return verified === null ? null : await complete(host, verified, sound, call)
  })
}

async function verify(
  { book }: ProcessingHost,
  row: RecordingRow,
  { sizeBytes, sha256, head }: Copy,
  sound: Sound,
  checksum: readonly RecordingIssue[],
  { claim }: ProcessingCall,
): Promise<RecordingRow | null> {
  const { durationMs, codec, channels, sampleRateHz } = sound
  const sniffed = sniffType(head)
  const isKnown = sniffed.kind === 'audio' || sniffed.kind === 'video'
  const issues = [
    ...checksum,
    ...compareWithSaid(row.said, {
      durationMs,
      channels,
      format: row.original?.format ?? (isKnown ? sniffed.format : null),
    }),
  ]
  const format = isKnown ? sniffed.format : (row.format ?? row.said.format ?? 'wav')
  const facts = { sizeBytes, sha256, format, contentType: sniffed.mediaType, durationMs, codec, channels, sampleRateHz }
  return await book.move(row, 'VERIFIED', { ...facts, issues }, claim)
}

async function complete(
  { book, store }: ProcessingHost,
  row: RecordingRow,
  { durationMs, peaks }: Sound,
  { claim, signal }: ProcessingCall,
): Promise<RecordingRow | null> {
  const key = callRecordingPartKey(row.tenantId, row.id, 'waveform.json')
  const waveform = { version: 1, durationSec: durationMs / 1000, ...peaks }
  await store.put(key, Buffer.from(JSON.stringify(waveform)), { signal, contentType: 'application/json' })
  const completed = await book.move(row, 'COMPLETED', { waveformKey: key }, claim)
  // Deleted meanwhile: what deletes it may have looked before this was there.
  if (completed === null && (await book.get(row)) === null) await store.delete([key], { signal })
  return completed
}

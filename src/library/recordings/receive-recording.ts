// The bytes of one recording, from wherever they come, into the store: RECEIVED becomes STORED, or FAILED with a cause.
import { isMirrorError, MirrorError, toMirrorError } from '../../core/errors.ts'
import type { JobClaim } from '../../jobs/types.ts'
import { parseObjectKey } from '../../storage/keys.ts'
import type { ObjectStore } from '../../storage/object-store.ts'
import { type Intake, takeIn } from '../intake/intake.ts'
import { sniffType } from '../intake/sniff.ts'
import type { RecordingChange, RecordingRow } from './recording.ts'
import type { RecordingBook } from './recording-book.ts'

/** A tenth of the time after which the sweep takes a recording for abandoned. */
const TOUCH_MS = 6000

export interface ReceiverHost {
  readonly book: RecordingBook
  readonly store: ObjectStore
  readonly maxBytes: number
}

export interface Delivery {
  readonly source: AsyncIterable<Uint8Array>
  /** Null: the sender says nothing. */
  readonly declaredBytes: number | null
  /** What else is known once everything has arrived; what it throws refuses the recording, which then was never there. */
  readonly facts?: () => Promise<Omit<RecordingChange, 'status'>>
  readonly claim?: JobClaim
  readonly signal: AbortSignal
}

/**
 * Gives the recording as it is STORED. Throws why it could not be; a row that is to remain says FAILED only when the
 * caller writes so. Whatever happens, bytes that no row knows of do not stay.
 */
export async function receiveRecording(
  host: ReceiverHost,
  row: RecordingRow,
  delivery: Delivery,
): Promise<RecordingRow> {
  const { book, store } = host
  const key = parseObjectKey(row.objectKey)
  if (key === null) throw new MirrorError('internal', `${row.objectKey} is no key`)
  // Of a job whose lease was lost another worker may have stored the same by now: only what nobody keeps may go.
  const isShared = delivery.claim !== undefined
  const discard = async () => {
    if (isShared && (await book.get(row)) !== null) return
    await store.delete([key], { signal: AbortSignal.timeout(10_000) }).catch(() => {})
  }
  const timer = setInterval(() => void book.touch(row).catch(() => {}), TOUCH_MS)
  try {
    const { source, declaredBytes, signal } = delivery
    const intake = await takeIn(source, {
      ...{ store, key, signal, isSharedKey: isShared },
      limits: { maxBytes: host.maxBytes, declaredBytes },
      contentTypeOf: (head) => sniffType(head).mediaType,
    }).catch((error: unknown) => {
      // A cut connection is told in as many words as there are runtimes.
      throw isMirrorError(error) || signal.aborted ? error : interrupted(error)
    })
    if (intake.sizeBytes === 0) {
      await discard()
      throw new MirrorError('upload_empty', 'It has no bytes')
    }
    return await keep(host, row, delivery, intake, discard)
  } finally {
    clearInterval(timer)
  }
}

async function keep(
  { book }: ReceiverHost,
  row: RecordingRow,
  { facts, claim }: Delivery,
  { sizeBytes, sha256, head }: Intake,
  discard: () => Promise<void>,
): Promise<RecordingRow> {
  let more: Omit<RecordingChange, 'status'>
  try {
    more = (await facts?.()) ?? {}
  } catch (error) {
    await discard()
    throw error
  }
  const sniffed = sniffType(head)
  const isKnown = sniffed.kind === 'audio' || sniffed.kind === 'video'
  const said = more.said?.format ?? row.said.format
  const found = { contentType: sniffed.mediaType, format: isKnown ? sniffed.format : (said ?? 'wav') }
  // A database that is away leaves the bytes to the row, which says where they are and goes with them.
  const stored = await book.move(row, 'STORED', { ...more, ...found, sizeBytes, sha256 }, claim)
  if (stored !== null) return stored
  await discard()
  throw new MirrorError('call_recording_not_found', 'It was deleted or given up while it came in')
}

function interrupted(error: unknown): MirrorError {
  const { message } = toMirrorError(error)
  return new MirrorError('upload_interrupted', `It broke off: ${message}`, { cause: error })
}

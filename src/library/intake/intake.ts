// The one way in for bytes from outside: through it whatever is uploaded or pulled becomes an object of the store.
import { createHash, type Hash } from 'node:crypto'
import { MirrorError } from '../../core/errors.ts'
import { orAborted } from '../../storage/abortable.ts'
import type { ObjectKey, ObjectStore } from '../../storage/object-store.ts'
import { SNIFF_BYTES } from './sniff.ts'

/** An upload that sends nothing for so long has been given up by its sender. */
const IDLE_MS = 30_000
const CLEANUP_MS = 10_000

export interface IntakeLimits {
  readonly maxBytes: number
  /** What the sender says it is; null: it says nothing. */
  readonly declaredBytes: number | null
  /** Omitted: 30 s. */
  readonly idleMs?: number
}

export interface IntakeCall {
  readonly store: Pick<ObjectStore, 'put' | 'delete'>
  readonly key: ObjectKey
  /** Omitted: the key is of this intake alone, and when it fails, what lies there is deleted. */
  readonly isSharedKey?: boolean
  readonly limits: IntakeLimits
  /** Told the first bytes before anything is stored; what it throws refuses the rest. */
  readonly contentTypeOf: (head: Uint8Array) => string
  readonly signal: AbortSignal
}

export interface Intake {
  readonly sizeBytes: number
  /** Of all bytes, hex. */
  readonly sha256: string
  /** The first at most `SNIFF_BYTES`. */
  readonly head: Uint8Array
}

/**
 * Streams `source` into the store: a part of it at most is in memory, and nobody sees the object before it is whole.
 * Throws `payload_too_large`, `upload_length_wrong`, `upload_stalled`, what the source or the store throws, or the
 * signal's reason; then nothing is left in the store.
 */
export async function takeIn(source: AsyncIterable<Uint8Array>, call: IntakeCall): Promise<Intake> {
  const { store, key, limits, contentTypeOf, signal } = call
  refuseDeclared(limits)
  const stop = new AbortController()
  const stalled = AbortSignal.any([signal, stop.signal])
  const idle = new IdleTimer(limits.idleMs ?? IDLE_MS, (error) => stop.abort(error))
  const counted: Counted = { sizeBytes: 0, hash: createHash('sha256') }
  const chunks = count(source, counted, limits, idle)[Symbol.asyncIterator]()
  try {
    const { head, pulled } = await orAborted(readHead(chunks), stalled)
    const body = restOf(pulled, chunks)
    await store.put(key, body, { signal: stalled, contentType: contentTypeOf(head) })
    return { sizeBytes: counted.sizeBytes, sha256: counted.hash.digest('hex'), head }
  } catch (error) {
    // Even a put that failed may have happened: its answer can be lost.
    if (call.isSharedKey !== true) {
      await store.delete([key], { signal: AbortSignal.timeout(CLEANUP_MS) }).catch(() => {})
    }
    // A store that was told to stop words it in its own way.
    throw stop.signal.aborted ? stop.signal.reason : error
  } finally {
    idle.stop()
    chunks.return?.()?.catch(() => {})
  }
}

interface Counted {
  sizeBytes: number
  readonly hash: Hash
}

function refuseDeclared({ maxBytes, declaredBytes }: IntakeLimits): void {
  if (declaredBytes !== null && declaredBytes > maxBytes) throw tooLarge(maxBytes)
}

/** Time passes only while the sender is waited for: a slow store is no fault of its. */
async function* count(
  source: AsyncIterable<Uint8Array>,
  counted: Counted,
  { maxBytes, declaredBytes }: IntakeLimits,
  idle: IdleTimer,
): AsyncGenerator<Uint8Array, void, void> {
  idle.start()
  for await (const chunk of source) {
    idle.stop()
    counted.sizeBytes += chunk.byteLength
    if (counted.sizeBytes > maxBytes) throw tooLarge(maxBytes)
    if (declaredBytes !== null && counted.sizeBytes > declaredBytes) throw wrongLength('more', declaredBytes)
    counted.hash.update(chunk)
    yield chunk
    idle.start()
  }
  idle.stop()
  if (declaredBytes !== null && counted.sizeBytes < declaredBytes) throw wrongLength(counted.sizeBytes, declaredBytes)
}

/** Pulls whole chunks until there is enough; the chunks are given back, so that nothing is copied but the head. */
async function readHead(
  chunks: AsyncIterator<Uint8Array, void, void>,
): Promise<{ readonly head: Uint8Array; readonly pulled: readonly Uint8Array[] }> {
  const pulled: Uint8Array[] = []
  let size = 0
  while (size < SNIFF_BYTES) {
    const { value, done } = await chunks.next()
    if (done === true || value === undefined) break
    pulled.push(value)
    size += value.byteLength
  }
  return { head: Uint8Array.from(Buffer.concat(pulled).subarray(0, SNIFF_BYTES)), pulled }
}

async function* restOf(
  pulled: readonly Uint8Array[],
  chunks: AsyncIterator<Uint8Array, void, void>,
): AsyncGenerator<Uint8Array, void, void> {
  yield* pulled
  for (;;) {
    const { value, done } = await chunks.next()
    if (done === true || value === undefined) return
    yield value
  }
}

class IdleTimer {
  readonly #ms: number
  readonly #onIdle: (error: MirrorError) => void
  #timer: NodeJS.Timeout | undefined

  constructor(ms: number, onIdle: (error: MirrorError) => void) {
    this.#ms = ms
    this.#onIdle = onIdle
  }

  start(): void {
    this.stop()
    this.#timer = setTimeout(() => {
      this.#onIdle(new MirrorError('upload_stalled', `Nothing came for ${this.#ms / 1000} s; nothing was kept`))
    }, this.#ms)
  }

  stop(): void {
    clearTimeout(this.#timer)
  }
}

function tooLarge(maxBytes: number): MirrorError {
  return new MirrorError('payload_too_large', `It is larger than ${maxBytes} bytes; nothing was kept`)
}

function wrongLength(came: number | 'more', declaredBytes: number): MirrorError {
  const said = `${declaredBytes} bytes were declared, ${came} came; nothing was kept`
  return new MirrorError('upload_length_wrong', said)
}

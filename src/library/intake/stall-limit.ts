import { MirrorError } from '../../core/errors.ts'

/** The chunks of `source`, as long as none lets wait for itself longer than `ms`; then it throws `upload_stalled`. */
export async function* stallLimited(
  source: AsyncIterable<Uint8Array>,
  ms: number,
): AsyncGenerator<Uint8Array, void, void> {
  const chunks = source[Symbol.asyncIterator]()
  let isDone = false
  try {
    for (;;) {
      const { value, done } = await within(chunks.next(), ms)
      if (done === true) {
        isDone = true
        return
      }
      yield value
    }
  } finally {
    // Not waited for: it may hang.
    if (!isDone) chunks.return?.()?.catch(() => {})
  }
}

async function within<T>(work: Promise<T>, ms: number): Promise<T> {
  work.catch(() => {}) // When it comes too late, nobody hears how it ended.
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => {
    late.reject(new MirrorError('upload_stalled', `Nothing came for ${ms / 1000} s; nothing was kept`))
  }, ms)
  try {
    return await Promise.race([work, late.promise])
  } finally {
    clearTimeout(timer)
  }
}

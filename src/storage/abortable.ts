/**
 * The chunks of `source` until `signal` aborts; then it rejects with the signal's reason at once, even while the source
 * hangs. The source is told to end (`return()`), but not waited for: it may never answer.
 */
export async function* abortable(
  source: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, void> {
  signal.throwIfAborted()
  const iterator = source[Symbol.asyncIterator]()
  let onAbort = (): void => {}
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
  })
  aborted.catch(() => {}) // Heard by the race below; without this an abort between two chunks would be unhandled.
  let isDone = false
  try {
    for (;;) {
      const next = iterator.next()
      next.catch(() => {}) // If the abort wins the race, nobody hears how this one ended.
      const { value, done } = await Promise.race([next, aborted])
      if (done === true) {
        isDone = true
        return
      }
      yield value
    }
  } finally {
    signal.removeEventListener('abort', onAbort)
    if (!isDone) iterator.return?.()?.catch(() => {})
  }
}

/** What `work` comes to, or the signal's reason as soon as it aborts; `work` itself is left to end by itself. */
export async function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  work.catch(() => {}) // Heard by the race below; after an abort nobody hears how it ended.
  let onAbort = (): void => {}
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason)
    if (signal.aborted) onAbort()
    else signal.addEventListener('abort', onAbort, { once: true })
  })
  try {
    return await Promise.race([work, aborted])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}

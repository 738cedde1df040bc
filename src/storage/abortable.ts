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
  // Told of the abort in place of the one chunk that is waited for. A race with one promise for all of them would keep
  // every chunk in memory until the end.
  let refuse = (_reason: unknown): void => {}
  const onAbort = () => refuse(signal.reason)
  signal.addEventListener('abort', onAbort, { once: true })
  let isDone = false
  try {
    for (;;) {
      const { value, done } = await new Promise<IteratorResult<Uint8Array>>((resolve, reject) => {
        refuse = reject
        // If the abort wins, nobody hears how this one ended.
        iterator.next().then(resolve, reject)
        if (signal.aborted) reject(signal.reason)
      })
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

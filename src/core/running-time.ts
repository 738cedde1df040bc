// Waits that end when this thread has run for so long. A clock goes on while a machine stands still, and a timer that is
// due by then fires before what has arrived meanwhile is read: an answer that is there would pass for one that never came.

/** A stand-still, however long, takes no more than such a share. */
const STEPS = 10
/** So short that no stand-still falls into it: what came during the step before is read meanwhile. */
const LAST_MS = 1

export interface RunningTimer {
  cancel(): void
}

/** Calls `act` once, unless it is cancelled before. Keeps no process alive. */
export function afterRunning(ms: number, act: () => void): RunningTimer {
  const stepMs = Math.floor(ms / STEPS)
  const step = (leftMs: number): NodeJS.Timeout => {
    if (leftMs <= LAST_MS) return setTimeout(act, leftMs).unref()
    const nextMs = Math.max(1, Math.min(stepMs, leftMs - LAST_MS))
    return setTimeout(() => {
      timer = step(leftMs - nextMs)
    }, nextMs).unref()
  }
  let timer = step(ms)
  return { cancel: () => clearTimeout(timer) }
}

/** As `AbortSignal.timeout`. */
export function runningTimeout(ms: number): AbortSignal {
  const controller = new AbortController()
  afterRunning(ms, () => controller.abort(new DOMException('The operation was aborted due to timeout', 'TimeoutError')))
  return controller.signal
}

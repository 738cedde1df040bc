// A clock that leaves out the time in which the test itself stood still: a machine that stops for a second stops everybody,
// and what any other clock says of such a second says nothing of Mirror.

const LOOK_MS = 20
/** Looks further apart than this were not made because nobody ran. */
const NOTED_MS = 100

export class RunningClock implements Disposable {
  readonly #spans: { readonly fromMs: number; readonly toMs: number }[] = []
  readonly #timer: NodeJS.Timeout
  #lookedAtMs = performance.now()

  constructor() {
    this.#timer = setInterval(() => this.#look(), LOOK_MS)
  }

  /** Milliseconds between two moments of performance.now() without those in which this process stood still. */
  runMs(fromMs: number, toMs = performance.now()): number {
    return toMs - fromMs - this.stoodMs(fromMs, toMs)
  }

  stoodMs(fromMs: number, toMs = performance.now()): number {
    return this.#between(fromMs, toMs).reduce((sum, ms) => sum + ms, 0)
  }

  /** Stand-stills that a player on this machine must have noticed. */
  countOver(leastMs: number, fromMs: number, toMs = performance.now()): number {
    return this.#between(fromMs, toMs).filter((ms) => ms >= leastMs).length
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer)
  }

  #look(): void {
    const nowMs = performance.now()
    if (nowMs - this.#lookedAtMs > NOTED_MS) this.#spans.push({ fromMs: this.#lookedAtMs + LOOK_MS, toMs: nowMs })
    this.#lookedAtMs = nowMs
  }

  #between(fromMs: number, toMs: number): readonly number[] {
    this.#look() // Whoever asks may be the first to run again.
    return this.#spans
      .map((span) => Math.min(span.toMs, toMs) - Math.max(span.fromMs, fromMs))
      .filter((lastedMs) => lastedMs > 0)
  }
}

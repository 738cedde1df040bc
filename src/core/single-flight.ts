/** What several want at the same time is done once. Nothing is kept: who asks after the end asks anew, also after a failure. */
export class SingleFlight<T> {
  readonly #flights = new Map<string, Flight<T>>()

  get size(): number {
    return this.#flights.size
  }

  has(key: string): boolean {
    return this.#flights.has(key)
  }

  /**
   * What `work` comes to, its failure included, for everybody who waits under `key`. An abort of `signal` rejects with
   * its reason and concerns only this caller; when the last one has gone, the signal of the work itself aborts.
   */
  async run(key: string, signal: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    signal.throwIfAborted()
    const flight = this.#flights.get(key) ?? this.#start(key, work)
    flight.waiting += 1
    let onAbort = (): void => {}
    const aborted = new Promise<never>((_, reject) => {
      onAbort = () => reject(signal.reason)
      signal.addEventListener('abort', onAbort, { once: true })
    })
    try {
      return await Promise.race([flight.result, aborted])
    } finally {
      signal.removeEventListener('abort', onAbort)
      flight.waiting -= 1
      if (flight.waiting === 0) this.#leave(key, flight)
    }
  }

  #start(key: string, work: (signal: AbortSignal) => Promise<T>): Flight<T> {
    const stop = new AbortController()
    const result = Promise.resolve().then(async () => await work(stop.signal))
    const flight: Flight<T> = { result, stop, waiting: 0 }
    this.#flights.set(key, flight)
    const forget = () => this.#forget(key, flight)
    result.then(forget, forget)
    return flight
  }

  #leave(key: string, flight: Flight<T>): void {
    this.#forget(key, flight)
    flight.stop.abort(new Error('nobody waits for it any more'))
  }

  #forget(key: string, flight: Flight<T>): void {
    if (this.#flights.get(key) === flight) this.#flights.delete(key)
  }
}

interface Flight<T> {
  readonly result: Promise<T>
  readonly stop: AbortController
  waiting: number
}

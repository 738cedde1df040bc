// Connects again whenever it is thrown out, as OBS does.
import { setTimeout as delay } from 'node:timers/promises'
import { Encoder } from './encoder.ts'

const RECONNECT_MS = 500

export class StubbornEncoder implements AsyncDisposable {
  /** Connections so far. */
  starts = 0
  readonly #args: readonly string[]
  #encoder: Encoder
  #isStopped = false
  readonly #done: Promise<void>

  constructor(args: readonly string[]) {
    this.#args = args
    this.#encoder = this.#start()
    this.#done = this.#keepGoing()
  }

  #start(): Encoder {
    this.starts++
    return new Encoder(this.#args)
  }

  async #keepGoing(): Promise<void> {
    while (true) {
      await this.#encoder.exited()
      await delay(RECONNECT_MS)
      if (this.#isStopped) return
      this.#encoder = this.#start()
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isStopped = true
    await this.#encoder.stop('SIGKILL')
    await this.#done
  }
}

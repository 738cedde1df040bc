// Every thread's copy of which streams there are and who may publish them, so that nobody has to ask the control plane.
import type { RegisteredStream } from './control.ts'

export class Registry {
  readonly #streams = new Map<string, RegisteredStream>()
  readonly #byLookup = new Map<string, string>()
  readonly #busy = new Set<string>()

  constructor(streams: readonly RegisteredStream[]) {
    for (const stream of streams) this.set(stream)
  }

  get(streamId: string): RegisteredStream | null {
    return this.#streams.get(streamId) ?? null
  }

  all(): readonly RegisteredStream[] {
    return [...this.#streams.values()]
  }

  set(stream: RegisteredStream): void {
    this.remove(stream.id, true)
    this.#streams.set(stream.id, stream)
    for (const lookup of stream.keyLookups) this.#byLookup.set(lookup, stream.id)
  }

  remove(streamId: string, keepBusy = false): void {
    const known = this.#streams.get(streamId)
    for (const lookup of known?.keyLookups ?? []) this.#byLookup.delete(lookup)
    this.#streams.delete(streamId)
    if (!keepBusy) this.#busy.delete(streamId)
  }

  /** The stream that a publish key belongs to. */
  streamOfKey(lookup: string): string | null {
    return this.#byLookup.get(lookup) ?? null
  }

  /** As last heard from the owner; the owner itself decides. */
  isBusy(streamId: string): boolean {
    return this.#busy.has(streamId)
  }

  setBusy(streamId: string, isBusy: boolean): void {
    if (isBusy) this.#busy.add(streamId)
    else this.#busy.delete(streamId)
  }
}

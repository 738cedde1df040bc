/** Takes the payloads of the packets of one PID. */
export interface PayloadReader {
  /** Whose packets these are; null for tables. */
  readonly trackId: string | null
  /** `bytes[from, to)` is valid only during the call. */
  payload(bytes: Uint8Array, from: number, to: number, isUnitStart: boolean): void
  /** Packets before the next payload are missing. */
  lost(): void
  end(): void
}

// The outline of a sound: the lowest and highest sample of each of some thousand equal pieces. Pure, in bounded memory.

export interface SoundPeaks {
  /** Samples per second of one channel. */
  readonly sampleRateHz: number
  readonly channels: number
  /** Samples of one channel that one peak stands for; the last may stand for fewer. */
  readonly samplesPerPeak: number
  /** How many there are of each channel. */
  readonly length: number
  /** −128 to 127: lowest and highest of channel 1, of channel 2 …, then those of the next piece. */
  readonly data: readonly number[]
}

/**
 * Takes samples (16 bits, channels interleaved) of a sound whose length nobody knows. It starts with a fine grid and halves
 * it whenever that is full, so that between half of `maxPeaks` (an even number) and all of them remain.
 */
export class PeakCollector {
  readonly #channels: number
  readonly #maxPeaks: number
  #samplesPerPeak: number
  /** By peak and channel: lowest, highest. */
  readonly #peaks: Int16Array
  #length = 0
  /** Samples per channel in the newest peak. */
  #inNewest = 0
  /** Bytes of a frame of samples that is not complete. */
  #rest = Buffer.alloc(0)

  constructor(options: { readonly channels: number; readonly maxPeaks: number; readonly samplesPerPeak?: number }) {
    this.#channels = options.channels
    if (options.maxPeaks % 2 !== 0) throw new RangeError(`not even: ${options.maxPeaks}`)
    this.#maxPeaks = options.maxPeaks
    this.#samplesPerPeak = options.samplesPerPeak ?? 32
    this.#peaks = new Int16Array(options.maxPeaks * options.channels * 2)
  }

  /** Signed 16 bits, little-endian; cut wherever it may be. */
  add(chunk: Uint8Array): void {
    const frameBytes = this.#channels * 2
    const bytes =
      this.#rest.length === 0
        ? Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
        : Buffer.concat([this.#rest, chunk])
    const whole = bytes.length - (bytes.length % frameBytes)
    for (let at = 0; at < whole; at += frameBytes) this.#addFrame(bytes, at)
    this.#rest = Buffer.from(bytes.subarray(whole))
  }

  peaks(sampleRateHz: number): SoundPeaks {
    const used = this.#peaks.subarray(0, this.#length * this.#channels * 2)
    return {
      sampleRateHz,
      channels: this.#channels,
      samplesPerPeak: this.#samplesPerPeak,
      length: this.#length,
      data: Array.from(used, (sample) => sample >> 8),
    }
  }

  #addFrame(bytes: Buffer, at: number): void {
    if (this.#length === 0 || this.#inNewest === this.#samplesPerPeak) this.#openPeak()
    const width = this.#channels * 2
    const peak = (this.#length - 1) * width
    for (let channel = 0; channel < this.#channels; channel++) {
      const sample = bytes.readInt16LE(at + channel * 2)
      const low = peak + channel * 2
      if (this.#inNewest === 0 || sample < (this.#peaks[low] ?? 0)) this.#peaks[low] = sample
      if (this.#inNewest === 0 || sample > (this.#peaks[low + 1] ?? 0)) this.#peaks[low + 1] = sample
    }
    this.#inNewest++
  }

  #openPeak(): void {
    if (this.#length === this.#maxPeaks) this.#halve()
    this.#length++
    this.#inNewest = 0
  }

  /** Joins neighbours: all are complete, and their number is even. */
  #halve(): void {
    const width = this.#channels * 2
    const half = this.#maxPeaks / 2
    for (let peak = 0; peak < half; peak++) {
      for (let at = 0; at < width; at++) {
        const first = this.#peaks[2 * peak * width + at] ?? 0
        const second = this.#peaks[(2 * peak + 1) * width + at] ?? 0
        this.#peaks[peak * width + at] = at % 2 === 0 ? Math.min(first, second) : Math.max(first, second)
      }
    }
    this.#length = half
    this.#samplesPerPeak *= 2
  }
}

// Subtitles that come beside the publisher, as WebVTT over HTTP: for captioners and speech recognition that have no CMAF.
import { MirrorError, toMirrorError } from '../../core/errors.ts'
import type { TextTrack } from '../../media/samples.ts'
import type { TextCue } from '../../media/text/text-cue.ts'
import { WebVttReader } from '../../media/text/webvtt-reader.ts'
import type { InputFault, InputOpen } from '../ingest/protocol.ts'
import type { StreamEmit } from './stream-events.ts'

/** More captioners than that on one stream are a mistake. */
const MAX_TEXT_INPUTS = 16

export interface TextInputsOptions {
  readonly streamId: string
  readonly emit: StreamEmit
  /** A publisher is connected, or its playlist goes on. */
  readonly isUp: () => boolean
  /** Seconds since 1970 up to which viewers can see; null before the first media. */
  readonly liveEdgeSec: () => number | null
  /** Media time of a date as players show it; null before the first media. */
  readonly mediaSecAt: (dateSec: number) => number | null
  /** False: nothing is live. */
  readonly show: (text: TextTrack, cue: TextCue) => boolean
  /** Tells the receiver of an input that it is over. */
  readonly endInput: (inputId: string, fault: InputFault) => void
}

interface TextInput {
  readonly reader: WebVttReader
}

export class TextInputs {
  readonly #options: TextInputsOptions
  readonly #inputs = new Map<string, TextInput>()

  constructor(options: TextInputsOptions) {
    this.#options = options
  }

  has(inputId: string): boolean {
    return this.#inputs.has(inputId)
  }

  /** Throws MirrorError `stream_offline`, `publisher_limit`. */
  open({ inputId, trackId, text }: InputOpen): void {
    const { streamId, isUp, liveEdgeSec, mediaSecAt } = this.#options
    if (!isUp()) throw new MirrorError('stream_offline', `stream ${streamId} is not live: subtitles need a picture`)
    if (this.#inputs.size >= MAX_TEXT_INPUTS) {
      throw new MirrorError('publisher_limit', `stream ${streamId} has ${MAX_TEXT_INPUTS} subtitles inputs already`)
    }
    const track: TextTrack = {
      id: trackId ?? 's0',
      language: text?.language ?? 'und',
      role: null,
      isTimed: false,
    }
    // Cue time 0 is what viewers see now, unless the sender knows better.
    const zeroMs = text?.zeroMs ?? null
    const findZero = () => (zeroMs === null ? liveEdgeSec() : mediaSecAt(zeroMs / 1000))
    let zeroSec = findZero()
    const reader = new WebVttReader((cue) => {
      zeroSec ??= findZero()
      const shift = zeroSec
      if (shift === null) throw new MirrorError('stream_offline', `stream ${streamId} has no media yet`)
      this.#options.show(track, { ...cue, startSec: shift + cue.startSec, endSec: shift + cue.endSec })
    })
    this.#inputs.set(inputId, { reader })
  }

  /** Whatever is wrong with the bytes ends that input alone. */
  data(inputId: string, bytes: Uint8Array): void {
    try {
      this.#inputs.get(inputId)?.reader.push(bytes)
    } catch (error) {
      const { code, message } = toMirrorError(error)
      this.#inputs.delete(inputId)
      this.#options.emit('stream.error', 'error', code, message, {})
      this.#options.endInput(inputId, { code, message })
    }
  }

  /** What was wrong in the end: `fault`, or what the last bytes show. */
  close(inputId: string, fault: InputFault | null): InputFault | null {
    const input = this.#inputs.get(inputId)
    this.#inputs.delete(inputId)
    if (input === undefined || fault !== null) return fault
    try {
      input.reader.end()
      return null
    } catch (error) {
      const { code, message } = toMirrorError(error)
      this.#options.emit('stream.error', 'error', code, message, {})
      return { code, message }
    }
  }

  endAll(fault: InputFault): void {
    for (const inputId of this.#inputs.keys()) this.#options.endInput(inputId, fault)
    this.#inputs.clear()
  }
}

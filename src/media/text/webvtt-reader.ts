// WebVTT as it comes in, in any chunking: W3C WebVTT 4 and 6. Cue by cue, so that live captions need not wait for the end.
import { MirrorError } from '../../core/errors.ts'
import { cleanSettings, cleanText, MAX_CUE_TEXT, type TextCue } from './text-cue.ts'

/** A block that grows beyond this is no cue. */
const MAX_BLOCK_CHARS = 4 * MAX_CUE_TEXT
const TIMING = /^[ \t]*((?:\d+:)?\d{2}:\d{2}\.\d{3})[ \t]+-->[ \t]+((?:\d+:)?\d{2}:\d{2}\.\d{3})(?:[ \t]+(.*))?$/

export class WebVttReader {
  readonly #onCue: (cue: TextCue) => void
  readonly #decoder = new TextDecoder('utf-8', { fatal: false })
  #rest = ''
  #block: string[] = []
  #blockChars = 0
  #hasHeader = false
  /** The header block, STYLE, REGION and NOTE: read over up to the next empty line. */
  #isSkipping = false
  #cues = 0

  constructor(onCue: (cue: TextCue) => void) {
    this.#onCue = onCue
  }

  get cueCount(): number {
    return this.#cues
  }

  /** Throws MirrorError `ingest_malformed`. */
  push(bytes: Uint8Array): void {
    this.#take(this.#decoder.decode(bytes, { stream: true }))
  }

  /** Throws MirrorError `ingest_malformed` when it was no WebVTT at all. */
  end(): void {
    this.#take(`${this.#decoder.decode()}\n`)
    this.#endBlock()
    if (!this.#hasHeader) throw malformed('the body is empty; WebVTT begins with a line "WEBVTT"')
  }

  #take(text: string): void {
    const lines = `${this.#rest}${text}`.split(/\r\n|\n|\r(?=[^\n])/)
    this.#rest = lines.pop() ?? ''
    for (const line of lines) this.#onLine(line)
    if (this.#rest.length > MAX_BLOCK_CHARS) throw malformed('a line is longer than any cue')
  }

  #onLine(raw: string): void {
    const line = raw.endsWith('\r') ? raw.slice(0, -1) : raw
    if (!this.#hasHeader) {
      if (!/^\uFEFF?WEBVTT(?:[ \t]|$)/.test(line)) throw malformed('WebVTT begins with a line "WEBVTT"')
      this.#hasHeader = true
      this.#isSkipping = true
      return
    }
    if (line === '') {
      this.#endBlock()
      return
    }
    if (this.#isSkipping) {
      if (line.startsWith('X-TIMESTAMP-MAP'))
        throw malformed('X-TIMESTAMP-MAP is not understood here: say with ?from= when cue time 0 is')
      // A timing line in the header block would be a cue that forgot its empty line.
      return
    }
    if (this.#block.length === 0 && /^(?:STYLE|REGION|NOTE)(?:[ \t]|$)/.test(line)) {
      this.#isSkipping = true
      return
    }
    this.#blockChars += line.length
    if (this.#blockChars > MAX_BLOCK_CHARS) throw malformed('a cue is longer than any screen of text')
    this.#block.push(line)
  }

  #endBlock(): void {
    const block = this.#block
    this.#block = []
    this.#blockChars = 0
    this.#isSkipping = false
    if (block.length === 0) return
    const at = block[0]?.includes('-->') ? 0 : 1
    const timing = TIMING.exec(block[at] ?? '')
    if (timing === null) throw malformed(`no cue timing in "${(block[at] ?? block[0] ?? '').slice(0, 60)}"`)
    const [, from = '', to = '', settings = ''] = timing
    const startSec = seconds(from)
    const endSec = seconds(to)
    if (endSec <= startSec) throw malformed(`a cue ends before it begins: ${from} --> ${to}`)
    const text = cleanText(block.slice(at + 1).join('\n'))
    if (text === null) return
    this.#cues++
    this.#onCue({ startSec, endSec, text, settings: cleanSettings(settings) })
  }
}

function seconds(timestamp: string): number {
  const [sec = 0, min = 0, hours = 0] = timestamp.split(':').reverse().map(Number)
  return hours * 3600 + min * 60 + sec
}

function malformed(message: string): MirrorError {
  return new MirrorError('ingest_malformed', message)
}

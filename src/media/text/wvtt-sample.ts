// A sample of a `wvtt` track: ISO/IEC 14496-30 7. Its duration is how long its cues are shown.
import { childBoxes, findBox } from '../fmp4/boxes.ts'
import { cleanSettings, cleanText } from './text-cue.ts'

export interface SampleText {
  readonly text: string
  readonly settings: string
}

/** What is on screen together; empty for `vtte`. Throws MirrorError `ingest_malformed`. */
export function parseWvttSample(sample: Uint8Array): readonly SampleText[] {
  const shown: SampleText[] = []
  for (const { type, start, end } of childBoxes(sample, 0, sample.length, 'wvtt')) {
    if (type !== 'vttc') continue
    const boxes = childBoxes(sample, start, end, 'vttc')
    const payload = findBox(boxes, 'payl')
    const settings = findBox(boxes, 'sttg')
    const text = payload === null ? null : cleanText(utf8(sample, payload))
    if (text !== null) shown.push({ text, settings: settings === null ? '' : cleanSettings(utf8(sample, settings)) })
  }
  return shown
}

function utf8(bytes: Uint8Array, { start, end }: { readonly start: number; readonly end: number }): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('utf8')
}

// A sample of a text track as cues: ISO/IEC 14496-30.
import { isMirrorError } from '../../core/errors.ts'
import type { TextCue } from './text-cue.ts'
import { MAX_TTML_BYTES, parseTtml } from './ttml-document.ts'
import { parseWvttSample } from './wvtt-sample.ts'

export interface SampleTimes {
  /** When the sample is shown, in seconds of the track. */
  readonly startSec: number
  readonly endSec: number
  /** Presentation minus media time: what an edit list moved. */
  readonly shiftSec: number
}

/** Empty for silence; null for what cannot be read. */
export function cuesOf(format: 'wvtt' | 'stpp', sample: Uint8Array, times: SampleTimes): readonly TextCue[] | null {
  if (sample.length === 0 || times.endSec <= times.startSec) return []
  return format === 'wvtt' ? webVttCues(sample, times) : ttmlCues(sample, times)
}

function webVttCues(sample: Uint8Array, { startSec, endSec }: SampleTimes): readonly TextCue[] | null {
  try {
    return parseWvttSample(sample).map((shown) => ({ ...shown, startSec, endSec }))
  } catch (error) {
    if (isMirrorError(error)) return null // one subtitle must not end the picture
    throw error
  }
}

/** 5.2: a document's times are those of the track; it is shown only while its sample is. */
function ttmlCues(sample: Uint8Array, { startSec, endSec, shiftSec }: SampleTimes): readonly TextCue[] | null {
  if (sample.length > MAX_TTML_BYTES) return null
  const document = Buffer.from(sample.buffer, sample.byteOffset, sample.length).toString('utf8')
  const cues = parseTtml(document)
  if (cues === null) return null
  return cues
    .map((cue) => ({
      ...cue,
      startSec: Math.max(startSec, cue.startSec + shiftSec),
      endSec: Math.min(endSec, cue.endSec + shiftSec),
    }))
    .filter((cue) => cue.endSec > cue.startSec)
}

// The cues of subtitles that were made, held in memory while they are cut: never more than anybody says in a day.
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { MirrorError } from '../../core/errors.ts'
import type { TextCue } from '../../media/text/text-cue.ts'
import { WebVttReader } from '../../media/text/webvtt-reader.ts'

/** A film has 2,000 and 100 KiB; twelve hours of talk have 20,000 and 2 MiB. */
const MAX_CUES = 50_000
const MAX_MIB = 8

/** By their beginnings. Rejects with `content_too_large`, or as `WebVttReader` does. */
export async function readCues(path: string): Promise<readonly TextCue[]> {
  const { size } = await stat(path)
  if (size > MAX_MIB * 2 ** 20) {
    throw new MirrorError('content_too_large', `Subtitles of more than ${MAX_MIB} MiB are not shown`)
  }
  const cues: TextCue[] = []
  const reader = new WebVttReader((cue) => {
    if (cues.length >= MAX_CUES) {
      throw new MirrorError('content_too_large', `Subtitles of more than ${MAX_CUES} cues are not shown`)
    }
    cues.push(cue)
  })
  for await (const chunk of createReadStream(path)) reader.push(chunk as Uint8Array)
  reader.end()
  return cues.sort((a, b) => a.startSec - b.startSec)
}

import { MirrorError } from '../../core/errors.ts'
import type { DescribedMedia } from '../processing/describe-media.ts'

/** Where a file ends earlier than it says, by a share of its length and a little more, something is missing. */
const CUT_SHARE = 0.05
const CUT_SEC = 1
/** Containers that write down how long they are; of others ffprobe guesses from the bit rate. */
const TELLS_LENGTH = /\b(?:mov|mp4|matroska|webm|wav|w64|flac|aiff|caf|avi|asf|ogg|mxf)\b/

/** Throws `content_damaged` when what can be decoded is shorter than what was promised. */
export function refuseCut(
  { container, durationSec }: Pick<DescribedMedia, 'container' | 'durationSec'>,
  decodedSec: number | null,
): void {
  if (durationSec === null || !TELLS_LENGTH.test(container)) return
  if ((decodedSec ?? 0) >= durationSec * (1 - CUT_SHARE) - CUT_SEC) return
  const [said, found] = [durationSec, decodedSec ?? 0].map((sec) => `${sec.toFixed(1)} s`)
  throw new MirrorError('content_damaged', `It says that it lasts ${said}, and breaks off after ${found}`)
}

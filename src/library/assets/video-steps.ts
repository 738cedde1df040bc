// What is made of the pictures of a video: files in several sizes, a poster, a storyboard.
import { stat, writeFile } from 'node:fs/promises'
import { MirrorError, toMirrorError } from '../../core/errors.ts'
import type { DescribedMedia } from '../processing/describe-media.ts'
import type { VideoStream } from '../processing/media-facts.ts'
import { planStoryboard, storyboardFilter, writeStoryboard } from '../processing/plan-storyboard.ts'
import { encodeArgs, isHdr, plannedBytes, planVideo, type Rung, type VideoPlan } from '../processing/plan-video.ts'
import type { JsonObject } from './asset.ts'
import type { MediaWorkshop } from './media-workshop.ts'
import { refuseCut } from './refuse-cut.ts'
import type { OnPercent } from './step-maker.ts'

/** Names are the last part of addresses; the text points at the picture beside it. */
const BOARD_TEXT = 'storyboard'
const BOARD_IMAGE = 'storyboard-image'

const PICTURE_BPS = 200_000_000 // Bounds one JPEG: its file may be 64 MiB and some
/** An encoder may round up to the next frame, and a container lie a little. */
const SPARE_SEC = 1

/** Gives what it lasts now: pictures or sound, whichever is longer. */
export async function encodeVideo(
  workshop: MediaWorkshop,
  described: DescribedMedia,
  video: VideoStream,
  onPercent: OnPercent,
): Promise<JsonObject> {
  const { streams, durationSec } = described
  const { threads, maxDurationSec } = workshop.host.media
  const plan = planVideo(video, streams)
  // What does not say how long it is, mostly comes from a browser, at a rate like those that it is made for.
  await workshop.requireRoom(durationSec === null ? workshop.asset.sizeBytes : plannedBytes(plan, durationSec))
  const paths = new Map<Rung, string>()
  for (const rung of plan.rungs) paths.set(rung, await workshop.path(`${rung.name}.mp4`))
  const maxSec = durationSec === null ? maxDurationSec : durationSec + SPARE_SEC
  const bitRate = Math.max(...plan.rungs.map(({ videoBps, audioBps }) => videoBps + plan.audio.length * audioBps))
  const encode = async (toneMaps: boolean) => {
    const options = { pathOf: (rung: Rung) => paths.get(rung) ?? '', threads, maxSec, toneMaps }
    return await workshop.run({ outputs: encodeArgs(plan, video, options), bitRate, durationSec, onPercent })
  }
  const writtenSec = await encode(true).catch(async (error: unknown) => {
    if (!isHdr(video) || toMirrorError(error).code !== 'ffmpeg_missing') throw error
    // Paler than it should be, but there.
    workshop.host.log.warn('bright colours are not mapped', { error: toMirrorError(error).message })
    return await encode(false)
  })
  refuseCut(described, writtenSec)
  if (writtenSec === null || writtenSec <= 0) {
    throw new MirrorError('content_damaged', 'It has no picture that can be decoded')
  }
  for (const [{ name, width, height }, path] of paths) {
    await workshop.keep({ name, path, extension: 'mp4', contentType: 'video/mp4', width, height })
  }
  const best = await workshop.rendition(plan.rungs[0]?.name ?? '')
  const made = best === null ? null : await workshop.probe(best)
  return { durationSec: made?.durationSec ?? writtenSec }
}

/** One that tells something, of those around a tenth of the way. */
export async function makePoster(
  workshop: MediaWorkshop,
  { video, streams, durationSec }: DescribedMedia,
): Promise<void> {
  const [rung] = video === null ? [] : planVideo(video, streams).rungs
  const input = rung === undefined ? null : await workshop.rendition(rung.name)
  if (rung === undefined || input === null) return
  const path = await workshop.path('poster.jpg')
  const outputs = ['-map', '0:v:0', '-vf', 'thumbnail=50', '-frames:v', '1', '-q:v', '3', '-update', '1', path]
  for (const fromSec of [Math.min(30, (durationSec ?? 0) / 10), 0]) {
    const inputOptions = ['-ss', fromSec.toFixed(3)]
    await workshop.run({ input, inputOptions, outputs, bitRate: PICTURE_BPS, durationSec: 1 })
    if ((await stat(path).catch(() => null)) !== null) break
  }
  const { width, height } = rung
  await workshop.keep({ name: 'poster', path, extension: 'jpg', contentType: 'image/jpeg', width, height })
}

/** From the smallest file, of its keyframes alone. */
export async function makeStoryboard(
  workshop: MediaWorkshop,
  { video, streams, durationSec }: DescribedMedia,
  onPercent: OnPercent,
): Promise<void> {
  const plan = video === null ? null : planVideo(video, streams)
  const rung = plan?.rungs.at(-1)
  const input = rung === undefined ? null : await workshop.rendition(rung.name)
  if (plan === null || rung === undefined || input === null || durationSec === null) return
  const board = planStoryboard(rung, durationSec, gopOf(plan))
  const image = await workshop.path('storyboard.jpg')
  const outputs = [
    '-map',
    '0:v:0',
    '-vf',
    storyboardFilter(board),
    '-frames:v',
    '1',
    '-q:v',
    '5',
    '-update',
    '1',
    image,
  ]
  const inputOptions = ['-skip_frame', 'nokey']
  await workshop.run({ input, inputOptions, outputs, bitRate: PICTURE_BPS, durationSec, onPercent })
  const size = { width: board.tile.width * board.columns, height: board.tile.height * board.rows }
  await workshop.keep({ name: BOARD_IMAGE, path: image, extension: 'jpg', contentType: 'image/jpeg', ...size })
  const text = await workshop.path('storyboard.vtt')
  await writeFile(text, writeStoryboard(board, durationSec, BOARD_IMAGE))
  await workshop.keep({ name: BOARD_TEXT, path: text, extension: 'vtt', contentType: 'text/vtt' })
}

function gopOf({ gopFrames, frameRate }: VideoPlan) {
  return { num: gopFrames * frameRate.den, den: frameRate.num }
}

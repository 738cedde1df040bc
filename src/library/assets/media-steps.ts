// The steps of sound and video: what they say of themselves, and what ffmpeg makes of them in limited processes.
import { writeFile } from 'node:fs/promises'
import { MirrorError } from '../../core/errors.ts'
import { decodableCodecs, withDecoders } from '../processing/decodable-codecs.ts'
import { type DescribedMedia, describeMedia } from '../processing/describe-media.ts'
import { measureSound, SOUND_LIMITS } from '../processing/measure-sound.ts'
import type { AudioStream } from '../processing/media-facts.ts'
import { planSound } from '../processing/plan-sound.ts'
import type { AssetRow, JsonObject } from './asset.ts'
import { convertVideo } from './convert-video.ts'
import { type MediaHost, MediaWorkshop } from './media-workshop.ts'
import { makePlayback } from './playback-step.ts'
import { refuseCut } from './refuse-cut.ts'
import type { OnPercent, StepMaker } from './step-maker.ts'
import { makeSubtitles, subtitlesIn } from './subtitle-steps.ts'
import { encodeVideo, makePoster, makeStoryboard } from './video-steps.ts'

export class MediaSteps implements StepMaker {
  readonly #workshop: MediaWorkshop

  constructor(host: MediaHost, asset: AssetRow, signal: AbortSignal) {
    this.#workshop = new MediaWorkshop(host, asset, signal)
  }

  async run(step: string, facts: JsonObject, onPercent: OnPercent): Promise<JsonObject | null> {
    const workshop = this.#workshop
    switch (step) {
      case 'probe':
        return { ...(await probe(workshop)) }
      case 'waveform':
        return await drawSound(workshop, describedIn(facts), onPercent)
      case 'm4a':
      case 'opus':
        await encodeSound(workshop, step, describedIn(facts), onPercent)
        return null
      case 'mp4':
        return await encode(workshop, facts, onPercent)
      case 'poster':
        await makePoster(workshop, describedIn(facts))
        return null
      case 'storyboard':
        await makeStoryboard(workshop, describedIn(facts), onPercent)
        return null
      case 'subtitles':
        return await makeSubtitles(workshop, describedIn(facts), facts)
      case 'hls':
        return await makePlayback(workshop, describedIn(facts), subtitlesIn(facts), onPercent)
      default:
        throw new Error(`nobody knows how to do ${step}`)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#workshop[Symbol.asyncDispose]()
  }
}

async function probe(workshop: MediaWorkshop): Promise<DescribedMedia> {
  const facts = await workshop.probe(await workshop.original())
  const decodable = await decodableCodecs(workshop.host, workshop.signal)
  const described = describeMedia({ ...facts, streams: withDecoders(facts.streams, decodable) })
  if (described.video === null && described.audio === null) {
    throw new MirrorError('content_unsupported', 'Neither its audio nor its video can be decoded')
  }
  return described
}

async function drawSound(
  workshop: MediaWorkshop,
  { audio, container, durationSec }: DescribedMedia,
  onPercent: OnPercent,
): Promise<JsonObject> {
  const stream = requireSound(audio)
  const { ffmpegPath, spawn, log, media } = workshop.host
  const limits = { ...SOUND_LIMITS, cpuSec: Math.ceil(media.stepMs / 1000), wallMs: media.stepMs }
  const onSec = (sec: number) => durationSec !== null && onPercent((100 * sec) / durationSec)
  const input = await workshop.original()
  const measured = await measureSound(input, stream, { ffmpegPath, spawn, log, limits, onSec }, workshop.signal)
  refuseCut({ container, durationSec }, measured.durationSec)
  const path = await workshop.path('waveform')
  await writeFile(path, JSON.stringify(measured.peaks))
  await workshop.keep({ name: 'waveform', path, extension: 'json', contentType: 'application/json' })
  return { loudness: measured.loudness, durationSec: measured.durationSec }
}

async function encodeSound(
  workshop: MediaWorkshop,
  name: 'm4a' | 'opus',
  { audio, durationSec }: DescribedMedia,
  onPercent: OnPercent,
): Promise<void> {
  const { extension, contentType, bitRate, args } = planSound(name, requireSound(audio))
  await workshop.requireRoom(durationSec === null ? workshop.asset.sizeBytes : (bitRate * durationSec) / 8)
  const path = await workshop.path(`sound.${extension}`)
  await workshop.run({ outputs: [...args, path], bitRate, durationSec, onPercent })
  await workshop.keep({ name, path, extension, contentType })
}

/** A video container may hold sound alone: then it is made playable as sound. */
async function encode(workshop: MediaWorkshop, facts: JsonObject, onPercent: OnPercent): Promise<JsonObject | null> {
  const described = describedIn(facts)
  const { video } = described
  const { conversion } = workshop.host
  if (video !== null) {
    return conversion === null
      ? await encodeVideo(workshop, described, video, onPercent)
      : await convertVideo(workshop, conversion, { described, video, facts }, onPercent)
  }
  await encodeSound(workshop, 'm4a', described, onPercent)
  return null
}

/** What the step `probe` wrote down. */
function describedIn(facts: JsonObject): DescribedMedia {
  if (!Array.isArray(facts['streams'])) throw new Error('nothing was found out about its streams')
  return facts as unknown as DescribedMedia
}

function requireSound(audio: AudioStream | null): AudioStream {
  if (audio === null) throw new MirrorError('content_unsupported', 'It has no sound that can be decoded')
  return audio
}

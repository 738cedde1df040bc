// The files of a video made by AWS Elemental MediaConvert instead of ffmpeg; what comes after them is the same.
import { z } from 'zod'
import { MirrorError } from '../../core/errors.ts'
import { assetConversionKey, assetOriginalKey, parseObjectKey } from '../../storage/keys.ts'
import type { ObjectKey } from '../../storage/object-store.ts'
import { type DescribedMedia, heardIn } from '../processing/describe-media.ts'
import type { MediaFacts, VideoStream } from '../processing/media-facts.ts'
import { followJob } from '../processing/mediaconvert/follow-job.ts'
import { conversionToken, jobRequest, madeName } from '../processing/mediaconvert/job-request.ts'
import { conversionState } from '../processing/mediaconvert/job-state.ts'
import type { VideoConverter } from '../processing/mediaconvert/video-converter.ts'
import { plannedBytes, planVideo, type Rung, soundOf, type VideoPlan } from '../processing/plan-video.ts'
import { fetchTo } from '../processing/scratch.ts'
import type { JsonObject } from './asset.ts'
import type { MediaWorkshop } from './media-workshop.ts'
import { refuseCut } from './refuse-cut.ts'
import type { OnPercent } from './step-maker.ts'

/** MediaConvert, for one attempt of a job of Mirror. */
export interface ConversionHost {
  readonly converter: VideoConverter
  /** Of the job of Mirror. */
  readonly jobId: string
  /** Writes facts down at once: who comes next goes on from there. Rejects when somebody else has the job now. */
  readonly note: (facts: JsonObject) => Promise<void>
}

/** Which job at AWS it is; its files lie under a key with the token. Kept as the fact `mediaConvert`. */
export interface Conversion {
  readonly jobId: string
  readonly token: string
}

const noted = z.object({ mediaConvert: z.object({ jobId: z.string(), token: z.string() }) })

/** Null: none was begun. */
export function conversionIn(facts: JsonObject): Conversion | null {
  return noted.safeParse(facts).data?.mediaConvert ?? null
}

/**
 * Goes on with the job that an earlier attempt began, if that can still come to something. Gives what it lasts now.
 * Rejects with `mediaconvert_failed`, `mediaconvert_refused`, `mediaconvert_unavailable`, `processing_timeout`.
 */
export async function convertVideo(
  workshop: MediaWorkshop,
  host: ConversionHost,
  of: { readonly described: DescribedMedia; readonly video: VideoStream; readonly facts: JsonObject },
  onPercent: OnPercent,
): Promise<JsonObject> {
  const { described, video, facts } = of
  const plan = planVideo(video, described.streams)
  const { durationSec, streams } = described
  // Before anything is paid for that could not be taken in.
  await workshop.requireRoom(durationSec === null ? workshop.asset.sizeBytes : plannedBytes(plan, durationSec))
  const before = conversionIn(facts)
  const isUsable = before !== null && (await canGoOn(workshop, host, plan, before))
  const conversion = isUsable ? before : await begin(workshop, host, { plan, video, streams, before })
  const { api, pollMs } = host.converter
  const options = { api, pollMs, maxMs: workshop.host.media.stepMs, onPercent }
  await followJob(conversion.jobId, options, workshop.signal)
  return { durationSec: await takeIn(workshop, plan, conversion, described) }
}

async function canGoOn(
  workshop: MediaWorkshop,
  { converter }: ConversionHost,
  plan: VideoPlan,
  conversion: Conversion,
): Promise<boolean> {
  const report = await converter.api.report(conversion.jobId, workshop.signal)
  if (report === null) return false
  const { kind } = conversionState(report)
  if (kind !== 'made') return kind !== 'failed'
  // They were taken in before, and it is made once more.
  return (await missing(workshop, plan, conversion)).length === 0
}

async function begin(
  { asset, signal }: MediaWorkshop,
  { converter, jobId: job, note }: ConversionHost,
  of: Pick<DescribedMedia, 'streams'> & {
    readonly plan: VideoPlan
    readonly video: VideoStream
    readonly before: Conversion | null
  },
): Promise<Conversion> {
  const { plan, video, streams, before } = of
  const { api, bucket, prefix, roleArn, queue } = converter
  const { id, tenantId } = asset
  const token = conversionToken(id, plan, before?.jobId ?? null)
  signal.throwIfAborted()
  const request = jobRequest({
    ...{ plan, video, streams, bucket, roleArn, queue, token },
    inputKey: `${prefix}${assetOriginalKey(tenantId, id)}`,
    outputKey: `${prefix}${assetConversionKey(tenantId, id, token)}`,
    belongsTo: { tenant: tenantId, asset: id, job },
  })
  const conversion = { jobId: await api.create(request), token }
  await note({ mediaConvert: conversion })
  return conversion
}

async function missing(
  { host, signal, asset }: MediaWorkshop,
  plan: VideoPlan,
  { token }: Conversion,
): Promise<readonly ObjectKey[]> {
  const keys = plan.rungs.map((rung) => madeKey(asset, token, rung))
  const found = await Promise.all(keys.map((key) => host.store.head(key, { signal })))
  return keys.filter((_, index) => found[index] === null)
}

/** Its files become renditions as if they had been made here, and are gone from where MediaConvert put them. */
async function takeIn(
  workshop: MediaWorkshop,
  plan: VideoPlan,
  conversion: Conversion,
  described: DescribedMedia,
): Promise<number | null> {
  const { host, asset, signal } = workshop
  const absent = await missing(workshop, plan, conversion)
  if (absent.length > 0) {
    throw wrong(conversion, `it is complete, and ${absent.join(', ')} is not in the bucket ${bucketOf(workshop)}`)
  }
  const keys = plan.rungs.map((rung) => madeKey(asset, conversion.token, rung))
  let durationSec: number | null = null
  for (const [index, rung] of plan.rungs.entries()) {
    const key = madeKey(asset, conversion.token, rung)
    const info = await host.store.head(key, { signal })
    await workshop.requireRoom(info?.sizeBytes ?? 0)
    const path = await workshop.path(`${rung.name}.mp4`)
    const fetched = await fetchTo(path, { store: host.store, key, maxBytes: info?.sizeBytes ?? 0, signal })
    if (!fetched) throw wrong(conversion, `${key} is gone`)
    const made = await workshop.probe({ kind: 'file', path })
    const fault = faultOf(made, rung, soundOf(plan.audio, index).length)
    if (fault !== null) {
      // Or the next attempt would find them again.
      await host.store.delete(keys, { signal })
      throw wrong(conversion, `${rung.name} ${fault}`)
    }
    refuseCut(described, made.durationSec)
    const { name, width, height } = rung
    await workshop.keep({ name, path, extension: 'mp4', contentType: 'video/mp4', width, height })
    durationSec ??= made.durationSec
  }
  await host.store.delete(keys, { signal })
  return durationSec ?? described.durationSec
}

/** What is not as it was asked for; null: nothing. */
function faultOf({ container, streams }: MediaFacts, { width, height }: Rung, tracks: number): string | null {
  const video = streams.find((stream): stream is VideoStream => stream.kind === 'video')
  if (!container.split(',').includes('mp4') || video === undefined) return 'is no MP4 with video'
  if (video.codec !== 'h264') return `is ${video.codec}, not H.264`
  if (video.width !== width || video.height !== height) {
    return `is ${video.width}×${video.height}, not ${width}×${height}`
  }
  const heard = heardIn(streams).filter(({ codec }) => codec === 'aac').length
  return heard === tracks ? null : `has ${heard} AAC tracks of sound, not ${tracks}`
}

function wrong({ jobId }: Conversion, what: string): MirrorError {
  return new MirrorError('mediaconvert_failed', `Job ${jobId}: ${what}`)
}

function bucketOf({ host }: MediaWorkshop): string {
  return host.conversion?.converter.bucket ?? ''
}

function madeKey(
  { tenantId, id }: { readonly tenantId: string; readonly id: string },
  token: string,
  rung: Rung,
): ObjectKey {
  const key = parseObjectKey(`${assetConversionKey(tenantId, id, token)}${madeName(rung)}`)
  if (key === null) throw new RangeError(`not a key for ${rung.name}`)
  return key
}

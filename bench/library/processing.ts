// How fast content becomes ready, against the same libraries and tools run by hand.
import { execFile } from 'node:child_process'
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import sharp from 'sharp'
import type { MirrorProcess } from '../../test/support/mirror-process.ts'
import { Durations, type Percentiles } from '../figures.ts'
import { atOnce, LibraryClient } from './library-client.ts'

const run = promisify(execFile)

export interface ImageCost {
  readonly images: number
  readonly megapixels: number
  readonly perSec: number
  /** sharp by hand: the same renditions, one picture after the other. */
  readonly baselinePerSec: number
  readonly ratio: number
  /** From the end of an upload until the asset is ready. */
  readonly readyMs: Percentiles | null
  readonly apiMs: Percentiles | null
}

const UPLOADS_AT_ONCE = 10
const LONGEST_SIDE = 2560

/** Uploads pictures as fast as they are taken, and waits until all are ready. */
export async function measureImages(
  mirror: MirrorProcess,
  folder: string,
  { images, width, height }: { readonly images: number; readonly width: number; readonly height: number },
  signal: AbortSignal,
): Promise<ImageCost> {
  const from = join(folder, 'pictures')
  await mkdir(from)
  const paths: string[] = []
  for (let n = 0; n < images; n += 1) paths.push(await writePicture(join(from, `picture-${n}.jpg`), width, height, n))

  const byHand = Math.max(2, Math.ceil(images / 5))
  const handFromMs = performance.now()
  for (const path of paths.slice(0, byHand)) await renderByHand(path)
  const baselinePerSec = (byHand * 1000) / (performance.now() - handFromMs)

  const client = new LibraryClient(mirror, signal)
  const ready = new Durations()
  const fromMs = performance.now()
  const apiMs = await client.beside(async () => {
    const waiting: Promise<void>[] = []
    await atOnce(paths, UPLOADS_AT_ONCE, async (path) => {
      const asset = await client.upload(path)
      const uploadedMs = performance.now()
      waiting.push(client.ready(asset).then(() => ready.record(performance.now() - uploadedMs)))
    })
    await Promise.all(waiting)
  })
  const perSec = (images * 1000) / (performance.now() - fromMs)
  await rm(from, { recursive: true })
  const megapixels = (width * height) / 1e6
  return {
    images,
    megapixels,
    perSec,
    baselinePerSec,
    ratio: perSec / baselinePerSec,
    readyMs: ready.percentiles(),
    apiMs,
  }
}

/** Noise over a gradient: neither a plain area nor something that no encoder could press. */
async function writePicture(path: string, width: number, height: number, seed: number): Promise<string> {
  const noise = { type: 'gaussian', mean: 90 + (seed % 60), sigma: 25 } as const
  const small = {
    width: Math.ceil(width / 8),
    height: Math.ceil(height / 8),
    channels: 3,
    background: '#456',
    noise,
  } as const
  const grain = await sharp({ create: small }).png().toBuffer()
  await sharp(grain).resize(width, height, { fit: 'fill' }).jpeg({ quality: 90 }).toFile(path)
  return path
}

async function renderByHand(path: string): Promise<void> {
  const within = (side: number, height = side) =>
    sharp(path).autoOrient().resize(side, height, { fit: 'inside', withoutEnlargement: true })
  await sharp(path).metadata()
  await within(32).raw().toBuffer()
  await within(150).jpeg({ quality: 85 }).toBuffer()
  await within(800, 600).jpeg({ quality: 85 }).toBuffer()
  await within(LONGEST_SIDE).webp({ quality: 80 }).toBuffer()
  await within(LONGEST_SIDE).avif({ quality: 55, effort: 0 }).toBuffer()
}

export interface VideoCost {
  readonly mediaSec: number
  readonly seconds: number
  /** Seconds of media per second. */
  readonly factor: number
  /** ffmpeg by hand: both sizes from one decoder, without thumbnails, ladder and checks. */
  readonly baselineFactor: number
  readonly ratio: number
}

/** One video of 1080p from its upload until it is ready. */
export async function measureVideo(
  mirror: MirrorProcess,
  folder: string,
  mediaSec: number,
  signal: AbortSignal,
): Promise<VideoCost> {
  const path = join(folder, 'video.mp4')
  const inputs = ['-f', 'lavfi', '-i', 'testsrc2=s=1920x1080:r=30', '-f', 'lavfi', '-i', 'sine=f=440:r=48000']
  const codecs = ['-c:v', 'libx264', '-preset', 'veryfast', '-b:v', '6M', '-pix_fmt', 'yuv420p', '-c:a', 'aac']
  await ffmpeg([...inputs, '-t', String(mediaSec), ...codecs, path], signal)

  const out = (name: string) => join(folder, name)
  const size = (label: string, rate: string, name: string) => [
    ...['-map', label, '-map', '0:a', '-c:v', 'libx264', '-preset', 'veryfast', '-b:v', rate, '-c:a', 'aac'],
    ...['-g', '60', '-movflags', '+faststart', out(name)],
  ]
  const handFromMs = performance.now()
  const graph = '[0:v]split[a][b];[a]scale=1280:720[x];[b]scale=854:480[y]'
  const both = [...size('[x]', '2700k', 'hand-720.mp4'), ...size('[y]', '1350k', 'hand-480.mp4')]
  await ffmpeg(['-i', path, '-filter_complex', graph, ...both], signal)
  const handMs = performance.now() - handFromMs

  const client = new LibraryClient(mirror, signal)
  const fromMs = performance.now()
  await client.ready(await client.upload(path))
  const tookMs = performance.now() - fromMs
  return {
    ...{ mediaSec, seconds: tookMs / 1000, factor: (mediaSec * 1000) / tookMs },
    ...{ baselineFactor: (mediaSec * 1000) / handMs, ratio: handMs / tookMs },
  }
}

async function ffmpeg(args: readonly string[], signal: AbortSignal): Promise<void> {
  await run('ffmpeg', ['-hide_banner', '-loglevel', 'error', '-nostdin', '-y', ...args], { signal })
}

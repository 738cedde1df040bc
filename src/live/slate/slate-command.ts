// The command line of ffmpeg that makes a slate of a picture or clip, once. Pure.
import { toNumber } from '../../core/rational.ts'
import { MAX_SLATE_SEC, type SlateAudio, type SlateKind, type SlateProfile, type SlateVideo } from './slate-profile.ts'

/** ffmpeg's readers by kind: what was uploaded must not be taken for a playlist that names other files. */
const READERS: Readonly<Record<SlateKind, string>> = { png: 'png_pipe', jpeg: 'jpeg_pipe', mp4: 'mov' }

export interface SlateFile {
  readonly path: string
  readonly kind: SlateKind
  /** Of a clip; 0 for a picture. */
  readonly durationSec: number
  readonly hasAudio: boolean
}

/** Whole groups of pictures: one for a picture, as many as the clip fills for a clip. */
export function loopFrames(file: SlateFile, { frameRate, gopFrames }: SlateVideo): number {
  const frames = Math.min(file.durationSec, MAX_SLATE_SEC) * toNumber(frameRate)
  return Math.max(1, Math.floor(frames / gopFrames)) * gopFrames
}

export function readArgs(kind: SlateKind, path: string): string[] {
  return ['-protocol_whitelist', 'file', '-f', READERS[kind], '-i', `file:${path}`]
}

export function slateArgs(file: SlateFile, profile: SlateProfile): string[] {
  const video = profile.find((track) => track.kind === 'video')
  const audio = profile.filter((track) => track.kind === 'audio')
  const loopSec =
    video === undefined ? Math.max(2, file.durationSec) : loopFrames(file, video) / toNumber(video.frameRate)
  const isClip = file.kind === 'mp4'
  return [
    ...['-nostdin', '-hide_banner', '-loglevel', 'error', '-threads', '1'],
    // A clip that is shorter than a group of pictures begins again; a picture stands.
    ...(isClip ? ['-stream_loop', '-1'] : ['-loop', '1']),
    ...readArgs(file.kind, file.path),
    ...audio.flatMap(silence),
    ...(video === undefined ? [] : ['-map', '0:v:0', ...videoArgs(video, loopFrames(file, video))]),
    ...audio.flatMap((track, index) => {
      const source = index === 0 && file.hasAudio ? '0:a:0' : `${index + 1}:a:0`
      return ['-map', source, ...audioArgs(track, index)]
    }),
    ...['-t', loopSec.toFixed(6), '-map_metadata', '-1'],
    ...['-f', 'mp4', '-movflags', 'empty_moov+default_base_moof+frag_keyframe', '-use_editlist', '0', 'pipe:1'],
  ]
}

function silence({ sampleRateHz, channels }: SlateAudio): string[] {
  const layout = channels === 1 ? 'mono' : channels === 2 ? 'stereo' : channels === 6 ? '5.1' : `${channels}c`
  return ['-f', 'lavfi', '-i', `anullsrc=r=${sampleRateHz}:cl=${layout}`]
}

function videoArgs(video: SlateVideo, frames: number): string[] {
  const { widthPx, heightPx, pixelAspect, frameRate, gopFrames, codec } = video
  const aspect = `${pixelAspect.num}/${pixelAspect.den}`
  // The picture keeps its shape on the screen: it is fitted as viewers see it, in square pixels, and then squeezed.
  const shownWidth = Math.round((widthPx * pixelAspect.num) / pixelAspect.den / 2) * 2
  const filters = [
    `fps=${frameRate.num}/${frameRate.den}`,
    'scale=trunc(iw*sar/2)*2:trunc(ih/2)*2,setsar=1',
    `scale=${shownWidth}:${heightPx}:force_original_aspect_ratio=decrease`,
    `pad=${shownWidth}:${heightPx}:(ow-iw)/2:(oh-ih)/2`,
    `scale=${widthPx}:${heightPx}`,
    `setsar=${aspect}`,
    'format=yuv420p',
  ]
  const gop = String(gopFrames)
  return ['-vf', filters.join(','), '-frames:v', String(frames), ...ENCODERS[codec](gop), '-bf', '0']
}

const ENCODERS: Readonly<Record<SlateVideo['codec'], (gop: string) => readonly string[]>> = {
  h264: (gop) => [
    ...['-c:v', 'libx264', '-preset', 'medium', '-crf', '23', '-maxrate', '4M', '-bufsize', '8M'],
    ...['-g', gop, '-keyint_min', gop, '-sc_threshold', '0'],
  ],
  hevc: (gop) => [
    ...['-c:v', 'libx265', '-preset', 'fast', '-crf', '26', '-tag:v', 'hvc1'],
    ...['-x265-params', `log-level=error:keyint=${gop}:min-keyint=${gop}:scenecut=0:bframes=0:open-gop=0:pools=1`],
  ],
  av1: (gop) => ['-c:v', 'libaom-av1', '-cpu-used', '8', '-crf', '35', '-b:v', '0', '-g', gop, '-keyint_min', gop],
}

function audioArgs({ codec, sampleRateHz, channels }: SlateAudio, index: number): string[] {
  const coding = codec === 'aac' ? ['aac', '64k'] : ['libopus', '64k']
  return [
    ...[`-c:a:${index}`, coding[0] ?? '', `-b:a:${index}`, coding[1] ?? ''],
    ...[`-ar:a:${index}`, String(sampleRateHz), `-ac:a:${index}`, String(channels)],
  ]
}

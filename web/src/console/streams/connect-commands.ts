// Ready-to-paste commands. One line each and in double quotes, so that bash, zsh, PowerShell and cmd all take them.
import type { StreamView } from '../../../../src/api/stream-contract.ts'

export type Ingest = NonNullable<StreamView['ingest']>

export interface Command {
  readonly label: string
  readonly command: string
}

/** Keyframes exactly where segments are cut, at any frame rate. */
function encode(segmentSec: number, codecs: string): string {
  return `${codecs} -force_key_frames "expr:gte(t,n_forced*${segmentSec})"`
}

const H264 = '-c:v libx264 -preset veryfast -tune zerolatency -pix_fmt yuv420p -b:v 4M -c:a aac -b:a 160k -ar 48000'
const HEVC = '-c:v libx265 -preset veryfast -tag:v hvc1 -x265-params bframes=0 -b:v 3M -c:a aac -b:a 160k -ar 48000'
const FILE = 'ffmpeg -re -stream_loop -1 -i video.mp4'
const ONCE = 'ffmpeg -re -i video.mp4'

export function srtCommands(srt: string, segmentSec: number): readonly Command[] {
  return [
    {
      label: 'Send a file as it is (H.264 or HEVC with AAC), in a loop',
      command: `${FILE} -c copy -f mpegts "${srt}"`,
    },
    { label: 'Encode to H.264', command: `${ONCE} ${encode(segmentSec, H264)} -f mpegts "${srt}"` },
    { label: 'Encode to HEVC', command: `${ONCE} ${encode(segmentSec, HEVC)} -f mpegts "${srt}"` },
  ]
}

export function rtmpCommands(rtmp: string, segmentSec: number): readonly Command[] {
  return [
    { label: 'Send a file as it is (H.264 with AAC), in a loop', command: `${FILE} -c copy -f flv "${rtmp}"` },
    { label: 'Encode to H.264', command: `${ONCE} ${encode(segmentSec, H264)} -f flv "${rtmp}"` },
  ]
}

export function cmafCommands(cmaf: string, segmentSec: number): readonly Command[] {
  // One frame per fragment. frag_every_frame loses timestamps of audio that begins before zero, as AAC does (ffmpeg 5.1).
  const mux = '-f mp4 -movflags +cmaf+delay_moov -frag_duration 1'
  return [
    { label: 'Send a file as it is (H.264 or HEVC with AAC), in a loop', command: `${FILE} -c copy ${mux} "${cmaf}"` },
    { label: 'Encode to H.264', command: `${ONCE} ${encode(segmentSec, H264)} ${mux} "${cmaf}"` },
    { label: 'Encode to HEVC', command: `${ONCE} ${encode(segmentSec, HEVC)} ${mux} "${cmaf}"` },
  ]
}

export function iframeSnippet(watchUrl: string): string {
  return `<iframe src="${watchUrl}?embed=1" width="640" height="360" allow="autoplay; fullscreen; picture-in-picture" allowfullscreen style="border:0"></iframe>`
}

const MASK = '••••••••'

/** The same text with the key hidden: for showing, never for copying. */
export function maskKey(text: string, key: string | null): string {
  return key === null || key === '' ? text : text.replaceAll(key, MASK)
}

/** Seconds of a duration setting such as "2s" or "400ms". */
export function secondsOf(duration: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(duration)
  if (match === null) return 2
  const factor = { ms: 0.001, s: 1, m: 60, h: 3600, d: 86_400 }[match[2] as 'ms' | 's' | 'm' | 'h' | 'd']
  return Number(match[1]) * factor
}

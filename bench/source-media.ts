// The media that is published: eight seconds that loop without a seam (240 video frames at 30 fps, 375 AAC frames at
// 48 kHz), made once for each bit rate and kept.
import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdir, rename, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)
const FOLDER = join(tmpdir(), 'mirror-bench')
/** Part of the file name: a change of the recipe must not find the old files. */
const RECIPE = 1
const ENCODE_TIMEOUT_MS = 120_000

export const LOOP_SEC = 8
export const FRAMES_PER_SEC = 30
export const GOP_SEC = 2

/** One frame per fragment, as the console recommends to encoders. */
export const CMAF_OUTPUT = ['-movflags', '+cmaf+delay_moov', '-frag_duration', '1', '-f', 'mp4'] as const

/** Path of a CMAF file with a CBR video track and an audio track, without edit lists. */
export async function sourceFile(mbit: number, signal: AbortSignal): Promise<string> {
  const path = join(FOLDER, `source-${RECIPE}-${mbit}mbit.mp4`)
  if (await exists(path)) return path
  await mkdir(FOLDER, { recursive: true })
  const draft = join(FOLDER, `${randomUUID()}.mp4`)
  const size = mbit < 3 ? '640x360' : mbit < 20 ? '1280x720' : '1920x1080'
  const gop = String(GOP_SEC * FRAMES_PER_SEC)
  const rate = `${mbit}M`
  // Noise gives the encoder enough to spend; filler makes up the rest of a constant bit rate.
  const video = `testsrc2=s=${size}:r=${FRAMES_PER_SEC},noise=alls=30:allf=t`
  const args = ['-hide_banner', '-loglevel', 'error', '-nostdin', '-y', '-f', 'lavfi', '-i', video]
  args.push('-f', 'lavfi', '-i', 'sine=f=440:r=48000', '-t', String(LOOP_SEC))
  args.push('-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p', '-bf', '0')
  args.push('-g', gop, '-keyint_min', gop, '-sc_threshold', '0')
  args.push('-b:v', rate, '-minrate', rate, '-maxrate', rate, '-bufsize', rate)
  args.push('-x264-params', 'nal-hrd=cbr:force-cfr=1', '-c:a', 'aac', '-b:a', '128k', '-use_editlist', '0')
  await run('ffmpeg', [...args, ...CMAF_OUTPUT, draft], { timeout: ENCODE_TIMEOUT_MS, signal })
  await rename(draft, path)
  return path
}

async function exists(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    () => false,
  )
}

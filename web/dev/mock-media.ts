// A looping file dressed up as a live stream: good enough for a moving picture, a window with a gap, and a player page.
import { spawn } from 'node:child_process'
import { mkdtemp, readdir, readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const SEGMENT_SEC = 2
const LOOP_SEGMENTS = 30
const LISTED = 15

const REWOUND = 2 * 1800

interface Shown {
  readonly hasGap: boolean
  readonly isRecorded: boolean
}

export interface MockMedia {
  readonly multivariant: string
  mediaPlaylist(nowMs: number, what: Shown): string
  file(name: string): Buffer | null
}

export async function openMockMedia(): Promise<MockMedia> {
  const dir = await mkdtemp(join(tmpdir(), 'mirror-mock-'))
  await run('ffmpeg', [
    ...'-hide_banner -loglevel error -y -f lavfi -i testsrc2=size=1280x720:rate=25 -f lavfi -i sine=frequency=440'.split(' '),
    ...'-t 60 -c:v libx264 -preset ultrafast -pix_fmt yuv420p -b:v 1500k -g 50 -keyint_min 50 -sc_threshold 0'.split(' '),
    ...'-c:a aac -ac 2 -f hls -hls_time 2 -hls_playlist_type vod -hls_segment_type fmp4'.split(' '),
    ...['-hls_segment_filename', join(dir, 's%d.m4s'), join(dir, 'index.m3u8')],
  ])
  const files = new Map<string, Buffer>()
  for (const name of await readdir(dir)) files.set(name, await readFile(join(dir, name)))
  return {
    multivariant:
      '#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1800000,CODECS="avc1.640020,mp4a.40.2",RESOLUTION=1280x720\nv0/playlist.m3u8\n',
    mediaPlaylist: renderPlaylist,
    file: (name) => files.get(name) ?? null,
  }
}

function renderPlaylist(nowMs: number, { hasGap, isRecorded }: Shown): string {
  const end = Math.floor(nowMs / 1000 / SEGMENT_SEC)
  const start = end - (isRecorded ? REWOUND : LISTED)
  const lines = [
    '#EXTM3U',
    '#EXT-X-VERSION:7',
    `#EXT-X-TARGETDURATION:${SEGMENT_SEC}`,
    `#EXT-X-MEDIA-SEQUENCE:${start}`,
    `#EXT-X-DISCONTINUITY-SEQUENCE:${Math.ceil(start / LOOP_SEGMENTS)}`,
    '#EXT-X-MAP:URI="init.mp4"',
  ]
  for (let msn = start; msn < end; msn += 1) {
    const index = msn % LOOP_SEGMENTS
    if (index === 0 && msn > start) lines.push('#EXT-X-DISCONTINUITY')
    const isOutage = end - msn > 1500 && end - msn < 1620
    if (hasGap && (isRecorded ? isOutage : index === 7 || index === 8 || index === 22)) lines.push('#EXT-X-GAP')
    lines.push(`#EXT-X-PROGRAM-DATE-TIME:${new Date(msn * SEGMENT_SEC * 1000).toISOString()}`)
    lines.push(`#EXTINF:${SEGMENT_SEC}.0,`, `s${index}.m4s`)
  }
  return `${lines.join('\n')}\n`
}

function run(command: string, args: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'inherit'] })
    child.on('error', reject)
    child.on('exit', (code) => (code === 0 ? resolve() : reject(new Error(`${command} ended with ${code}`))))
  })
}

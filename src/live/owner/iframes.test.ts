// I-frame playlists of a stream, judged by ffmpeg: what a byte range holds is one picture, and it is a keyframe.
import { execFile } from 'node:child_process'
import { rm } from 'node:fs/promises'
import { promisify } from 'node:util'
import { beforeAll, expect, test } from 'vitest'
import { writeFixture } from '../../../test/support/fixtures.ts'
import { flv, Stage, type TimedBytes } from './live-stage.test-support.ts'

const run = promisify(execFile)
let tags: readonly TimedBytes[]

beforeAll(async () => {
  tags = await flv({ seconds: 12 })
}, 60_000)

async function pictures(bytes: Uint8Array): Promise<{ types: string[]; complaints: string }> {
  const file = await writeFixture(bytes, 'iframe.mp4')
  const entries = ['-select_streams', 'v:0', '-show_entries', 'frame=pict_type', '-of', 'csv=p=0']
  const { stdout, stderr } = await run('ffprobe', ['-v', 'error', ...entries, file])
  await rm(file)
  return { types: stdout.split('\n').flatMap((line) => line.match(/^[A-Z]/g) ?? []), complaints: stderr }
}

test('every range of an I-frame playlist is one keyframe with its initialization, and its numbers are those of the track', async () => {
  const stage = new Stage()
  const input = stage.open('flv')
  await stage.feed(input, tags)
  const track = stage.shelf.track('v0')!
  const text = Buffer.from(track.iFrames!.full.plain).toString()
  const init = track.inits.get(/#EXT-X-MAP:URI="([^"]+)"/.exec(text)![1]!)!
  const listed = [...text.matchAll(/#EXT-X-BYTERANGE:(\d+)@0\n(\d+\.m4s)/g)]
  expect(listed.map(([, , name]) => name)).toEqual(stage.segments('v0').map(({ msn }) => `${msn}.m4s`))
  for (const [, length, name] of listed) {
    const segment = stage.media('v0', name!)!
    const { types } = await pictures(Buffer.concat([init, segment.subarray(0, Number(length))]))
    expect(types).toEqual(['I'])
    // One byte less and the picture is not whole: the range is exact.
    const cut = await pictures(Buffer.concat([init, segment.subarray(0, Number(length) - 1)]))
    expect(cut.types.length === 0 || cut.complaints !== '').toBe(true)
  }
  const dates = (of: string) => of.split('\n').filter((line) => line.startsWith('#EXT-X-PROGRAM'))
  const own = dates(text)
  expect(own).toEqual(dates(stage.text('v0')).slice(0, own.length))
  expect(stage.multivariant().variants.filter(({ isIFrameOnly }) => isIFrameOnly)).toMatchObject([
    { uri: 'v0/iframes.m3u8', resolution: { width: 160 } },
  ])
})

import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { MediaBench, type Processed } from './media-steps.test-support.ts'
import { readCues } from './read-cues.ts'

let bench: MediaBench

beforeAll(async () => {
  bench = await MediaBench.open()
})
afterAll(() => bench?.[Symbol.asyncDispose]())

const names = ({ renditions }: Processed) => renditions.map(({ name }) => name)

/** A video of a second that has these cues. */
async function spoken(name: string, cues: readonly string[]): Promise<string> {
  const path = join(bench.folder, `${name}.srt`)
  await writeFile(path, cues.map((cue, index) => `${index + 1}\n${cue}\n`).join('\n'))
  const video = ['-f', 'lavfi', '-i', 'testsrc=s=64x48:d=1:r=5', '-i', path, '-map', '0', '-map', '1']
  return await bench.made(`${name}.mkv`, [...video, '-preset', 'ultrafast', '-pix_fmt', 'yuv420p', '-c:s', 'srt'])
}

const at = (ms: number) => `00:00:00,${String(ms).padStart(3, '0')}`

test('more cues than anybody says are a file, but not in the player, and the video is shown', async () => {
  const cues = Array.from({ length: 50_001 }, (_, index) => `${at(index % 900)} --> ${at(950)}\n${index}`)
  const done = await bench.process(await spoken('many', cues))
  expect(done.facts['subtitleProblem']).toBe('Subtitles of more than 50000 cues are not shown')
  expect(names(done)).toEqual(expect.arrayContaining(['subtitles-und', 'hls']))
  expect((await bench.keys(done)).filter((key) => key.includes('/s0/'))).toEqual([])
  expect((await bench.keys(done)).filter((key) => key.includes('/v0/'))).not.toEqual([])
})

test('subtitles of many MiB are not made, and the video is shown', async () => {
  const letters = 'a'.repeat(4000)
  const cues = Array.from({ length: 4500 }, (_, index) => `${at(index % 900)} --> ${at(950)}\n${index} ${letters}`)
  const done = await bench.process(await spoken('long', cues))
  expect(done.facts['subtitleProblem']).toBe('ffmpeg wrote a file of more than 16777216 bytes')
  expect(done.facts['subtitles']).toEqual([])
  expect(names(done)).toContain('hls')
})

test('cues are read by their beginnings, and only when all of them are a few MiB', async () => {
  const path = join(bench.folder, 'cues.vtt')
  const cue = (sec: number, text: string) => `00:0${sec}.000 --> 00:09.000\n${text}\n\n`
  await writeFile(path, `WEBVTT\n\n${cue(3, 'later')}${cue(1, 'first')}`)
  expect((await readCues(path)).map(({ text }) => text)).toEqual(['first', 'later'])
  await writeFile(path, `WEBVTT\n\n${cue(1, 'a'.repeat(4000)).repeat(2100)}`)
  await expect(readCues(path)).rejects.toMatchObject({ message: 'Subtitles of more than 8 MiB are not shown' })
})

import fc from 'fast-check'
import { beforeAll, expect, test } from 'vitest'
import { DemuxRecorder } from '../../../test/support/demux-recorder.ts'
import { makeFixture, testInputs } from '../../../test/support/fixtures.ts'
import { FlvDemuxer } from '../../media/flv/flv-demuxer.ts'
import { Fmp4Demuxer } from '../../media/fmp4/demuxer.ts'
import type { Demuxer, DemuxSink, InputSample } from '../../media/samples.ts'
import { ResumeContext } from './resume-context.ts'

const CODECS = ['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p', '-g', '12', '-c:a', 'aac']
const FRAGMENTED = '+empty_moov+default_base_moof+separate_moof'

let fmp4: Uint8Array
let flvTags: readonly Uint8Array[]

beforeAll(async () => {
  const inputs = testInputs({ seconds: 3, size: '160x90', rate: '25' })
  fmp4 = await makeFixture(
    [...inputs, ...CODECS, '-movflags', FRAGMENTED, '-frag_duration', '300000', '-f', 'mp4'],
    'resume.mp4',
  )
  flvTags = tagsOf(await makeFixture([...inputs, ...CODECS, '-f', 'flv'], 'resume.flv'))
}, 60_000)

function tagsOf(bytes: Uint8Array): readonly Uint8Array[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const tags: Uint8Array[] = []
  for (let at = 13; at + 11 < bytes.length; ) {
    const end = at + 11 + (view.getUint32(at) & 0xffffff) + 4
    tags.push(bytes.slice(at, end))
    at = end
  }
  return tags
}

function nameOf({ trackId, dts, data }: InputSample): string {
  return `${trackId} ${dts} ${Buffer.from(data).toString('base64')}`
}

function whole(create: (sink: DemuxSink) => Demuxer, chunks: readonly Uint8Array[]): DemuxRecorder {
  const recorder = new DemuxRecorder()
  const demuxer = create(recorder)
  for (const chunk of chunks) demuxer.push(chunk.slice())
  return recorder
}

/** What a second demuxer finds that takes over after so many chunks. */
function resumed(
  create: (sink: DemuxSink) => Demuxer,
  container: 'fmp4' | 'flv',
  chunks: readonly Uint8Array[],
  takeOverAt: number,
): DemuxRecorder {
  const context = new ResumeContext(container)
  for (const chunk of chunks.slice(0, takeOverAt)) context.note(chunk)
  const recorder = new DemuxRecorder()
  const demuxer = create(recorder)
  const header = context.restart()
  if (header !== null) demuxer.push(header)
  for (const chunk of chunks.slice(takeOverAt)) demuxer.push(chunk.slice())
  demuxer.end()
  return recorder
}

function cut(bytes: Uint8Array, cuts: readonly number[]): readonly Uint8Array[] {
  const sorted = [...new Set([0, ...cuts.map((each) => each % bytes.length), bytes.length])].toSorted((a, b) => a - b)
  return sorted.slice(1).map((end, index) => bytes.slice(sorted[index], end))
}

test('fMP4 cut anywhere: a new demuxer finds every fragment that begins after the takeover, and nothing wrong', () => {
  const create = (sink: DemuxSink) => new Fmp4Demuxer(sink)
  const all = whole(create, [fmp4]).samples.map(nameOf)
  fc.assert(
    fc.property(fc.array(fc.nat(), { minLength: 1, maxLength: 40 }), fc.nat(), (cuts, seed) => {
      const chunks = cut(fmp4, cuts)
      const takeOverAt = seed % chunks.length
      const found = resumed(create, 'fmp4', chunks, takeOverAt).samples.map(nameOf)
      expect(found).toEqual(all.slice(all.length - found.length))
      // No more than the fragment under way, of each track, is lost.
      const takenAt = chunks.slice(0, takeOverAt).reduce((sum, chunk) => sum + chunk.length, 0)
      const nextMoof = Buffer.from(fmp4).indexOf('moof', takenAt + 4)
      const expected = whole(create, [headerOf(fmp4), fmp4.slice(nextMoof < 0 ? fmp4.length : nextMoof - 4)])
      expect(found.length).toBeGreaterThanOrEqual(takenAt === 0 ? all.length : expected.samples.length)
    }),
    { numRuns: 300 },
  )
})

test('fMP4 taken over at each byte of its header', () => {
  const create = (sink: DemuxSink) => new Fmp4Demuxer(sink)
  const all = whole(create, [fmp4]).samples.map(nameOf)
  for (let at = 1; at < headerOf(fmp4).length; at += 7) {
    expect(resumed(create, 'fmp4', cut(fmp4, [at]), 1).samples.map(nameOf)).toEqual(all)
  }
})

test('fMP4 without a header: the new demuxer is aligned and names what is missing', () => {
  const create = (sink: DemuxSink) => new Fmp4Demuxer(sink)
  const fragments = fmp4.slice(headerOf(fmp4).length)
  // The cut lies in the first mdat: the next box is a moof.
  const inMediaData = Buffer.from(fragments).indexOf('mdat') + 20
  expect(() => resumed(create, 'fmp4', cut(fragments, [inMediaData]), 1)).toThrow(
    expect.objectContaining({ code: 'ingest_init_missing' }),
  )
})

test('the box that covers what is left never exceeds the limit that the original kept', () => {
  const create = (sink: DemuxSink) => new Fmp4Demuxer(sink, { maxBoxBytes: largestBox(fmp4) })
  for (let at = headerOf(fmp4).length; at < fmp4.length; at += 501) {
    expect(() => resumed(create, 'fmp4', cut(fmp4, [at]), 1)).not.toThrow()
  }
})

test('FLV: a new demuxer knows the tracks and finds everything from the takeover on', () => {
  const create = (sink: DemuxSink) => new FlvDemuxer(sink)
  const all = whole(create, flvTags)
  fc.assert(
    fc.property(fc.nat(), fc.integer({ min: 1, max: 9 }), (seed, tagsPerChunk) => {
      const chunks = Array.from({ length: Math.ceil(flvTags.length / tagsPerChunk) }, (_, index) =>
        Uint8Array.from(Buffer.concat(flvTags.slice(index * tagsPerChunk, (index + 1) * tagsPerChunk))),
      )
      const takeOverAt = seed % chunks.length
      const found = resumed(create, 'flv', chunks, takeOverAt)
      const rest = tagsIn(chunks.slice(takeOverAt))
      const audioFrames = rest.filter((tag) => tag[0] === 8 && tag[12] === 1)
      expect(found.of('a0')).toHaveLength(audioFrames.length)
      for (const id of ['v0', 'a0']) {
        const names = found.of(id).map(nameOf)
        const allNames = all.of(id).map(nameOf)
        expect(names).toEqual(allNames.slice(allNames.length - names.length))
        expect(found.config(id)).toEqual(all.config(id))
      }
      const hasKeyframe = rest.some((tag) => tag[0] === 9 && (tag[11] ?? 0) >> 4 === 1 && tag[12] === 1)
      if (hasKeyframe) expect(found.of('v0')[0]?.isKeyframe).toBe(true)
    }),
    { numRuns: 60 },
  )
})

test('the newest FLV sequence header counts, per track of an E-RTMP multitrack, too', () => {
  const context = new ResumeContext('flv')
  const sequenceStart = (trackIndex: number, content: number) =>
    flvTag(8, [0x95, 0x00, ...Buffer.from('mp4a'), trackIndex, content])
  for (const tag of [sequenceStart(0, 1), sequenceStart(1, 2), sequenceStart(1, 3)]) context.note(tag)
  context.note(flvTag(8, [0x95, 0x01, ...Buffer.from('mp4a'), 1, 9]))
  expect(Buffer.from(context.restart() ?? [])).toEqual(Buffer.concat([sequenceStart(0, 1), sequenceStart(1, 3)]))
})

test('endless new headers are not collected', () => {
  const context = new ResumeContext('flv')
  for (let trackIndex = 0; trackIndex < 256; trackIndex++) {
    context.note(flvTag(8, [0x95, 0x00, ...Buffer.from('mp4a'), trackIndex, ...new Uint8Array(100)]))
  }
  expect(context.restart()!.length).toBeLessThan(64 * 200)
})

test('MPEG-TS needs nothing', () => {
  const context = new ResumeContext('ts')
  context.note(new Uint8Array(188).fill(0x47))
  expect(context.restart()).toBeNull()
})

function flvTag(type: number, body: readonly number[]): Uint8Array {
  const tag = new Uint8Array(11 + body.length + 4)
  const view = new DataView(tag.buffer)
  view.setUint32(0, body.length)
  view.setUint8(0, type)
  tag.set(body, 11)
  view.setUint32(11 + body.length, 11 + body.length)
  return tag
}

function tagsIn(chunks: readonly Uint8Array[]): readonly Uint8Array[] {
  return tagsOf(Uint8Array.from(Buffer.concat([new Uint8Array(13), ...chunks])))
}

function headerOf(bytes: Uint8Array): Uint8Array {
  return bytes.slice(0, Buffer.from(bytes).indexOf('moof') - 4)
}

function largestBox(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  let largest = 0
  for (let at = 0; at + 8 <= bytes.length; at += view.getUint32(at)) largest = Math.max(largest, view.getUint32(at))
  return largest
}

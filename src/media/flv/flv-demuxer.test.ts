import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { type DemuxRecorder, demuxInChunks } from '../../../test/support/demux-recorder.ts'
import { ffprobe, makeFixture, makeFixtureFile, type Probed, testInputs } from '../../../test/support/fixtures.ts'
import { readFlvTags } from '../../../test/support/rtmp-client.ts'
import { isMirrorError } from '../../core/errors.ts'
import { TsDemuxer } from '../mpegts/ts-demuxer.ts'
import type { AudioConfig, DemuxSink, VideoConfig } from '../samples.ts'
import { FlvDemuxer } from './flv-demuxer.ts'
import { FLV_AUDIO, FLV_SCRIPT, FLV_VIDEO, writeFlvTag } from './flv-tag.ts'

const create = (sink: DemuxSink) => new FlvDemuxer(sink)
const demux = (bytes: Uint8Array, chunkBytes?: readonly number[]) => demuxInChunks(create, bytes, chunkBytes)

interface Case {
  readonly name: string
  readonly args: readonly string[]
  readonly video: Partial<VideoConfig>
  readonly audio: Partial<AudioConfig>
}

const cases: readonly Case[] = [
  {
    name: 'H.264 with B-frames, AAC stereo 44.1 kHz',
    args: [
      ...testInputs({ seconds: 3, rate: '30000/1001', audioRate: 44_100 }),
      ...['-c:v', 'libx264', '-preset', 'veryfast', '-bf', '2', '-g', '30', '-pix_fmt', 'yuv420p'],
      ...['-c:a', 'aac', '-ac', '2', '-f', 'flv'],
    ],
    video: { codecString: 'avc1.64000d', frameRate: { num: 30000, den: 1001 } },
    audio: { codecString: 'mp4a.40.2', sampleRateHz: 44_100, channels: 2, samplesPerFrame: 1024 },
  },
  {
    name: 'H.264 without B-frames, AAC mono 48 kHz',
    args: [
      ...testInputs({ seconds: 2 }),
      ...['-c:v', 'libx264', '-preset', 'ultrafast', '-tune', 'zerolatency', '-g', '25', '-pix_fmt', 'yuv420p'],
      ...['-c:a', 'aac', '-ac', '1', '-f', 'flv'],
    ],
    video: { codecString: 'avc1.42c00c', frameRate: { num: 25, den: 1 } },
    audio: { sampleRateHz: 48_000, channels: 1 },
  },
]

describe.each(cases)('$name', ({ name, args, video, audio }) => {
  const file = `${name.replaceAll(/[^A-Za-z0-9]+/g, '-')}.flv`
  let bytes: Uint8Array
  let probed: Probed
  beforeAll(async () => {
    bytes = await makeFixture(args, file)
    probed = await ffprobe(await makeFixtureFile(args, file))
  }, 60_000)

  test('times, sizes, keyframes and counts are those of ffprobe', () => {
    const found = demux(bytes)
    expect(found.repairs).toEqual([])
    expect(found.known).toEqual([['v0', 'a0']])
    for (const [trackId, kind] of [['v0', 'video'] as const, ['a0', 'audio'] as const]) {
      const packets = probed.packets.filter(({ codec_type }) => codec_type === kind)
      expect(
        found.of(trackId).map((sample) => ({
          dts: sample.dts,
          pts: sample.dts + sample.cto,
          size: sample.data.length,
          isKeyframe: sample.isKeyframe,
        })),
      ).toEqual(
        packets.map(({ dts, pts, size, flags }) => ({
          dts,
          pts,
          size: Number(size),
          isKeyframe: flags.startsWith('K'),
        })),
      )
    }
  })

  test('the configuration is that of ffprobe', () => {
    const found = demux(bytes)
    expect(found.tracks.map(({ id }) => id)).toEqual(['v0', 'a0'])
    const { width, height } = probed.streams.find(({ codec_type }) => codec_type === 'video') ?? {}
    expect(found.config('v0')).toMatchObject({ ...video, widthPx: width, heightPx: height })
    expect(found.config('a0')).toMatchObject(audio)
  })

  test('any cut of the chunks yields the same', () => {
    const whole = demux(bytes, [bytes.length])
    for (const chunks of [[1], [4096], [11, 3, 15, 1], [128, 70_000]]) {
      const cut = demux(bytes, chunks)
      expect(cut.samples).toEqual(whole.samples)
      expect(cut.tracks).toEqual(whole.tracks)
    }
  })

  test('pictures before the first keyframe are left out and told of', () => {
    // One picture in the middle, as a relay that joins late sends it, before everything.
    const samples = demux(bytes).of('v0')
    const inter = [...readFlvTags(bytes)].find(
      ({ type, body }) => type === FLV_VIDEO && body[0] === 0x27 && body[1] === 1,
    )
    const headers = [...readFlvTags(bytes)].filter(
      ({ body }) => (body[0] === 0x17 || body[0] === 0xaf) && body[1] === 0,
    )
    if (inter === undefined) throw new Error('no inter frame')
    const early = [...headers, inter].map(({ type, body }) =>
      writeFlvTag(type === FLV_VIDEO ? FLV_VIDEO : FLV_AUDIO, 0, body),
    )
    const found = demux(Buffer.concat([...early, bytes.subarray(13)]))
    expect(found.keyframesAwaited).toEqual(['v0'])
    expect(found.of('v0')).toEqual(samples)
  })

  test('the file header may be missing', () => {
    const tags = demux(bytes.subarray(13))
    expect(tags.samples).toEqual(demux(bytes).samples)
  })
})

describe('Enhanced RTMP', () => {
  let hevc: DemuxRecorder
  let record: Uint8Array
  beforeAll(async () => {
    const args = [
      ...testInputs({ seconds: 1 }),
      ...['-c:v', 'libx265', '-preset', 'ultrafast', '-x265-params', 'keyint=25:log-level=none', '-pix_fmt', 'yuv420p'],
      ...['-c:a', 'libopus', '-f', 'mpegts'],
    ]
    hevc = demuxInChunks((sink) => new TsDemuxer(sink), await makeFixture(args, 'enhanced.ts'))
    record = hevc.config('v0').configRecord
  }, 60_000)

  const tagsOf = (fourCc: string, packets: (index: number) => { head: number[]; extra: number[] }) =>
    hevc.of('v0').map((sample, index) => {
      const { head, extra } = packets(index)
      return writeFlvTag(FLV_VIDEO, Math.round(sample.dts / 90), body(head, fourCc, extra, sample.data))
    })
  const start = (head: number[]) => writeFlvTag(FLV_VIDEO, 0, body(head, 'hvc1', [], record))
  /** Frame type key for the first, inter for the others. */
  const frameType = (index: number) => (index === 0 ? 0x90 : 0xa0)

  test('HEVC comes through unchanged, with and without composition offsets', () => {
    for (const packetType of [1, 3]) {
      const tags = tagsOf('hvc1', (index) => ({
        head: [frameType(index) | packetType],
        extra: packetType === 1 ? [0xff, 0xff, 0xd8] : [],
      }))
      const found = demux(Buffer.concat([start([0x90]), ...tags]))
      expect(found.config('v0')).toEqual(hevc.config('v0'))
      expect(found.of('v0').map(({ data }) => data)).toEqual(hevc.of('v0').map(({ data }) => data))
      expect(found.of('v0').map(({ isKeyframe }) => isKeyframe)).toEqual(
        hevc.of('v0').map(({ isKeyframe }) => isKeyframe),
      )
      expect(new Set(found.of('v0').map(({ cto }) => cto))).toEqual(new Set([packetType === 1 ? -40 : 0]))
      expect(found.known).toEqual([['v0']])
    }
  })

  test('modifiers are read over', () => {
    const nanoOffset = [2, 0, 1, 2] // size - 1, three bytes of nanoseconds
    const tags = tagsOf('hvc1', (index) => ({ head: [frameType(index) | 7, ...nanoOffset, 0x03], extra: [] }))
    const found = demux(Buffer.concat([start([0x90]), ...tags]))
    expect(found.of('v0')).toHaveLength(hevc.of('v0').length)
  })

  test('several tracks in one tag become several tracks, named by their numbers', () => {
    const many = (packetType: number, data: Uint8Array) =>
      Buffer.concat([
        Buffer.from([0x96, 0x10 | packetType]),
        Buffer.from('hvc1'),
        ...[0, 4].flatMap((trackId) => [Buffer.from([trackId, 0, data.length >>> 8, data.length & 0xff]), data]),
      ])
    const frame = hevc.of('v0')[0]!.data
    const found = demux(
      Buffer.concat([
        writeFlvTag(FLV_SCRIPT, 0, metadata({ videocodecid: 12 })),
        writeFlvTag(FLV_VIDEO, 0, many(0, record)),
        writeFlvTag(FLV_VIDEO, 40, many(3, frame)),
      ]),
    )
    expect(found.known).toEqual([['v0', 'v4']])
    expect(found.samples.map(({ trackId, dts, data }) => [trackId, dts, data.length])).toEqual([
      ['v0', 40, frame.length],
      ['v4', 40, frame.length],
    ])
  })

  test('Opus is announced with the duration of its packets', () => {
    const head = Buffer.concat([Buffer.from('OpusHead'), Buffer.from([1, 2, 0x38, 1, 0x80, 0xbb, 0, 0, 0, 0, 0])])
    const packets = hevc.of('a0')
    const found = demux(
      Buffer.concat([
        writeFlvTag(FLV_AUDIO, 0, body([0x90], 'Opus', [], head)),
        ...packets.map(({ data }, index) => writeFlvTag(FLV_AUDIO, index * 20, body([0x91], 'Opus', [], data))),
      ]),
    )
    expect(found.config('a0')).toMatchObject({ codec: 'opus', channels: 2, samplesPerFrame: 960, sampleRateHz: 48_000 })
    // Version 0, two channels, pre-skip 312, 48 kHz, gain 0, family 0: now big-endian.
    expect([...found.config('a0').configRecord]).toEqual([0, 2, 1, 0x38, 0, 0, 0xbb, 0x80, 0, 0, 0])
    expect(found.of('a0').map(({ data }) => data)).toEqual(packets.map(({ data }) => data))
  })

  test('AV1 of a real encoder comes through without temporal delimiters', async () => {
    const args = [
      ...['-f', 'lavfi', '-i', 'testsrc=size=320x180:rate=25:duration=1'],
      ...['-c:v', 'libsvtav1', '-preset', '12', '-pix_fmt', 'yuv420p', '-f', 'mp4'],
    ]
    const mp4 = Buffer.from(await makeFixture(args, 'av1.mp4'))
    const box = mp4.indexOf('av1C')
    const av1c = mp4.subarray(box + 4, box - 4 + mp4.readUInt32BE(box - 4))
    const frame = Buffer.from([0x12, 0, 0x0a, 1, 0])
    const found = demux(
      Buffer.concat([
        writeFlvTag(FLV_VIDEO, 0, body([0x90], 'av01', [], av1c)),
        writeFlvTag(FLV_VIDEO, 7, body([0x91], 'av01', [], frame)),
      ]),
    )
    expect(found.config('v0')).toMatchObject({
      codec: 'av1',
      widthPx: 320,
      heightPx: 180,
      codecString: expect.stringMatching(/^av01\.0\.\d\dM\.08$/),
    })
    expect(found.samples).toEqual([
      { trackId: 'v0', dts: 7, cto: 0, duration: null, isKeyframe: true, data: Uint8Array.of(0x0a, 1, 0) },
    ])
  })

  test.each([
    ['video', FLV_VIDEO, [0x90], 'vp09', 'vp09'],
    ['audio', FLV_AUDIO, [0x90], 'fLaC', 'fLaC'],
    ['legacy video', FLV_VIDEO, [0x12], '    ', 'H.263'],
    ['legacy audio', FLV_AUDIO, [0x2f], '    ', 'MP3'],
  ] as const)('an unsupported %s codec is refused by name', (_, type, head, fourCc, name) => {
    const tag = writeFlvTag(type, 0, body([...head], fourCc, [], new Uint8Array(4)))
    expect(() => demux(tag)).toThrow(name)
    expect(failure(() => demux(tag))).toBe('ingest_codec_unsupported')
  })
})

describe('tags', () => {
  const aacHeader = (timestampMs: number) => writeFlvTag(FLV_AUDIO, timestampMs, Uint8Array.of(0xaf, 0, 0x12, 0x10))
  const aacFrame = (timestampMs: number) => writeFlvTag(FLV_AUDIO, timestampMs, Uint8Array.of(0xaf, 1, 0x21, 0x10, 4))

  test('timestamps have 32 bits', () => {
    const found = demux(Buffer.concat([aacHeader(0), aacFrame(0xfedcba98), aacFrame(2 ** 32 + 5)]))
    expect(found.samples.map(({ dts }) => dts)).toEqual([0xfedcba98, 5])
  })

  test('with one kind only, the tracks are known after 500 ms, also across the wrap', () => {
    const frames = [0, 100, 499].map((ms) => aacFrame(2 ** 32 - 200 + ms))
    expect(knownWithoutEnd(Buffer.concat([aacHeader(0), ...frames]))).toEqual([])
    expect(knownWithoutEnd(Buffer.concat([aacHeader(0), ...frames, aacFrame(300)]))).toEqual([['a0']])
  })

  test('metadata that declares audio alone makes the tracks known at the first frame', () => {
    const script = writeFlvTag(FLV_SCRIPT, 0, metadata({ audiocodecid: 10 }))
    expect(knownWithoutEnd(Buffer.concat([script, aacHeader(0), aacFrame(0)]))).toEqual([['a0']])
  })

  test('a repeated sequence header is no change, another one is', () => {
    const mono = writeFlvTag(FLV_AUDIO, 50, Uint8Array.of(0xaf, 0, 0x12, 0x08))
    const found = demux(Buffer.concat([aacHeader(0), aacFrame(0), aacHeader(23), aacFrame(23), mono, aacFrame(50)]))
    expect(found.tracks.map(({ config }) => (config as AudioConfig).channels)).toEqual([2, 1])
  })

  test('an input that ends inside a tag is truncated', () => {
    expect(failure(() => demux(aacHeader(0).subarray(0, 12)))).toBe('ingest_truncated')
  })

  test('an unknown tag type is malformed', () => {
    expect(failure(() => demux(Buffer.from('GET / HTTP/1.1\r\n')))).toBe('ingest_malformed')
  })
})

describe('whatever is thrown at it', () => {
  let bytes: Uint8Array
  beforeAll(async () => {
    bytes = (await makeFixture(cases[1]!.args, 'fuzz.flv')).slice(0, 12_000)
  }, 60_000)

  test('a mutated stream fails by name or not at all, in any cut alike', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { maxLength: 20 }),
        fc.array(fc.integer({ min: 1, max: 900 }), { minLength: 1, maxLength: 5 }),
        (mutations, chunks) => {
          const mutated = bytes.slice()
          for (const [at, value] of mutations) mutated[at] = value
          expect(outcome(() => demux(mutated, chunks))).toEqual(outcome(() => demux(mutated, [mutated.length])))
        },
      ),
      { numRuns: 300 },
    )
  })

  test('random tag bodies fail by name or not at all', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.constantFrom(8, 9, 18), fc.uint8Array({ maxLength: 80 })), { maxLength: 10 }),
        (tags) => {
          outcome(() => demux(Buffer.concat(tags.map(([type, data], at) => writeFlvTag(type as 8, at * 10, data)))))
        },
      ),
      { numRuns: 2000 },
    )
  })
})

function body(head: readonly number[], fourCc: string, extra: readonly number[], data: Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.from(head), Buffer.from(fourCc), Buffer.from(extra), data])
}

/** `onMetaData` with an ECMA array of numbers. */
function metadata(properties: Readonly<Record<string, number>>): Uint8Array {
  const text = (value: string) => Buffer.concat([Buffer.from([0, value.length]), Buffer.from(value)])
  const number = (value: number) => {
    const bytes = Buffer.alloc(9)
    bytes.writeDoubleBE(value, 1)
    return bytes
  }
  return Buffer.concat([
    Buffer.from([2]),
    text('onMetaData'),
    Buffer.from([8, 0, 0, 0, 0]),
    ...Object.entries(properties).flatMap(([key, value]) => [text(key), number(value)]),
    Buffer.from([0, 0, 9]),
  ])
}

function knownWithoutEnd(bytes: Uint8Array): readonly (readonly string[])[] {
  const known: (readonly string[])[] = []
  const demuxer = new FlvDemuxer({
    onTrack() {},
    onTracksKnown: (ids) => known.push(ids),
    onSample() {},
    onRepair() {},
  })
  demuxer.push(bytes)
  return known
}

function failure(action: () => unknown): string {
  try {
    action()
  } catch (error) {
    if (isMirrorError(error)) return error.code
    throw error
  }
  return 'none'
}

function outcome(action: () => DemuxRecorder): unknown {
  try {
    const { tracks, samples, repairs, known } = action()
    return { tracks, samples, repairs, known }
  } catch (error) {
    if (!isMirrorError(error)) throw error
    return error.code
  }
}

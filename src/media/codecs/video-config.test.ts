import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ffprobe, makeFixture, makeFixtureFile } from '../../../test/support/fixtures.ts'
import { isMirrorError } from '../../core/errors.ts'
import type { VideoConfig } from '../samples.ts'
import { parseAv1ConfigRecord } from './av1-config.ts'
import { buildAvcConfigRecord, parseAvcConfigRecord, readAvcConfigRecord } from './avc-config.ts'
import { buildHevcConfigRecord, hevcCodecString, parseHevcConfigRecord, readHevcConfigRecord } from './hevc-config.ts'
import { findAnnexBNals, findSizedNals, packAccessUnit } from './nal-units.ts'
import { ParameterSets } from './parameter-sets.ts'
import { isSameConfig } from './same-config.ts'

const source = (size: string, rate = '25') => ['-f', 'lavfi', '-i', `testsrc=size=${size}:rate=${rate}:duration=0.2`]
const mp4 = ['-movflags', '+faststart', '-f', 'mp4']

/** Payload of the first box of this type, as ffmpeg wrote it. */
async function boxOf(args: readonly string[], type: string): Promise<Uint8Array> {
  const file = Buffer.from(await makeFixture(args, `${type}.mp4`))
  const at = file.indexOf(type)
  return new Uint8Array(file.subarray(at + 4, at - 4 + file.readUInt32BE(at - 4)))
}

async function probedVideo(args: readonly string[], type: string) {
  const { streams } = await ffprobe(await makeFixtureFile(args, `${type}.mp4`))
  return streams.find(({ codec_type }) => codec_type === 'video')
}

interface Case {
  readonly name: string
  readonly box: 'avcC' | 'hvcC' | 'av1C'
  readonly args: readonly string[]
  readonly expected: Partial<VideoConfig>
}

const x264 = ['-c:v', 'libx264', '-preset', 'ultrafast']
const x265 = ['-c:v', 'libx265', '-preset', 'ultrafast', '-tag:v', 'hvc1', '-x265-params']

const cases: readonly Case[] = [
  {
    name: 'cropped 1080p at 59.94',
    box: 'avcC',
    args: [...source('1920x1080', '60000/1001'), ...x264, '-pix_fmt', 'yuv420p', '-profile:v', 'main', ...mp4],
    expected: { widthPx: 1920, heightPx: 1080, frameRate: { num: 60000, den: 1001 }, pixelAspect: { num: 1, den: 1 } },
  },
  {
    name: 'interlaced 4:2:0 with an anamorphic picture',
    box: 'avcC',
    args: [
      ...source('720x576'),
      ...[...x264, '-pix_fmt', 'yuv420p', '-flags', '+ilme+ildct', '-x264-params', 'tff=1', '-vf', 'setsar=16/11'],
      ...mp4,
    ],
    expected: { widthPx: 720, heightPx: 576, pixelAspect: { num: 16, den: 11 }, frameRate: { num: 25, den: 1 } },
  },
  {
    name: '4:4:4 with odd sizes',
    box: 'avcC',
    args: [...source('321x181'), ...x264, '-pix_fmt', 'yuv444p', ...mp4],
    expected: { widthPx: 321, heightPx: 181, codecString: 'avc1.f4000d' },
  },
  {
    name: '4:2:2 with 10 bits and scaling matrices',
    box: 'avcC',
    args: [...source('320x180'), ...x264, '-pix_fmt', 'yuv422p10le', '-x264-params', 'cqm=jvt', ...mp4],
    expected: { widthPx: 320, heightPx: 180 },
  },
  {
    name: 'HEVC Main at 29.97, cropped',
    box: 'hvcC',
    args: [...source('426x238', '30000/1001'), ...x265, 'log-level=none', '-pix_fmt', 'yuv420p', ...mp4],
    expected: { widthPx: 426, heightPx: 238, frameRate: { num: 30000, den: 1001 } },
  },
  {
    name: 'HEVC 4:2:2 10 bits, scaling lists and temporal layers',
    box: 'hvcC',
    args: [
      ...source('640x360', '50'),
      ...[...x265, 'log-level=none:scaling-list=default:temporal-layers=1'],
      ...['-pix_fmt', 'yuv422p10le', ...mp4],
    ],
    expected: { widthPx: 640, heightPx: 360, frameRate: { num: 50, den: 1 } },
  },
  {
    name: 'AV1 8 bits',
    box: 'av1C',
    args: [...source('322x182'), '-c:v', 'libsvtav1', '-preset', '12', '-pix_fmt', 'yuv420p', ...mp4],
    expected: { widthPx: 322, heightPx: 182, codecString: 'av01.0.00M.08' },
  },
  {
    name: 'AV1 10 bits',
    box: 'av1C',
    args: [...source('320x180'), '-c:v', 'libaom-av1', '-cpu-used', '8', '-pix_fmt', 'yuv420p10le', ...mp4],
    expected: { widthPx: 320, heightPx: 180, codecString: 'av01.0.00M.10' },
  },
]

const parsers = { avcC: parseAvcConfigRecord, hvcC: parseHevcConfigRecord, av1C: parseAv1ConfigRecord }

test.each(cases)('$name: the record of ffmpeg is read as ffprobe reads it', async ({ box, args, expected }) => {
  const record = await boxOf(args, box)
  const config = parsers[box](record)
  expect(config).toMatchObject(expected)
  const probed = await probedVideo(args, box)
  expect(config).toMatchObject({ widthPx: probed?.width, heightPx: probed?.height })
  const aspect = probed?.sample_aspect_ratio ?? '1:1'
  expect(`${config.pixelAspect.num}:${config.pixelAspect.den}`).toBe(aspect)
  if (config.frameRate !== null) expect(`${config.frameRate.num}/${config.frameRate.den}`).toBe(probed?.avg_frame_rate)
})

test.each(cases.filter(({ box }) => box === 'avcC'))('$name: our avcC is that of ffmpeg', async ({ args, box }) => {
  const record = await boxOf(args, box)
  const { sps, pps } = readAvcConfigRecord(record)
  expect(buildAvcConfigRecord(sps, pps)).toEqual(record)
})

test.each(cases.filter(({ box }) => box === 'hvcC'))('$name: our hvcC agrees with that of ffmpeg', async ({ args }) => {
  const record = await boxOf(args, 'hvcC')
  const { vps, sps, pps } = readHevcConfigRecord(record)
  const ours = buildHevcConfigRecord(vps, sps, pps)
  // Bytes 13 to 15 hold parallelism hints that ffmpeg derives from the PPS; byte 22 counts the arrays (ffmpeg adds SEI).
  expect(ours.subarray(0, 13)).toEqual(record.subarray(0, 13))
  expect(ours.subarray(16, 22)).toEqual(record.subarray(16, 22))
  expect(isSameConfig(parseHevcConfigRecord(ours), parseHevcConfigRecord(record))).toBe(true)
})

test('random parameter sets and records fail by name or not at all', async () => {
  const real = await Promise.all(cases.map(({ args, box }) => boxOf(args, box)))
  fc.assert(
    fc.property(
      fc.constantFrom(...real),
      fc.array(fc.tuple(fc.nat(120), fc.nat(255)), { maxLength: 8 }),
      fc.nat(200),
      (record, mutations, length) => {
        const bytes = record.slice(0, length)
        for (const [at, value] of mutations) if (at > 0 && at < bytes.length) bytes[at] = value
        for (const parse of Object.values(parsers)) {
          try {
            parse(bytes)
          } catch (error) {
            if (!isMirrorError(error, 'ingest_malformed')) throw error
          }
        }
        for (const codec of ['h264', 'hevc'] as const) new ParameterSets(codec).offer([bytes, bytes.subarray(8)])
      },
    ),
    { numRuns: 2000 },
  )
})

test('an HEVC codec string is that of the standard', async () => {
  const { args } = cases[4]!
  expect(parseHevcConfigRecord(await boxOf(args, 'hvcC')).codecString).toBe('hvc1.1.6.L60.90')
  expect(parseHevcConfigRecord(await boxOf(cases[5]!.args, 'hvcC')).codecString).toEqual(
    expect.stringMatching(/^hvc1\.4\.10\.L\d+\.9D\.8$/),
  )
  const profile = { profileSpace: 1, isHighTier: true, profileIdc: 2, compatibilityFlags: 0x20000000, levelIdc: 153 }
  expect(hevcCodecString({ ...profile, constraintBytes: new Uint8Array(6) })).toBe('hvc1.A2.4.H153')
})

describe('parameter sets in the stream', () => {
  const setsOf = async (index: number) => {
    const { sps, pps } = readAvcConfigRecord(await boxOf(cases[index]!.args, 'avcC'))
    return [...sps, ...pps]
  }

  test('repeats, another order and padding change nothing', async () => {
    const nals = await setsOf(0)
    const sets = new ParameterSets('h264')
    sets.offer(nals)
    const first = sets.config
    expect(first).not.toBeNull()
    sets.offer([...nals].reverse())
    sets.offer(nals.map((nal) => Buffer.concat([nal, Buffer.alloc(3)])))
    expect(sets.config).toBe(first)
  })

  test('another SPS under the same id replaces the record, without the sets of the old sequence', async () => {
    const sets = new ParameterSets('h264')
    sets.offer(await setsOf(0))
    sets.offer(await setsOf(1))
    expect(sets.config).toMatchObject({ widthPx: 720, heightPx: 576 })
    const late = new ParameterSets('h264')
    late.offer(await setsOf(1))
    expect(sets.config).toEqual(late.config)
  })

  test('a changed PPS is a change, an additional one too, and its repeat is not', async () => {
    const [sps, pps] = await setsOf(0)
    const other = Uint8Array.of(...pps!.subarray(0, -1), (pps!.at(-1) ?? 0) ^ 0x40)
    const sets = new ParameterSets('h264')
    sets.offer([sps!, pps!])
    const first = sets.config
    sets.offer([other])
    const second = sets.config
    expect(second).not.toBe(first)
    sets.offer([sps!, other])
    expect(sets.config).toBe(second)
  })

  test('a broken set is counted and ignored', async () => {
    const nals = await setsOf(0)
    const sets = new ParameterSets('h264')
    sets.offer(nals)
    const { config } = sets
    expect(sets.offer([Uint8Array.of(0x67, 0x64, 0, 0)])).toBe(1)
    expect(sets.config).toBe(config)
  })
})

describe('access units', () => {
  test('Annex B becomes length-prefixed, without delimiters, parameter sets and filler', () => {
    // AUD, SPS (with padding), SEI, filler, IDR slice, end of sequence; 3- and 4-byte start codes.
    const stream = Uint8Array.of(
      ...[0, 0, 0, 1, 0x09, 0xf0],
      ...[0, 0, 0, 1, 0x67, 0x42, 0, 0],
      ...[0, 0, 1, 0x06, 5, 1, 0x80],
      ...[0, 0, 1, 0x0c, 0xff, 0x80],
      ...[0, 0, 1, 0x65, 0x88, 0, 0, 3, 1],
      ...[0, 0, 1, 0x0a],
    )
    const spans: number[] = []
    const unit = packAccessUnit('h264', stream, spans, findAnnexBNals(stream, 0, stream.length, spans))
    expect([...unit.data]).toEqual([0, 0, 0, 4, 0x06, 5, 1, 0x80, 0, 0, 0, 6, 0x65, 0x88, 0, 0, 3, 1])
    expect(unit.isKeyframe).toBe(true)
    expect(unit.parameterSets.map((set) => [...set])).toEqual([[0x67, 0x42]])
  })

  test.each([
    ['h264', 0x41, 0, false],
    ['h264', 0x65, 0, true],
    ['hevc', 1 << 1, 1, false],
    ['hevc', 19 << 1, 1, true],
    ['hevc', 21 << 1, 1, true],
    ['hevc', 9 << 1, 1, false],
  ] as const)('%s NAL header %i %i: keyframe %s', (codec, header, second, isKeyframe) => {
    const bytes = Uint8Array.of(0, 0, 1, header, second, 0x80)
    const spans: number[] = []
    const unit = packAccessUnit(codec, bytes, spans, findAnnexBNals(bytes, 0, bytes.length, spans))
    expect(unit).toMatchObject({ isKeyframe, hasPicture: true })
  })

  test('lengths that do not fit are noticed', () => {
    expect(findSizedNals(Uint8Array.of(0, 0, 0, 2, 1, 1), 4, [])).toBe(1)
    expect(findSizedNals(Uint8Array.of(0, 0, 0, 3, 1, 1), 4, [])).toBeNull()
    expect(findSizedNals(Uint8Array.of(0, 0, 0), 4, [])).toBeNull()
    expect(findSizedNals(Uint8Array.of(1, 7, 2, 8, 8), 1, [])).toBe(2)
  })
})

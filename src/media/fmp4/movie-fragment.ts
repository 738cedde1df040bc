// `moof`: where the samples of the next `mdat` begin and how long they are (ISO/IEC 14496-12 8.8.4–8.8.12).

import type { FramedBox } from './box-framer.ts'
import { BoxReader, type BoxSpan, childBoxes, findBox, malformed, u32 } from './boxes.ts'
import type { SampleDefaults } from './movie.ts'

/** A fragment of 10,000 frames lasts minutes; a claim beyond it is an attack or garbage. */
export const MAX_SAMPLES_PER_RUN = 10_000
const MAX_SAMPLES_PER_FRAGMENT = 100_000

/** One `trun` with everything it inherits. Its samples are read from `bytes` when their `mdat` has come. */
export interface TrackRun {
  readonly containerId: number
  /** Where a `traf` begins: its decode time, or null to go on after the track's previous fragment. Undefined in later runs. */
  readonly baseDecodeTime: number | null | undefined
  /** Stream position that `dataOffset` counts from; null: the end of the preceding run's data. */
  readonly base: number | null
  /** Null: the data follows the preceding run. */
  readonly dataOffset: number | null
  readonly sampleCount: number
  readonly defaults: SampleDefaults
  readonly firstSampleFlags: number | null
  readonly flags: number
  readonly bytes: Uint8Array
  /** Offset of the first sample's fields in `bytes`. */
  readonly start: number
}

export interface MovieFragment {
  readonly runs: readonly TrackRun[]
  readonly sampleCount: number
}

/** One sample as a run describes it. Reused for all samples of a run: copy what is needed. */
export interface RunSample {
  duration: number
  size: number
  flags: number
  cto: number
}

export function parseMovieFragment(
  moof: FramedBox,
  trackDefaults: (containerId: number) => SampleDefaults | null,
): MovieFragment {
  const { bytes } = moof
  const runs: TrackRun[] = []
  let sampleCount = 0
  let isFirstTraf = true
  for (const traf of childBoxes(bytes, moof.headerBytes, bytes.length, 'moof')) {
    if (traf.type !== 'traf') continue
    const boxes = childBoxes(bytes, traf.start, traf.end, 'traf')
    const header = parseTrackFragmentHeader(bytes, boxes, moof.offset, isFirstTraf, trackDefaults)
    const tfdt = findBox(boxes, 'tfdt')
    let baseDecodeTime: number | null | undefined = tfdt === null ? null : parseDecodeTime(bytes, tfdt)
    for (const box of boxes) {
      if (box.type !== 'trun') continue
      const run = parseRun(bytes, box, header, baseDecodeTime)
      sampleCount += run.sampleCount
      if (sampleCount > MAX_SAMPLES_PER_FRAGMENT) {
        throw malformed(`a fragment claims more than ${MAX_SAMPLES_PER_FRAGMENT} samples`)
      }
      runs.push(run)
      baseDecodeTime = undefined
    }
    isFirstTraf = false
  }
  return { runs, sampleCount }
}

/** Whether all samples of a run are declared to have the same duration and no bytes. */
export function isEmptyRun(run: TrackRun): boolean {
  return (run.flags & 0x300) === 0 && run.defaults.size === 0
}

/** Calls `visit` for each sample of a run in order. */
export function forEachRunSample(run: TrackRun, visit: (sample: RunSample) => void): void {
  const { bytes, flags, defaults } = run
  const sample: RunSample = { duration: defaults.duration, size: defaults.size, flags: defaults.flags, cto: 0 }
  let at = run.start
  for (let i = 0; i < run.sampleCount; i++) {
    if (flags & 0x100) {
      sample.duration = u32(bytes, at)
      at += 4
    }
    if (flags & 0x200) {
      sample.size = u32(bytes, at)
      at += 4
    }
    if (flags & 0x400) {
      sample.flags = u32(bytes, at)
      at += 4
    } else if (run.firstSampleFlags !== null) {
      sample.flags = i === 0 ? run.firstSampleFlags : defaults.flags
    }
    if (flags & 0x800) {
      // Version 0 has unsigned offsets, but encoders write negative ones there too; none needs the range above 2^31.
      sample.cto = u32(bytes, at) | 0
      at += 4
    }
    visit(sample)
  }
}

interface TrackFragmentHeader {
  readonly containerId: number
  readonly base: number | null
  readonly isBaseExplicit: boolean
  readonly defaults: SampleDefaults
}

function parseTrackFragmentHeader(
  bytes: Uint8Array,
  traf: readonly BoxSpan[],
  moofOffset: number,
  isFirstTraf: boolean,
  trackDefaults: (containerId: number) => SampleDefaults | null,
): TrackFragmentHeader {
  const tfhd = findBox(traf, 'tfhd')
  if (tfhd === null) throw malformed('"traf" has no "tfhd"')
  const reader = new BoxReader(bytes, tfhd)
  const flags = reader.u32() & 0xff_ffff
  const containerId = reader.u32()
  const inherited = trackDefaults(containerId)
  const explicitBase = flags & 0x01 ? reader.u64() : null
  const descriptionIndex = flags & 0x02 ? reader.u32() : (inherited?.descriptionIndex ?? 1)
  const duration = flags & 0x08 ? reader.u32() : (inherited?.duration ?? 0)
  const size = flags & 0x10 ? reader.u32() : (inherited?.size ?? 0)
  const sampleFlags = flags & 0x20 ? reader.u32() : (inherited?.flags ?? 0)
  // Without any base, the first traf counts from moof and each later one from the end of the data before it (8.8.7.1).
  const impliedBase = isFirstTraf || flags & 0x02_0000 ? moofOffset : null
  return {
    containerId,
    base: explicitBase ?? impliedBase,
    isBaseExplicit: explicitBase !== null,
    defaults: { descriptionIndex, duration, size, flags: sampleFlags },
  }
}

function parseDecodeTime(bytes: Uint8Array, tfdt: BoxSpan): number {
  const reader = new BoxReader(bytes, tfdt)
  const version = reader.u32() >>> 24
  return version === 1 ? reader.u64() : reader.u32()
}

function parseRun(
  bytes: Uint8Array,
  trun: BoxSpan,
  header: TrackFragmentHeader,
  baseDecodeTime: number | null | undefined,
): TrackRun {
  const reader = new BoxReader(bytes, trun)
  const flags = reader.u32() & 0xff_ffff
  const sampleCount = reader.u32()
  if (sampleCount > MAX_SAMPLES_PER_RUN) {
    throw malformed(`a track run claims ${sampleCount} samples; the limit is ${MAX_SAMPLES_PER_RUN}`)
  }
  let dataOffset = flags & 0x01 ? reader.i32() : null
  const firstSampleFlags = flags & 0x04 ? reader.u32() : null
  // The first run without an offset starts at an explicit base; counted from moof it would start inside moof's own
  // header, which can only mean "where the data is".
  if (dataOffset === null && baseDecodeTime !== undefined && header.isBaseExplicit) dataOffset = 0
  const fields = [0x100, 0x200, 0x400, 0x800].filter((flag) => (flags & flag) !== 0).length
  if (reader.remaining < 4 * fields * sampleCount) throw malformed('"trun" is shorter than its samples')
  return {
    containerId: header.containerId,
    baseDecodeTime,
    base: header.base,
    dataOffset,
    sampleCount,
    defaults: header.defaults,
    firstSampleFlags,
    flags,
    bytes,
    start: reader.offset,
  }
}

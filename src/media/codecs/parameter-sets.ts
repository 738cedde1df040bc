// The parameter sets that a decoder of this track needs, collected from the stream.
import type { VideoConfig } from '../samples.ts'
import { avcVideoConfig, buildAvcConfigRecord, readAvcConfigRecord } from './avc-config.ts'
import { parseH264PpsId, parseH264Sps } from './h264-sps.ts'
import { buildHevcConfigRecord, hevcVideoConfig, readHevcConfigRecord, vpsFrameRate } from './hevc-config.ts'
import { parseHevcPpsId, parseHevcSps, parseHevcVpsId } from './hevc-sps.ts'
import type { NalCodec } from './nal-units.ts'
import { plainBytes } from './plain-bytes.ts'
import { isSameConfig, withoutTrailingZeros } from './same-config.ts'

/** Real ones have tens of bytes; the records count their length with 16 bits. */
const MAX_PARAMETER_SET_BYTES = 16_384

interface ParameterSet {
  readonly role: 'vps' | 'sps' | 'pps'
  readonly id: number
  readonly bytes: Uint8Array
}

/**
 * Keeps one parameter set per kind and id. `config` is replaced by a new object only when decoding really needs another
 * record; repeats, another order and padding change nothing.
 */
export class ParameterSets {
  readonly #codec: NalCodec
  #sets: readonly ParameterSet[] = []
  #config: VideoConfig | null = null

  constructor(codec: NalCodec) {
    this.#codec = codec
  }

  /** Starts with what an existing record holds; in-band sets then change it. */
  static fromConfig(config: VideoConfig & { readonly codec: NalCodec }): ParameterSets {
    const sets = new ParameterSets(config.codec)
    sets.offer(parameterSetsOf(config.codec, config.configRecord))
    sets.#config = config
    return sets
  }

  /** Null until an SPS and a PPS (HEVC: also a VPS) are there. */
  get config(): VideoConfig | null {
    return this.#config
  }

  /** Takes the parameter sets of one access unit (copied). Returns how many of them were unusable. */
  offer(nals: readonly Uint8Array[]): number {
    let broken = 0
    const fresh: ParameterSet[] = []
    for (const nal of nals) {
      const bytes = withoutTrailingZeros(nal)
      if (this.#sets.some((set) => Buffer.compare(set.bytes, bytes) === 0)) continue
      const set = parseParameterSet(this.#codec, bytes)
      if (set === 'broken') broken += 1
      else if (set !== 'irrelevant') fresh.push(set)
    }
    if (fresh.length > 0) this.#adopt(fresh, nals)
    return broken
  }

  #adopt(fresh: readonly ParameterSet[], nals: readonly Uint8Array[]): void {
    const changesSequence = fresh.some(
      (set) => set.role !== 'pps' && this.#sets.some((known) => isSameSlot(known, set)),
    )
    let base = this.#sets
    if (changesSequence) {
      // A new sequence begins. Sets of the old one that are not repeated now are forgotten, so that a late joiner, who
      // never saw them, builds the same record.
      const repeated = nals.map(withoutTrailingZeros)
      const kept = base.filter((set) => repeated.some((bytes) => Buffer.compare(bytes, set.bytes) === 0))
      if (isComplete(this.#codec, [...kept, ...fresh])) base = kept
    }
    const sets = [...base]
    for (const set of fresh) {
      const index = sets.findIndex((known) => isSameSlot(known, set))
      if (index >= 0) sets.splice(index, 1)
      sets.push(set)
    }
    sets.sort((a, b) => a.id - b.id)
    this.#sets = sets

    const config = buildConfig(this.#codec, sets)
    if (config === null) return
    if (this.#config === null || !isSameConfig(this.#config, config)) this.#config = config
  }
}

/** All parameter set NAL units of an `avcC` or `hvcC` payload. */
export function parameterSetsOf(codec: NalCodec, record: Uint8Array): Uint8Array[] {
  if (codec === 'h264') {
    const { sps, pps } = readAvcConfigRecord(record)
    return [...sps, ...pps]
  }
  const { vps, sps, pps } = readHevcConfigRecord(record)
  return [...vps, ...sps, ...pps]
}

function isSameSlot(a: ParameterSet, b: ParameterSet): boolean {
  return a.role === b.role && a.id === b.id
}

function parseParameterSet(codec: NalCodec, nal: Uint8Array): ParameterSet | 'broken' | 'irrelevant' {
  if (nal.length > MAX_PARAMETER_SET_BYTES) return 'broken'
  const header = nal[0] ?? 0
  try {
    const found = codec === 'h264' ? h264Slot(header & 0x1f, nal) : hevcSlot(header >>> 1, nal)
    return found === null ? 'irrelevant' : { ...found, bytes: plainBytes(nal).slice() }
  } catch {
    return 'broken'
  }
}

function h264Slot(type: number, nal: Uint8Array): Omit<ParameterSet, 'bytes'> | null {
  if (type === 7) return { role: 'sps', id: parseH264Sps(nal).id }
  return type === 8 ? { role: 'pps', id: parseH264PpsId(nal) } : null
}

function hevcSlot(type: number, nal: Uint8Array): Omit<ParameterSet, 'bytes'> | null {
  if (type === 32) return { role: 'vps', id: parseHevcVpsId(nal) }
  if (type === 33) return { role: 'sps', id: parseHevcSps(nal).id }
  return type === 34 ? { role: 'pps', id: parseHevcPpsId(nal) } : null
}

function isComplete(codec: NalCodec, sets: readonly ParameterSet[]): boolean {
  const roles = new Set(sets.map((set) => set.role))
  return roles.has('sps') && roles.has('pps') && (codec === 'h264' || roles.has('vps'))
}

function buildConfig(codec: NalCodec, sets: readonly ParameterSet[]): VideoConfig | null {
  const bytesOf = (role: ParameterSet['role']) => sets.filter((set) => set.role === role).map((set) => set.bytes)
  const sps = bytesOf('sps')
  const first = sps[0]
  if (first === undefined || !isComplete(codec, sets)) return null
  if (codec === 'h264') return avcVideoConfig(parseH264Sps(first), buildAvcConfigRecord(sps, bytesOf('pps')))
  const vps = bytesOf('vps')
  const record = buildHevcConfigRecord(vps, sps, bytesOf('pps'))
  return hevcVideoConfig(parseHevcSps(first), vpsFrameRate(vps[0]), record)
}

// onMetaData: which kinds of tracks there are, and the frame rate for codecs whose headers are silent.
import { type Rational, rational } from '../../core/rational.ts'
import { type Amf0Object, decodeAmf0, isAmf0Object } from './amf0.ts'

export interface FlvMetadata {
  /** Null when the metadata says nothing about either kind. */
  readonly kinds: { readonly video: boolean; readonly audio: boolean } | null
  readonly frameRate: Rational | null
}

/** Null for script tags that are no onMetaData. */
export function parseFlvMetadata(body: Uint8Array): FlvMetadata | null {
  const values = decodeAmf0(body)
  // Publishers wrap it: "@setDataFrame", "onMetaData", {…}.
  const at = values.indexOf('onMetaData')
  const properties = values[at + 1]
  if (at < 0 || !isAmf0Object(properties)) return null
  const video = declares(properties, 'videocodecid', 'hasVideo')
  const audio = declares(properties, 'audiocodecid', 'hasAudio')
  return { kinds: video || audio ? { video, audio } : null, frameRate: readFrameRate(properties) }
}

/** Codec ids are numbers or, from some encoders, names and FourCCs; 0 and absence mean none. */
function declares(properties: Amf0Object, codecKey: string, flagKey: string): boolean {
  const codec = properties[codecKey]
  const hasCodec = (typeof codec === 'number' && codec > 0) || (typeof codec === 'string' && codec !== '')
  return properties[flagKey] === undefined ? hasCodec : properties[flagKey] === true
}

function readFrameRate(properties: Amf0Object): Rational | null {
  const framesPerSec = Number(properties['framerate'] ?? properties['videoframerate'] ?? Number.NaN)
  if (!(framesPerSec >= 1 && framesPerSec <= 300)) return null
  const whole = Math.round(framesPerSec)
  if (Math.abs(framesPerSec - whole) < 0.001) return rational(whole, 1)
  // NTSC rates are written with two or three decimals.
  const ntsc = Math.ceil(framesPerSec)
  if (Math.abs(framesPerSec - (ntsc * 1000) / 1001) < 0.01) return rational(ntsc * 1000, 1001)
  return rational(Math.round(framesPerSec * 1000), 1000)
}

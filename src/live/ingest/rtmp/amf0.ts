// AMF0, the value format of RTMP commands and FLV script data. Source: Adobe, "Action Message Format -- AMF 0" (2007).
import { MirrorError } from '../../../core/errors.ts'

export type AmfValue =
  | number
  | boolean
  | string
  | null
  | undefined
  | Date
  | readonly AmfValue[]
  | ReadonlyMap<string, AmfValue>

/** An associative array. It differs from an object only on the wire, but encoders expect it in onMetaData. */
export class AmfEcmaArray extends Map<string, AmfValue> {}

/** Nesting of containers. Real commands and metadata stay below 4. */
const MAX_DEPTH = 16
/** Values in one payload, containers included, so that a small message cannot become a large heap. */
const MAX_VALUES = 4096

const MARKER = {
  number: 0x00,
  boolean: 0x01,
  string: 0x02,
  object: 0x03,
  null: 0x05,
  undefined: 0x06,
  ecmaArray: 0x08,
  objectEnd: 0x09,
  strictArray: 0x0a,
  date: 0x0b,
  longString: 0x0c,
  unsupported: 0x0d,
  xmlDocument: 0x0f,
  typedObject: 0x10,
} as const

/** Strings up to this many bytes fit the 16-bit length of the short form. */
const MAX_SHORT_STRING_BYTES = 0xffff

export function amfObject(properties: Readonly<Record<string, AmfValue>>): ReadonlyMap<string, AmfValue> {
  return new Map(Object.entries(properties))
}

/** All values of a payload, in order. Throws `ingest_malformed`. */
export function decodeAmf0(bytes: Uint8Array): AmfValue[] {
  const decoder = new Amf0Decoder(bytes)
  const values: AmfValue[] = []
  while (!decoder.atEnd) values.push(decoder.readValue(0))
  return values
}

export function encodeAmf0(values: readonly AmfValue[]): Uint8Array {
  const parts: Uint8Array[] = []
  for (const value of values) encodeValue(value, parts, 0)
  return concatenate(parts)
}

class Amf0Decoder {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  #offset = 0
  #values = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  get atEnd(): boolean {
    return this.#offset >= this.#bytes.length
  }

  readValue(depth: number): AmfValue {
    if (depth > MAX_DEPTH) throw malformed(`values are nested deeper than ${MAX_DEPTH}`)
    this.#values += 1
    if (this.#values > MAX_VALUES) throw malformed(`there are more than ${MAX_VALUES} values`)

    const marker = this.#view.getUint8(this.#take(1))
    switch (marker) {
      case MARKER.number:
        return this.#view.getFloat64(this.#take(8))
      case MARKER.boolean:
        return this.#view.getUint8(this.#take(1)) !== 0
      case MARKER.string:
        return this.#readShortString()
      case MARKER.longString:
      case MARKER.xmlDocument:
        return this.#readText(this.#view.getUint32(this.#take(4)))
      case MARKER.null:
        return null
      case MARKER.undefined:
      case MARKER.unsupported:
        return undefined
      case MARKER.date: {
        const milliseconds = this.#view.getFloat64(this.#take(8))
        this.#take(2) // Time zone: reserved, always 0 (section 2.13).
        return new Date(milliseconds)
      }
      case MARKER.object:
        return this.#readProperties(new Map(), depth)
      case MARKER.typedObject:
        this.#readShortString() // The class name means nothing here.
        return this.#readProperties(new Map(), depth)
      case MARKER.ecmaArray:
        // The count is advisory: encoders write 0 or the wrong number, the end marker decides.
        this.#take(4)
        return this.#readProperties(new AmfEcmaArray(), depth)
      case MARKER.strictArray:
        return this.#readStrictArray(depth)
      default:
        throw malformed(`type 0x${marker.toString(16)} is not supported`)
    }
  }

  #readStrictArray(depth: number): AmfValue[] {
    const count = this.#view.getUint32(this.#take(4))
    // Each value takes at least its marker, so a larger count is a lie; checked before anything is allocated.
    if (count > this.#bytes.length - this.#offset) throw malformed('an array is longer than its message')
    const items: AmfValue[] = []
    for (let index = 0; index < count; index += 1) items.push(this.readValue(depth + 1))
    return items
  }

  #readProperties<Target extends Map<string, AmfValue>>(target: Target, depth: number): Target {
    for (;;) {
      const name = this.#readShortString()
      if (name === '' && this.#bytes[this.#offset] === MARKER.objectEnd) {
        this.#offset += 1
        return target
      }
      target.set(name, this.readValue(depth + 1))
    }
  }

  #readShortString(): string {
    return this.#readText(this.#view.getUint16(this.#take(2)))
  }

  #readText(length: number): string {
    const start = this.#take(length)
    return utf8Decoder.decode(this.#bytes.subarray(start, start + length))
  }

  /** The offset of the next `count` bytes, which are consumed. */
  #take(count: number): number {
    const start = this.#offset
    if (count > this.#bytes.length - start) throw malformed('it ends in the middle of a value')
    this.#offset = start + count
    return start
  }
}

// Invalid UTF-8 becomes U+FFFD instead of an error, and a byte order mark stays: names are compared, not displayed.
const utf8Decoder = new TextDecoder('utf-8', { ignoreBOM: true })
const utf8Encoder = new TextEncoder()

function encodeValue(value: AmfValue, parts: Uint8Array[], depth: number): void {
  if (depth > MAX_DEPTH) throw malformed(`values are nested deeper than ${MAX_DEPTH}`)

  if (value === null) parts.push(Uint8Array.of(MARKER.null))
  else if (value === undefined) parts.push(Uint8Array.of(MARKER.undefined))
  else if (typeof value === 'number') parts.push(Uint8Array.of(MARKER.number), float64(value))
  else if (typeof value === 'boolean') parts.push(Uint8Array.of(MARKER.boolean, value ? 1 : 0))
  else if (typeof value === 'string') encodeString(value, parts)
  else if (value instanceof Date) parts.push(Uint8Array.of(MARKER.date), float64(value.getTime()), Uint8Array.of(0, 0))
  else if (value instanceof AmfEcmaArray) {
    parts.push(Uint8Array.of(MARKER.ecmaArray), uint32(value.size))
    encodeProperties(value, parts, depth)
  } else if (isMap(value)) {
    parts.push(Uint8Array.of(MARKER.object))
    encodeProperties(value, parts, depth)
  } else {
    parts.push(Uint8Array.of(MARKER.strictArray), uint32(value.length))
    for (const item of value) encodeValue(item, parts, depth + 1)
  }
}

function isMap(value: readonly AmfValue[] | ReadonlyMap<string, AmfValue>): value is ReadonlyMap<string, AmfValue> {
  return value instanceof Map
}

function encodeString(text: string, parts: Uint8Array[]): void {
  const encoded = utf8Encoder.encode(text)
  if (encoded.length > MAX_SHORT_STRING_BYTES) parts.push(Uint8Array.of(MARKER.longString), uint32(encoded.length))
  else parts.push(Uint8Array.of(MARKER.string, encoded.length >> 8, encoded.length & 0xff))
  parts.push(encoded)
}

function encodeProperties(properties: ReadonlyMap<string, AmfValue>, parts: Uint8Array[], depth: number): void {
  for (const [name, value] of properties) {
    const encoded = utf8Encoder.encode(name)
    if (encoded.length > MAX_SHORT_STRING_BYTES) throw malformed('a property name is longer than 65535 bytes')
    parts.push(Uint8Array.of(encoded.length >> 8, encoded.length & 0xff), encoded)
    encodeValue(value, parts, depth + 1)
  }
  parts.push(Uint8Array.of(0, 0, MARKER.objectEnd))
}

function float64(value: number): Uint8Array {
  const bytes = new Uint8Array(8)
  new DataView(bytes.buffer).setFloat64(0, value)
  return bytes
}

function uint32(value: number): Uint8Array {
  return Uint8Array.of(value >>> 24, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff)
}

function concatenate(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let offset = 0
  for (const part of parts) {
    whole.set(part, offset)
    offset += part.length
  }
  return whole
}

function malformed(what: string): MirrorError {
  return new MirrorError('ingest_malformed', `An AMF0 payload cannot be read: ${what}.`)
}

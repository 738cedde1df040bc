// AMF0 values of script tags (Action Message Format 0, 2.2 to 2.18).
import { ByteReader } from '../codecs/byte-reader.ts'

export type Amf0Value = string | number | boolean | null | readonly Amf0Value[] | Amf0Object
export interface Amf0Object {
  readonly [key: string]: Amf0Value
}

const MAX_DEPTH = 16
const OBJECT_END = 9

/**
 * The values up to the first that cannot be read: metadata is a courtesy, and what is damaged is left out. Dates become
 * milliseconds; references and typed objects end the reading.
 */
export function decodeAmf0(bytes: Uint8Array): Amf0Value[] {
  const reader = new ByteReader(bytes, 'a script tag')
  const values: Amf0Value[] = []
  try {
    while (reader.left > 0) values.push(readValue(reader, 0))
  } catch {
    // The values before stay valid.
  }
  return values
}

export function isAmf0Object(value: Amf0Value | undefined): value is Amf0Object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function readValue(reader: ByteReader, depth: number): Amf0Value {
  if (depth > MAX_DEPTH) throw new RangeError('AMF0 values are nested too deeply')
  const type = reader.u8()
  switch (type) {
    case 0:
      return reader.f64()
    case 1:
      return reader.u8() !== 0
    case 2:
      return readText(reader, reader.u16())
    case 3:
      return readObject(reader, depth)
    case 5:
    case 6:
      return null
    case 8:
      reader.u32() // the count is a hint; the end marker decides
      return readObject(reader, depth)
    case 10:
      return readArray(reader, depth)
    case 11: {
      const dateMs = reader.f64()
      reader.u16()
      return dateMs
    }
    case 12:
    case 15:
      return readText(reader, reader.u32())
    default:
      throw new RangeError(`AMF0 type ${type} is not supported`)
  }
}

function readText(reader: ByteReader, length: number): string {
  return new TextDecoder().decode(reader.view(length))
}

function readObject(reader: ByteReader, depth: number): Amf0Object {
  // Without a prototype, a key such as __proto__ is only a key.
  const object: Record<string, Amf0Value> = Object.create(null)
  while (reader.left > 0) {
    const key = readText(reader, reader.u16())
    if (key === '') {
      if (reader.left > 0 && reader.u8() !== OBJECT_END) throw new RangeError('an AMF0 object has an empty key')
      break
    }
    object[key] = readValue(reader, depth + 1)
  }
  return object
}

function readArray(reader: ByteReader, depth: number): readonly Amf0Value[] {
  const count = reader.u32()
  const values: Amf0Value[] = []
  // Every value takes at least one byte, so a huge count fails at the end of the data.
  for (let index = 0; index < count; index += 1) values.push(readValue(reader, depth + 1))
  return values
}

// Remembers the CMAF header (ftyp, moov) of a resource, so that later requests may bring fragments alone
// (DASH-IF live media ingest, interface 1: one request per fragment).

const BOX_HEADER_BYTES = 8
/** A header is a few kilobytes; whatever is larger is not kept. */
const MAX_INIT_BYTES = 256 * 1024
const INIT_BOXES: ReadonlySet<string> = new Set(['ftyp', 'moov'])

interface Body {
  /** Bytes kept until the first box header is complete, or while a header is being collected. */
  head: Uint8Array<ArrayBuffer>
  state: 'starting' | 'collecting' | 'passing'
}

export class InitMemory {
  #init: Uint8Array<ArrayBuffer> | null = null
  #bodies = new Map<string, Body>()

  /** The chunks to parse for this chunk of a body: usually itself; the remembered header first when the body starts with a fragment. */
  completed(bodyId: string, bytes: Uint8Array): readonly Uint8Array[] {
    let body = this.#bodies.get(bodyId)
    if (body === undefined) {
      // The bodies of earlier requests are over: they come one after another.
      this.#bodies = new Map()
      body = { head: new Uint8Array(0), state: 'starting' }
      this.#bodies.set(bodyId, body)
    }
    if (body.state === 'passing') return [bytes]
    const isStarting = body.state === 'starting'
    const pending = isStarting ? body.head.length : 0
    body.head = concat(body.head, bytes)
    if (body.head.length < BOX_HEADER_BYTES) return []
    const chunks: Uint8Array[] =
      isStarting && !INIT_BOXES.has(boxType(body.head, 0)) && this.#init !== null ? [this.#init.slice()] : []
    chunks.push(isStarting && pending > 0 ? body.head.slice() : bytes)
    this.#collect(body)
    return chunks
  }

  /** What was held back of a body that has ended: less than a box header, which the demuxer judges. */
  rest(bodyId: string): Uint8Array | null {
    const body = this.#bodies.get(bodyId)
    return body?.state === 'starting' && body.head.length > 0 ? body.head : null
  }

  #collect(body: Body): void {
    const end = initEnd(body.head)
    if (end === 'more' && body.head.length < MAX_INIT_BYTES) {
      body.state = 'collecting'
      return
    }
    if (typeof end === 'number') this.#init = body.head.slice(0, end)
    body.state = 'passing'
    body.head = new Uint8Array(0)
  }
}

/** Where the `moov` at the start ends; `more` when it is not complete yet, null when there is none. */
function initEnd(head: Uint8Array): number | 'more' | null {
  let at = 0
  while (true) {
    if (head.length < at + BOX_HEADER_BYTES) return 'more'
    const type = boxType(head, at)
    if (!INIT_BOXES.has(type)) return null
    const size = new DataView(head.buffer, head.byteOffset).getUint32(at)
    if (size < BOX_HEADER_BYTES) return null
    if (type === 'moov') return head.length >= at + size ? at + size : 'more'
    at += size
  }
}

function boxType(bytes: Uint8Array, at: number): string {
  return String.fromCharCode(...bytes.subarray(at + 4, at + 8))
}

function concat(a: Uint8Array, b: Uint8Array): Uint8Array<ArrayBuffer> {
  const joined = new Uint8Array(a.length + b.length)
  joined.set(a)
  joined.set(b, a.length)
  return joined
}

// Text, and the markup that browsers would run scripts of.
import { type SniffedType, type } from './sniffed-type.ts'

const HTML = type('document', 'html', 'text/html', true)
const SVG = type('document', 'svg', 'image/svg+xml', true)
const XML = type('document', 'xml', 'application/xml', true)
const TEXT = type('document', 'txt', 'text/plain')

/** https://mimesniff.spec.whatwg.org/#identifying-a-resource-with-an-unknown-mime-type; each ends with a space or `>`. */
const HTML_START =
  /^<(?:!doctype html|html|head|script|iframe|h1|div|font|table|a|style|title|b|body|br|p|meta|link|img|object|embed|form)[\s/>]/i

/** Null: it is not text. */
export function sniffText(head: Buffer): SniffedType | null {
  const text = decode(head)
  if (text === null) return null
  const start = text.trimStart()
  if (start.startsWith('#EXTM3U')) return type('document', 'm3u8', 'application/vnd.apple.mpegurl')
  if (/^WEBVTT(?:[ \t\r\n]|$)/.test(start)) return type('document', 'vtt', 'text/vtt')
  if (/^\d+\r?\n\d{2}:\d{2}:\d{2},\d{3} --> /.test(start)) return type('document', 'srt', 'application/x-subrip')
  return sniffMarkup(start) ?? (isJson(start) ? type('document', 'json', 'application/json') : TEXT)
}

function sniffMarkup(start: string): SniffedType | null {
  const root = skipProlog(start)
  // A prefix may stand before the name: <x:svg xmlns:x="http://www.w3.org/2000/svg">
  if (/^<(?:[\w.-]+:)?svg[\s/>]/i.test(root)) return SVG
  if (HTML_START.test(root) || /^<!doctype html/i.test(root)) return HTML
  if (/^<(?:[\w.-]+:)?[A-Za-z_][\w.-]*[\s/>]/.test(root) || /^<[!?]/.test(start)) {
    // Anything else in markup: scripts run in XML too, by its namespace. Without <?xml it is what a browser takes for HTML.
    if (/http:\/\/www\.w3\.org\/2000\/svg/.test(start)) return SVG
    return start.startsWith('<?xml') ? XML : HTML
  }
  return null
}

/** Without what may stand before the root element: instructions, comments, a document type. */
function skipProlog(text: string): string {
  let rest = text
  for (;;) {
    const next = rest
      .replace(/^<\?[\s\S]*?\?>\s*/, '')
      .replace(/^<!--[\s\S]*?-->\s*/, '')
      .replace(/^<!doctype (?!html)[^[>]*(?:\[[\s\S]*?\]\s*)?>\s*/i, '')
    if (next === rest) return rest
    rest = next
  }
}

/** UTF-8, or UTF-16 by its mark; null when a byte cannot be in text. A character cut off at the end is fine. */
function decode(head: Buffer): string | null {
  const mark = head.length < 2 ? 0 : head.readUInt16BE(0)
  if (mark === 0xfeff || mark === 0xfffe) {
    return new TextDecoder(mark === 0xfffe ? 'utf-16le' : 'utf-16be').decode(head, { stream: true })
  }
  // https://mimesniff.spec.whatwg.org/#binary-data-byte
  if (head.some((byte) => byte <= 8 || byte === 11 || (byte >= 14 && byte <= 26) || (byte >= 28 && byte <= 31))) {
    return null
  }
  return new TextDecoder('utf-8').decode(head, { stream: true })
}

function isJson(start: string): boolean {
  return /^(?:\{\s*(?:"|\})|\[\s*(?:["{[\]\d-]|true|false|null))/.test(start)
}

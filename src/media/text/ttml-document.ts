// TTML as IMSC 1 text profile uses it, read as cues: W3C TTML2 12.3 (times), 8.1 (content). Styles that WebVTT lacks are
// left out; italics, line breaks and whether text stands at the top are kept.
import { cleanText, escapeText, type TextCue } from './text-cue.ts'
import { type XmlNode, XmlReader } from './xml-reader.ts'

/** Documents are some kilobytes; each is one sample of a track. */
export const MAX_TTML_BYTES = 256 * 1024

interface Rates {
  readonly framesPerSec: number
  readonly ticksPerSec: number
}

interface Span {
  readonly startSec: number
  readonly endSec: number
}

/** Times are those of the track (ISO/IEC 14496-30 5.2). Null when the document is no TTML. */
export function parseTtml(document: string): readonly TextCue[] | null {
  const root = new XmlReader(document).read()
  if (root === null || root.name !== 'tt') return null
  const rates = ratesOf(root)
  const topRegions = new Set(
    descendants(root, 'region')
      .filter((region) => region.attributes.get('displayAlign') === 'before')
      .map((region) => region.attributes.get('id') ?? ''),
  )
  const italics = new Set(
    descendants(root, 'style')
      .filter((style) => style.attributes.get('fontStyle') === 'italic')
      .map((style) => style.attributes.get('id') ?? ''),
  )
  const cues: TextCue[] = []
  const visit = (node: XmlNode, around: Span, region: string | null) => {
    const span = spanOf(node, around, rates)
    const own = node.attributes.get('region') ?? region
    if (node.name === 'p') {
      const text = cleanText(textOf(node, italics))
      const isTop = own !== null && topRegions.has(own)
      if (text !== null && span.endSec > span.startSec) cues.push({ ...span, text, settings: isTop ? 'line:5%' : '' })
      return
    }
    for (const child of node.children) if (typeof child !== 'string') visit(child, span, own)
  }
  const body = descendants(root, 'body')[0]
  if (body !== undefined) visit(body, { startSec: 0, endSec: Number.POSITIVE_INFINITY }, null)
  return cues
}

function ratesOf({ attributes }: XmlNode): Rates {
  const frames = Number(attributes.get('frameRate') ?? 30)
  const [num = 1, den = 1] = (attributes.get('frameRateMultiplier') ?? '1 1').split(/[ :]+/).map(Number)
  const framesPerSec = (frames * num) / den
  const isUsable = Number.isFinite(framesPerSec) && framesPerSec > 0
  const ticks = Number(attributes.get('tickRate') ?? 1)
  return { framesPerSec: isUsable ? framesPerSec : 30, ticksPerSec: Number.isFinite(ticks) && ticks > 0 ? ticks : 1 }
}

/** 12.2.4: times count from the parent's begin and end with it at the latest. */
function spanOf({ attributes }: XmlNode, around: Span, rates: Rates): Span {
  const begin = parseTime(attributes.get('begin'), rates) ?? 0
  const end = parseTime(attributes.get('end'), rates)
  const dur = parseTime(attributes.get('dur'), rates)
  const startSec = around.startSec + begin
  const ends = [
    around.endSec,
    ...(end === null ? [] : [around.startSec + end]),
    ...(dur === null ? [] : [startSec + dur]),
  ]
  return { startSec, endSec: Math.min(...ends) }
}

const CLOCK = /^(\d{1,9}):(\d{2}):(\d{2})(?:\.(\d{1,9})|:(\d{1,4}))?$/
const OFFSET = /^(\d{1,15}(?:\.\d{1,9})?)(h|ms|m|s|f|t)$/

function parseTime(text: string | undefined, { framesPerSec, ticksPerSec }: Rates): number | null {
  if (text === undefined) return null
  const clock = CLOCK.exec(text)
  if (clock !== null) {
    const [, hours, minutes, sec, fraction = '0', frames = '0'] = clock
    const whole = Number(hours) * 3600 + Number(minutes) * 60 + Number(sec)
    return whole + Number(`0.${fraction}`) + Number(frames) / framesPerSec
  }
  const [, value, unit = ''] = OFFSET.exec(text) ?? []
  if (value === undefined) return null
  const seconds: Readonly<Record<string, number>> = {
    h: 3600,
    m: 60,
    s: 1,
    ms: 0.001,
    f: 1 / framesPerSec,
    t: 1 / ticksPerSec,
  }
  return Number(value) * (seconds[unit] ?? 0)
}

/** Text with white space as XML has it by default: one space, and line breaks only where `br` says so. */
function textOf(node: XmlNode, italics: ReadonlySet<string>): string {
  return node.children
    .map((child) => {
      if (typeof child === 'string') return escapeText(child.replaceAll(/\s+/g, ' '))
      if (child.name === 'br') return '\n'
      if (child.name === 'metadata') return ''
      const inner = textOf(child, italics)
      const isItalic =
        child.attributes.get('fontStyle') === 'italic' ||
        (child.attributes.get('style') ?? '').split(/\s+/).some((id) => italics.has(id))
      return isItalic && inner.trim() !== '' ? `<i>${inner}</i>` : inner
    })
    .join('')
}

function descendants(node: XmlNode, name: string): XmlNode[] {
  return node.children.flatMap((child) =>
    typeof child === 'string' ? [] : [...(child.name === name ? [child] : []), ...descendants(child, name)],
  )
}

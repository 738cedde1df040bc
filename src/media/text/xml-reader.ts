// As much of XML 1.0 as TTML documents use: elements, attributes, text, entities, CDATA. No DTD: nothing is ever expanded.

export interface XmlNode {
  /** Without its namespace prefix, as those of attributes: TTML has no two that differ in it alone. */
  readonly name: string
  readonly attributes: ReadonlyMap<string, string>
  readonly children: readonly (XmlNode | string)[]
}

interface OpenNode {
  readonly name: string
  readonly attributes: ReadonlyMap<string, string>
  readonly children: (XmlNode | string)[]
}

const MAX_DEPTH = 64
const MAX_NODES = 20_000
const ATTRIBUTE = /([^\s=/]+)\s*=\s*(?:"([^"]*)"|'([^']*)')/g
const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }

export class XmlReader {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  /** The root element; null when this is no well-formed XML of sensible depth. */
  read(): XmlNode | null {
    const top: OpenNode = { name: '', attributes: new Map(), children: [] }
    const open = [top]
    let nodes = 0
    for (;;) {
      const start = this.#text.indexOf('<', this.#at)
      const current = open.at(-1)
      if (current === undefined) return null
      const text = this.#text.slice(this.#at, start < 0 ? this.#text.length : start)
      if (text !== '' && open.length > 1) current.children.push(unescapeText(text))
      if (start < 0) break
      this.#at = start
      const skipped = this.#skipMarkup(current)
      if (skipped === 'broken') return null
      if (skipped === 'skipped') continue
      const end = endOfTag(this.#text, start)
      if (end < 0) return null
      const tag = this.#text.slice(start + 1, end)
      this.#at = end + 1
      if (tag.startsWith('/')) {
        if (open.length === 1 || localName(tag.slice(1).trim()) !== current.name) return null
        open.pop()
        continue
      }
      if (++nodes > MAX_NODES || open.length > MAX_DEPTH) return null
      const node = startTag(tag)
      current.children.push(node)
      if (!tag.endsWith('/')) open.push(node)
    }
    const root = top.children.find((child): child is XmlNode => typeof child !== 'string')
    return open.length === 1 ? (root ?? null) : null
  }

  /** Comments, processing instructions, CDATA, DOCTYPE. */
  #skipMarkup(current: OpenNode): 'skipped' | 'broken' | 'none' {
    const past = (opening: string, closing: string): 'skipped' | 'broken' => {
      const end = this.#text.indexOf(closing, this.#at + opening.length)
      if (end < 0) return 'broken'
      if (opening === '<![CDATA[') current.children.push(this.#text.slice(this.#at + opening.length, end))
      this.#at = end + closing.length
      return 'skipped'
    }
    if (this.#text.startsWith('<!--', this.#at)) return past('<!--', '-->')
    if (this.#text.startsWith('<![CDATA[', this.#at)) return past('<![CDATA[', ']]>')
    if (this.#text.startsWith('<?', this.#at)) return past('<?', '?>')
    if (this.#text.startsWith('<!', this.#at)) return past('<!', '>')
    return 'none'
  }
}

function startTag(tag: string): OpenNode {
  const name = /^[^\s/>]+/.exec(tag)?.[0] ?? ''
  const attributes = new Map<string, string>()
  for (const [, key = '', double, single] of tag.slice(name.length).matchAll(ATTRIBUTE)) {
    attributes.set(localName(key), unescapeText(double ?? single ?? ''))
  }
  return { name: localName(name), attributes, children: [] }
}

/** A `>` in a quoted value does not end the tag. */
function endOfTag(text: string, start: number): number {
  let quote = ''
  for (let at = start; at < text.length; at++) {
    const character = text[at] ?? ''
    if (quote !== '') {
      if (character === quote) quote = ''
    } else if (character === '"' || character === "'") quote = character
    else if (character === '>') return at
  }
  return -1
}

function localName(name: string): string {
  return name.slice(name.indexOf(':') + 1)
}

function unescapeText(text: string): string {
  if (!text.includes('&')) return text
  return text.replaceAll(/&(#x[0-9a-fA-F]{1,6}|#\d{1,7}|[a-z]{2,4});/g, (whole, entity: string) => {
    if (!entity.startsWith('#')) return ENTITIES[entity] ?? whole
    const code = entity[1] === 'x' ? Number.parseInt(entity.slice(2), 16) : Number(entity.slice(1))
    return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : '\uFFFD'
  })
}

import { isMap, isNode, LineCounter, type Node, parseDocument } from 'yaml'

export interface ConfigFile {
  readonly name: string
  /** What the file says, as plain data; `{}` for an empty file. */
  readonly tree: Readonly<Record<string, unknown>>
  /** What is wrong with the YAML itself; the tree is then empty. */
  readonly problems: readonly string[]
  /** "mirror.yml line 12" for a key that the file sets, else null. */
  locate(path: readonly string[]): string | null
}

export function parseConfigFile(text: string, name: string): ConfigFile {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false })
  const line = (offset: number): string => `${name} line ${lines.linePos(offset).line}`

  const problems = document.errors.map((error) => `${error.message} (${line(error.pos[0])})`)
  if (problems.length > 0) return { name, tree: {}, problems, locate: () => null }

  const tree: unknown = document.toJS() ?? {}
  if (!isRecord(tree)) {
    return { name, tree: {}, problems: [`${name} must hold keys and values`], locate: () => null }
  }
  return {
    name,
    tree,
    problems,
    locate(path) {
      const offset = keyOffset(document.contents, path)
      return offset === null ? null : line(offset)
    },
  }
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Where the last key of `path` is written. */
function keyOffset(contents: Node | null, path: readonly string[]): number | null {
  let node: unknown = contents
  let offset: number | null = null
  for (const name of path) {
    if (!isMap(node)) return null
    const pair = node.items.find((item) => isNode(item.key) && String(item.key) === name)
    if (pair === undefined) return null
    offset = isNode(pair.key) ? (pair.key.range?.[0] ?? null) : null
    node = pair.value
  }
  return offset
}

import type { Dir, Dirent } from 'node:fs'
import { opendir } from 'node:fs/promises'
import { join } from 'node:path'
import { decodeName } from './folder-paths.ts'

/** Names of one folder that are held in memory at a time; a larger folder is read several times. */
const PAGE_NAMES = 10_000

export interface ListedName {
  /** The key's segment; a folder's ends with a slash, which gives it its place in key order. */
  readonly segment: string
  readonly name: string
  readonly isFolder: boolean
}

/**
 * The files and folders of `folder` whose segment starts with `prefix`, in key order (UTF-8 bytes), with bounded memory.
 * A folder that does not exist is empty.
 */
export async function* listFolder(
  folder: string,
  prefix: string,
  pageNames = PAGE_NAMES,
): AsyncGenerator<ListedName, void, void> {
  let after: ListedName | null = null
  for (;;) {
    const page: readonly ListedName[] = await smallestNames(folder, prefix, after, pageNames)
    yield* page
    if (page.length < pageNames) return
    after = page.at(-1) ?? null
  }
}

async function smallestNames(
  folder: string,
  prefix: string,
  after: ListedName | null,
  count: number,
): Promise<readonly ListedName[]> {
  let names: ListedName[] = []
  for await (const entry of openFolder(folder)) {
    const listed = toListed(folder, entry)
    if (listed === null || !listed.segment.startsWith(prefix)) continue
    if (after !== null && compareListed(listed, after) <= 0) continue
    names.push(listed)
    if (names.length >= 2 * count) names = names.sort(compareListed).slice(0, count)
  }
  return names.sort(compareListed).slice(0, count)
}

function toListed(folder: string, entry: Dirent): ListedName | null {
  const segment = decodeName(entry.name)
  if (segment === null) return null
  if (entry.isDirectory()) return { segment: `${segment}/`, name: join(folder, entry.name), isFolder: true }
  return entry.isFile() ? { segment, name: join(folder, entry.name), isFolder: false } : null
}

/** Key order is the order of UTF-8 bytes, which JavaScript's own order of UTF-16 units is not (surrogates). */
function compareListed(a: ListedName, b: ListedName): number {
  return Buffer.compare(Buffer.from(a.segment), Buffer.from(b.segment))
}

async function* openFolder(path: string): AsyncGenerator<Dirent, void, void> {
  let folder: Dir
  try {
    folder = await opendir(path, { bufferSize: 256 })
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return
    throw error
  }
  yield* folder // Closes itself, also when left early.
}

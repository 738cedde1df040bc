// What the address of the library says, and what is asked of the API for it. Pure.
import { type AgeSearch, parseAge, spanOf } from '../age-search.ts'
import { oneOf, text } from '../search-params.ts'

export const KINDS = ['image', 'video', 'audio', 'document', 'other'] as const
export type Kind = (typeof KINDS)[number]
export const STATUSES = ['pending', 'processing', 'ready', 'failed'] as const
export type AssetStatus = (typeof STATUSES)[number]

export interface LibrarySearch extends AgeSearch {
  readonly q?: string
  readonly kind?: Kind
  readonly status?: AssetStatus
  /** With commas between them: all of them. */
  readonly tag?: string
  /** `/` is the top. */
  readonly folder?: string
  readonly trash?: boolean
  /** Default: grid. */
  readonly view?: 'table'
}

const PAGE = 40
const VIEWS = ['table'] as const
/** The top has no name, and an empty parameter is none. */
export const TOP = '/'

export function parseLibrarySearch(search: Record<string, unknown>): LibrarySearch {
  return {
    ...text('q', search['q']),
    ...oneOf('kind', KINDS, search['kind']),
    ...oneOf('status', STATUSES, search['status']),
    ...long('tag', search['tag']),
    ...long('folder', search['folder']),
    ...parseAge(search),
    ...(search['trash'] === true ? { trash: true } : {}),
    ...oneOf('view', VIEWS, search['view']),
  }
}

/** Tags and folders may be longer than what people type. */
function long<Name extends 'tag' | 'folder'>(name: Name, value: unknown): { [Key in Name]?: string } {
  const given = typeof value === 'number' ? String(value) : value
  return (typeof given === 'string' && given !== '' ? { [name]: given.slice(0, 1000) } : {}) as {
    [Key in Name]?: string
  }
}

export function tagsOf({ tag }: Pick<LibrarySearch, 'tag'>): readonly string[] {
  return tag === undefined ? [] : tag.split(',').filter((each) => each !== '')
}

export function tagSearch(tags: readonly string[]): string | undefined {
  return tags.length === 0 ? undefined : tags.join(',')
}

/** A filter that leaves something out; the trash and the view are no filters. */
export function hasFilters({ q, kind, status, tag, folder, age, from, to }: LibrarySearch): boolean {
  return [q, kind, status, tag, folder, age, from, to].some((each) => each !== undefined)
}

export const NO_FILTERS = {
  ...{ q: undefined, kind: undefined, status: undefined, tag: undefined, folder: undefined },
  ...{ age: undefined, from: undefined, to: undefined },
} as const

/** The query of the API, without the cursor. */
export function apiQuery(search: LibrarySearch, nowMs: number): string {
  const { q, kind, status, folder, trash } = search
  const span = spanOf(search, nowMs)
  const query = new URLSearchParams({ limit: String(PAGE) })
  for (const [name, value] of Object.entries({ q, kind, status, ...span }))
    if (value !== undefined) query.set(name, value)
  if (folder !== undefined) query.set('folder', folder === TOP ? '' : folder)
  for (const tag of tagsOf(search)) query.append('tag', tag)
  if (trash === true) query.set('trash', 'true')
  return query.toString()
}

import { useQuery } from '@tanstack/react-query'
import { LayoutGrid, List } from 'lucide-react'
import { Button } from '../ui/button.tsx'
import { AgeFilter, FilterChip, FilterSelect, SearchBox } from '../ui/filters.tsx'
import { labelsQuery } from './asset-queries.ts'
import { KIND_WORDS, STATUS_WORDS } from './asset-words.ts'
import type { ChangeSearch } from './library-page.tsx'
import {
  type AssetStatus,
  hasFilters,
  KINDS,
  type Kind,
  type LibrarySearch,
  NO_FILTERS,
  STATUSES,
  TOP,
  tagSearch,
  tagsOf,
} from './library-search.ts'

export function LibraryFilters({ search, change }: { readonly search: LibrarySearch; readonly change: ChangeSearch }) {
  const { data: labels = { folders: [], tags: [] } } = useQuery(labelsQuery)
  const chosenTags = tagsOf(search)
  const freeTags = labels.tags.filter((tag) => !chosenTags.includes(tag))
  return (
    <div className="mb-3 flex flex-wrap items-center gap-2">
      <SearchBox
        label="Search the library"
        placeholder="Search names and tags"
        value={search.q ?? ''}
        onChange={(q) => change({ q })}
      />
      {/* On a phone they are one row that is pushed aside, so that the list begins on the first screen. */}
      <div className="contents max-md:-my-1 max-md:flex max-md:min-w-0 max-md:flex-1 max-md:gap-2 max-md:overflow-x-auto max-md:py-1">
        <FilterSelect
          label="Kind"
          any="Any kind"
          value={search.kind}
          options={KINDS.map((kind) => ({ value: kind, label: KIND_WORDS[kind] }))}
          onChange={(kind) => change({ kind: kind as Kind | undefined })}
        />
        <FilterSelect
          label="Status"
          any="Any status"
          value={search.status}
          options={STATUSES.map((status) => ({ value: status, label: STATUS_WORDS[status] }))}
          onChange={(status) => change({ status: status as AssetStatus | undefined })}
        />
        <FilterSelect
          label="Folder"
          any="Any folder"
          value={search.folder}
          options={labels.folders.map((folder) =>
            folder === '' ? { value: TOP, label: 'In no folder' } : { value: folder, label: folder },
          )}
          onChange={(folder) => change({ folder })}
        />
        {(freeTags.length > 0 || chosenTags.length === 0) && (
          <FilterSelect
            label="Tag"
            any={chosenTags.length === 0 ? 'Any tag' : 'And tag…'}
            value={undefined}
            options={freeTags.map((tag) => ({ value: tag, label: tag }))}
            onChange={(tag) => tag !== undefined && change({ tag: tagSearch([...chosenTags, tag]) })}
          />
        )}
        {chosenTags.map((tag) => (
          <FilterChip key={tag} onRemove={() => change({ tag: tagSearch(chosenTags.filter((each) => each !== tag)) })}>
            {tag}
          </FilterChip>
        ))}
        <AgeFilter label="Uploaded" search={search} onChange={change} />
        {hasFilters(search) && (
          <Button kind="quiet" onClick={() => change(NO_FILTERS)}>
            Clear
          </Button>
        )}
      </div>
      <fieldset className="ml-auto flex gap-0.5 rounded-lg bg-sunken p-0.5">
        <legend className="sr-only">View</legend>
        {[
          { view: undefined, label: 'Grid', icon: <LayoutGrid size={15} /> },
          { view: 'table' as const, label: 'Table', icon: <List size={15} /> },
        ].map(({ view, label, icon }) => (
          <button
            key={label}
            type="button"
            aria-label={label}
            title={label}
            aria-pressed={search.view === view}
            onClick={() => change({ view })}
            className="flex h-7 w-8 items-center justify-center rounded-md text-soft hover:text-ink aria-pressed:bg-surface aria-pressed:text-ink aria-pressed:shadow-card max-md:h-9 max-md:w-10"
          >
            {icon}
          </button>
        ))}
      </fieldset>
    </div>
  )
}

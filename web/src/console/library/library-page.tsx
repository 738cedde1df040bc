import { useInfiniteQuery } from '@tanstack/react-query'
import { getRouteApi } from '@tanstack/react-router'
import { Images, SearchX, Trash2 } from 'lucide-react'
import { useEffect, useMemo, useState } from 'react'
import type { AssetView } from '../../../../src/api/asset-contract.ts'
import { useMayOperate } from '../shell/session.ts'
import { Button } from '../ui/button.tsx'
import { PageHeader } from '../ui/section.tsx'
import { EmptyState, ErrorState, Skeleton } from '../ui/states.tsx'
import { useUploads } from '../uploads/uploads-context.tsx'
import { AssetGrid } from './asset-grid.tsx'
import { assetsQuery } from './asset-queries.ts'
import { AssetTable } from './asset-table.tsx'
import { BulkBar } from './bulk-bar.tsx'
import { LibraryFilters } from './library-filters.tsx'
import { hasFilters, type LibrarySearch, NO_FILTERS, TOP } from './library-search.ts'
import { choose, chooseAll, keepShown, NOTHING_CHOSEN } from './selection.ts'
import { UploadButton } from './upload-button.tsx'

const route = getRouteApi('/shell/library')

export type ChangeSearch = (next: { [Key in keyof LibrarySearch]: LibrarySearch[Key] | undefined }) => void

export function LibraryPage() {
  const search = route.useSearch()
  const navigate = route.useNavigate()
  const mayOperate = useMayOperate()
  const { setFolder } = useUploads()
  const folder = search.folder === undefined || search.folder === TOP || search.trash === true ? '' : search.folder
  useEffect(() => {
    setFolder(folder)
    return () => setFolder('')
  }, [folder, setFolder])
  const change: ChangeSearch = (next) => {
    void navigate({
      search: (previous) =>
        Object.fromEntries(
          Object.entries({ ...previous, ...next }).filter(([, value]) => value !== undefined),
        ) as LibrarySearch,
      replace: true,
      resetScroll: false,
    })
  }
  const isTrash = search.trash === true
  return (
    <>
      <PageHeader
        title={isTrash ? 'Trash' : 'Library'}
        actions={
          <>
            <Button
              kind={isTrash ? 'plain' : 'quiet'}
              icon={isTrash ? <Images size={15} /> : <Trash2 size={15} />}
              onClick={() => change({ trash: isTrash ? undefined : true })}
            >
              {isTrash ? 'Back to the library' : 'Trash'}
            </Button>
            {mayOperate && !isTrash && <UploadButton folder={folder} />}
          </>
        }
      />
      <LibraryFilters search={search} change={change} />
      <Results search={search} change={change} folder={folder} />
    </>
  )
}

function Results({
  search,
  change,
  folder,
}: {
  readonly search: LibrarySearch
  readonly change: ChangeSearch
  readonly folder: string
}) {
  const query = useInfiniteQuery(assetsQuery(search))
  const mayOperate = useMayOperate()
  const assets = useMemo(() => (query.data?.pages ?? []).flatMap((page) => page.assets), [query.data])
  const order = assets.map(({ id }) => id)
  const [chosen, setChosen] = useState(NOTHING_CHOSEN)
  const selection = keepShown(chosen, order)
  const isTable = search.view === 'table'

  if (query.isError && query.data === undefined) {
    return (
      <div className="card">
        <ErrorState error={query.error} onRetry={() => void query.refetch()} />
      </div>
    )
  }
  if (query.data === undefined) return isTable ? <LoadingTable /> : <LoadingGrid />
  if (assets.length === 0) return <Nothing search={search} change={change} folder={folder} />

  const shown = {
    assets,
    selection: selection.ids,
    isTrash: search.trash === true,
    onChoose: mayOperate
      ? (asset: AssetView, isRange: boolean) => setChosen(choose(selection, asset.id, order, isRange))
      : null,
  }
  return (
    <>
      {isTable ? (
        <AssetTable {...shown} onChooseAll={() => setChosen(chooseAll(selection, order))} change={change} />
      ) : (
        <AssetGrid {...shown} />
      )}
      {query.hasNextPage && (
        <div className="mt-4 flex justify-center">
          <Button isBusy={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
            Show more
          </Button>
        </div>
      )}
      <BulkBar
        assets={assets.filter(({ id }) => selection.ids.has(id))}
        isTrash={search.trash === true}
        onChooseAll={() => setChosen({ ids: new Set(order), anchor: null })}
        onClear={() => setChosen(NOTHING_CHOSEN)}
      />
    </>
  )
}

function Nothing({
  search,
  change,
  folder,
}: {
  readonly search: LibrarySearch
  readonly change: ChangeSearch
  readonly folder: string
}) {
  const mayOperate = useMayOperate()
  if (hasFilters(search)) {
    return (
      <div className="card">
        <EmptyState
          icon={<SearchX size={20} />}
          title="Nothing matches"
          actions={
            <>
              <Button onClick={() => change(NO_FILTERS)}>Clear filters</Button>
              {mayOperate && search.folder !== undefined && <UploadButton folder={folder} />}
            </>
          }
        >
          {search.q !== undefined && 'Words of names and tags are searched, from their beginnings.'}
        </EmptyState>
      </div>
    )
  }
  if (search.trash === true) {
    return (
      <div className="card">
        <EmptyState icon={<Trash2 size={20} />} title="The trash is empty">
          What is deleted lies here for a while and can be restored. Then it goes for good.
        </EmptyState>
      </div>
    )
  }
  return (
    <div className="rounded-[10px] border border-edge/50 border-dashed bg-surface">
      <EmptyState
        icon={<Images size={20} />}
        title="The library is empty"
        actions={mayOperate ? <UploadButton folder="" /> : null}
      >
        {mayOperate
          ? 'Drop pictures, videos, sound and documents here, or whole folders. Large files survive a broken line, a closed tab and a restart: they go on where they were.'
          : 'Nobody has uploaded anything yet.'}
      </EmptyState>
    </div>
  )
}

const CELLS = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l']

function LoadingGrid() {
  return (
    <div
      role="status"
      aria-label="Loading the library"
      className="grid grid-cols-[repeat(auto-fill,minmax(10.5rem,1fr))] gap-3 max-md:grid-cols-2"
    >
      {CELLS.map((cell) => (
        <div key={cell} className="card overflow-hidden">
          <Skeleton className="aspect-4/3 rounded-none" />
          <div className="space-y-2 p-2.5">
            <Skeleton className="h-3.5 w-3/4" />
            <Skeleton className="h-3 w-1/2" />
          </div>
        </div>
      ))}
    </div>
  )
}

function LoadingTable() {
  return (
    <div role="status" aria-label="Loading the library" className="card divide-y divide-line">
      {CELLS.slice(0, 8).map((row) => (
        <div key={row} className="flex h-13 items-center gap-4 px-4">
          <Skeleton className="size-9 shrink-0" />
          <Skeleton className="h-3.5 w-48" />
          <Skeleton className="ml-auto h-3.5 w-24 max-md:hidden" />
          <Skeleton className="h-3.5 w-16 max-md:hidden" />
        </div>
      ))}
    </div>
  )
}

import { useQuery, useQueryClient } from '@tanstack/react-query'
import { getRouteApi, Link } from '@tanstack/react-router'
import { ChevronRight, Download, Ellipsis, Link2, Pencil, RotateCw, SearchX, Trash2, Undo2 } from 'lucide-react'
import { useState } from 'react'
import type { AssetView } from '../../../../src/api/asset-contract.ts'
import { isProblem } from '../api/client.ts'
import { useMayOperate } from '../shell/session.ts'
import { Button, buttonClass, IconButton } from '../ui/button.tsx'
import { Confirm } from '../ui/confirm.tsx'
import { CopyRow } from '../ui/copy.tsx'
import { Facts } from '../ui/facts.tsx'
import { Menu } from '../ui/menu.tsx'
import { RelativeTime } from '../ui/relative-time.tsx'
import { Section } from '../ui/section.tsx'
import { ShareDialog } from '../ui/share-dialog.tsx'
import { EmptyState, ErrorState, Notice, Skeleton } from '../ui/states.tsx'
import { toastDone, toastError } from '../ui/toast.tsx'
import { linkAsset, processAsset, removeSubtitles, restoreAsset, trashAsset } from './asset-actions.ts'
import { aboutAsset, hasLocation, writtenInto } from './asset-facts.ts'
import { assetQuery, putAsset } from './asset-queries.ts'
import { AssetStatusBadge } from './asset-status.tsx'
import { AssetViewer } from './asset-viewer.tsx'
import { originalPath, renditionWords } from './asset-words.ts'
import { EditDialog } from './edit-dialog.tsx'
import { GoesIn } from './goes-in.tsx'
import { ProcessingPanel } from './processing-panel.tsx'
import { RenditionTable } from './rendition-table.tsx'
import { StoredPanel } from './stored-panel.tsx'
import { SubtitlesPanel } from './subtitles-panel.tsx'

const route = getRouteApi('/shell/library/$id')

export function AssetPage() {
  const { id } = route.useParams()
  const asset = useQuery(assetQuery(id))
  if (isProblem(asset.error, 'asset_not_found')) return <Gone />
  if (asset.data !== undefined) return <Loaded key={id} asset={asset.data} isOld={asset.isError} />
  if (asset.isError) {
    return (
      <div className="card">
        <ErrorState error={asset.error} onRetry={() => void asset.refetch()} />
      </div>
    )
  }
  return <Loading />
}

type Open = 'edit' | 'share' | 'delete' | null

function Loaded({ asset, isOld }: { readonly asset: AssetView; readonly isOld: boolean }) {
  const [open, setOpen] = useState<Open>(null)
  const [shared, setShared] = useState<string | null>(null)
  const client = useQueryClient()
  const mayOperate = useMayOperate()
  const share = (rendition: string | null): void => {
    setShared(rendition)
    setOpen('share')
  }
  const run = async (act: Promise<AssetView>, done: string): Promise<void> => {
    try {
      putAsset(client, await act)
      toastDone(done)
    } catch (error) {
      toastError(error)
    }
  }
  const written = writtenInto(asset)
  const isTrashed = asset.deletedAt !== null
  return (
    <>
      <Header asset={asset} mayOperate={mayOperate} onOpen={setOpen} onShare={() => share(null)} run={run} />
      {isOld && (
        <div className="mb-4">
          <Notice tone="bad">This page could not be refreshed; what it says may be old.</Notice>
        </div>
      )}
      {isTrashed && (
        <div className="mb-4 flex flex-wrap items-center gap-3 rounded-md bg-warn-wash px-3 py-2 text-warn">
          <span>
            This is in the trash: links to it open nothing. <GoesIn asset={asset} /> for good.
          </span>
          {mayOperate && (
            <Button
              isSmall
              icon={<Undo2 size={13} />}
              onClick={() => void run(restoreAsset(asset), `${asset.name} is back.`)}
            >
              Restore
            </Button>
          )}
        </div>
      )}
      <div className="grid gap-4 lg:grid-cols-[minmax(0,1fr)_20rem] lg:grid-rows-[auto_1fr] xl:grid-cols-[minmax(0,1fr)_22rem]">
        <div className="min-w-0">
          <AssetViewer asset={asset} />
        </div>
        <div className="min-w-0 space-y-4 lg:col-start-2 lg:row-span-2 lg:row-start-1">
          <ProcessingPanel
            asset={asset}
            onRetry={
              mayOperate && !isTrashed
                ? () => void run(processAsset(asset, false), 'It is processed again, from the step that failed.')
                : null
            }
          />
          <Section title="About">
            <Facts
              facts={[
                ...aboutAsset(asset),
                { label: 'Uploaded', value: <RelativeTime at={asset.uploadedAt} /> },
                ...(asset.processedAt === null
                  ? []
                  : [{ label: 'Processed', value: <RelativeTime at={asset.processedAt} /> }]),
              ]}
            />
          </Section>
          <OwnersWords asset={asset} onEdit={mayOperate && !isTrashed ? () => setOpen('edit') : null} />
          <Section title="For programs">
            <CopyRow label="Asset id" value={asset.id} />
            <CopyRow label="SHA-256" value={asset.sha256} />
            <CopyRow label="Key in the store" value={asset.storageKey} />
          </Section>
        </div>
        <div className="min-w-0 space-y-4">
          {asset.kind === 'video' && (
            <SubtitlesPanel
              asset={asset}
              mayChange={mayOperate && !isTrashed && !isBusyWith(asset)}
              onRemove={(language) =>
                void run(removeSubtitles(asset, language), 'The playlist is made again without them.')
              }
            />
          )}
          <RenditionTable asset={asset} onShare={isTrashed ? null : share} />
          {written.length > 0 && (
            <Section
              title={asset.kind === 'image' ? 'Written by the camera' : 'Written into the file'}
              description={
                hasLocation(asset)
                  ? 'The original says where it was taken; what is made of it does not.'
                  : 'As the original says it. What is made of a picture carries none of it.'
              }
            >
              <Facts facts={written} />
            </Section>
          )}
          <StoredPanel asset={asset} />
        </div>
      </div>
      <EditDialog asset={asset} isOpen={open === 'edit'} onClose={() => setOpen(null)} />
      <ShareDialog
        isOpen={open === 'share'}
        onClose={() => setOpen(null)}
        title={`Share ${asset.name}`}
        part={shared}
        parts={[
          { value: null, label: 'The original' },
          ...asset.renditions.map(({ name }) => ({ value: name, label: renditionWords(name) })),
        ]}
        makeLink={(part, sec) => linkAsset(asset, part, sec)}
      />
      <Confirm
        isOpen={open === 'delete'}
        onClose={() => setOpen(null)}
        title={`Delete ${asset.name}?`}
        verb="Put into the trash"
        isDanger
        onConfirm={async () => {
          putAsset(client, await trashAsset(asset))
          toastDone(`${asset.name} is in the trash.`)
        }}
      >
        It goes into the trash, from which it can be restored for a while. Links to it stop working at once.
      </Confirm>
    </>
  )
}

function Header({
  asset,
  mayOperate,
  onOpen,
  onShare,
  run,
}: {
  readonly asset: AssetView
  readonly mayOperate: boolean
  readonly onOpen: (open: Open) => void
  readonly onShare: () => void
  readonly run: (act: Promise<AssetView>, done: string) => Promise<void>
}) {
  const isTrashed = asset.deletedAt !== null
  const isBusy = isBusyWith(asset)
  return (
    <header className="mb-5 flex flex-wrap items-start justify-between gap-x-6 gap-y-3">
      <div className="min-w-0">
        <nav aria-label="Path" className="flex min-w-0 items-center gap-1 text-soft text-xs">
          <Link to="/library" className="shrink-0 hover:text-ink">
            Library
          </Link>
          {asset.folder !== '' && (
            <>
              <ChevronRight size={12} aria-hidden className="shrink-0" />
              <Link to="/library" search={{ folder: asset.folder }} className="truncate hover:text-ink">
                {asset.folder}
              </Link>
            </>
          )}
        </nav>
        <div className="mt-0.5 flex flex-wrap items-center gap-x-3 gap-y-1">
          <h1 className="text-lg wrap-anywhere">{asset.name}</h1>
          <AssetStatusBadge asset={asset} />
        </div>
      </div>
      <div className="flex flex-wrap items-center gap-2">
        <a href={originalPath(asset)} download={asset.name} className={buttonClass()}>
          <Download size={14} /> Download
        </a>
        {!isTrashed && (
          <Button icon={<Link2 size={14} />} onClick={onShare}>
            Share
          </Button>
        )}
        {mayOperate && !isTrashed && (
          <Menu
            trigger={
              <IconButton label="More actions" className="border border-line bg-surface shadow-card">
                <Ellipsis size={16} />
              </IconButton>
            }
            items={[
              { label: 'Edit…', icon: <Pencil size={14} />, onSelect: () => onOpen('edit') },
              ...(isBusy
                ? []
                : [
                    {
                      label: 'Process again',
                      icon: <RotateCw size={14} />,
                      onSelect: () => void run(processAsset(asset, true), 'It is processed again, from the start.'),
                    },
                  ]),
              { label: 'Delete…', icon: <Trash2 size={14} />, isDanger: true, onSelect: () => onOpen('delete') },
            ]}
          />
        )}
      </div>
    </header>
  )
}

function isBusyWith({ status }: AssetView): boolean {
  return status === 'pending' || status === 'processing'
}

function OwnersWords({ asset, onEdit }: { readonly asset: AssetView; readonly onEdit: (() => void) | null }) {
  const metadata = Object.entries(asset.metadata)
  return (
    <Section
      title="Tags and metadata"
      actions={
        onEdit === null ? undefined : (
          <Button isSmall icon={<Pencil size={12} />} onClick={onEdit}>
            Edit
          </Button>
        )
      }
    >
      {asset.tags.length === 0 && metadata.length === 0 && (
        <p className="text-soft">Nobody has written anything yet.</p>
      )}
      {asset.tags.length > 0 && (
        <ul className="mb-3 flex flex-wrap gap-1.5 last:mb-0">
          {asset.tags.map((tag) => (
            <li key={tag} className="max-w-full">
              <Link
                to="/library"
                search={{ tag }}
                className="block truncate rounded-md bg-sunken px-2 py-1 text-xs hover:bg-hover"
              >
                {tag}
              </Link>
            </li>
          ))}
        </ul>
      )}
      {metadata.length > 0 && (
        <Facts
          facts={metadata.map(([label, value]) => ({
            label,
            value: typeof value === 'string' ? value : JSON.stringify(value),
          }))}
        />
      )}
    </Section>
  )
}

function Gone() {
  return (
    <EmptyState
      icon={<SearchX size={20} />}
      title="There is no such asset"
      actions={
        <Link to="/library" className={buttonClass()}>
          Go to the library
        </Link>
      }
    >
      It may have been deleted for good, or the address is mistyped.
    </EmptyState>
  )
}

function Loading() {
  return (
    <div role="status" aria-label="Loading the asset">
      <Skeleton className="mb-2 h-3 w-32" />
      <Skeleton className="mb-5 h-6 w-64" />
      <div className="grid gap-4 lg:grid-cols-[minmax(0,1fr)_20rem] xl:grid-cols-[minmax(0,1fr)_22rem]">
        <Skeleton className="aspect-video rounded-[10px]" />
        <Skeleton className="h-96 rounded-[10px]" />
      </div>
    </div>
  )
}

// What can be done with all that is chosen. It floats above the page, so that nothing jumps when the first is chosen.
import { useQueryClient } from '@tanstack/react-query'
import { RotateCw, Tag, Trash2, Undo2, X } from 'lucide-react'
import { useState } from 'react'
import type { AssetView } from '../../../../src/api/asset-contract.ts'
import { plural } from '../format/quantity.ts'
import { Button, IconButton } from '../ui/button.tsx'
import { Confirm } from '../ui/confirm.tsx'
import { toastDone, toastError } from '../ui/toast.tsx'
import { processAsset, restoreAsset, trashAsset } from './asset-actions.ts'
import { ASSETS_KEY } from './asset-queries.ts'
import { failureWords, forEach } from './bulk.ts'
import { TagDialog } from './tag-dialog.tsx'

const filesWord = (count: number): string => plural(count, 'file', 'files')

export function BulkBar({
  assets,
  isTrash,
  onChooseAll,
  onClear,
}: {
  readonly assets: readonly AssetView[]
  readonly isTrash: boolean
  readonly onChooseAll: () => void
  readonly onClear: () => void
}) {
  const client = useQueryClient()
  const [open, setOpen] = useState<'delete' | 'tag' | null>(null)
  const [progress, setProgress] = useState<number | null>(null)
  const isBusy = progress !== null

  const run = async (act: (asset: AssetView) => Promise<unknown>, words: (count: number) => string): Promise<void> => {
    setProgress(0)
    const result = await forEach(assets, act, setProgress)
    setProgress(null)
    await client.invalidateQueries({ queryKey: ASSETS_KEY })
    const failure = failureWords(result)
    if (failure !== null) toastError(new Error(failure))
    if (result.done > 0) toastDone(words(result.done))
    onClear()
  }

  if (assets.length === 0) return null
  return (
    <>
      <section
        aria-label="Chosen files"
        className="fixed bottom-4 left-1/2 z-20 flex max-w-[calc(100vw-2rem)] -translate-x-1/2 animate-appear items-center gap-1 rounded-xl bg-surface p-1.5 pl-4 shadow-pop max-md:bottom-18 max-md:left-4 max-md:translate-x-0 max-md:flex-wrap"
      >
        <span className="tnum mr-2 whitespace-nowrap font-medium" aria-live="polite">
          {isBusy ? `${progress} of ${assets.length}…` : `${assets.length} chosen`}
        </span>
        <Button kind="quiet" disabled={isBusy} onClick={onChooseAll}>
          Choose all shown
        </Button>
        {isTrash ? (
          <Button
            icon={<Undo2 size={14} />}
            isBusy={isBusy}
            onClick={() => void run(restoreAsset, (count) => `${filesWord(count)} taken out of the trash.`)}
          >
            Restore
          </Button>
        ) : (
          <>
            <Button kind="quiet" icon={<Tag size={14} />} disabled={isBusy} onClick={() => setOpen('tag')}>
              Tags
            </Button>
            <Button
              kind="quiet"
              icon={<RotateCw size={14} />}
              disabled={isBusy}
              onClick={() =>
                void run(
                  (asset) => processAsset(asset, asset.status !== 'failed'),
                  (count) => `${filesWord(count)} will be processed again.`,
                )
              }
            >
              Process again
            </Button>
            <Button kind="quiet" icon={<Trash2 size={14} />} disabled={isBusy} onClick={() => setOpen('delete')}>
              Delete
            </Button>
          </>
        )}
        <IconButton label="Choose none" onClick={onClear}>
          <X size={15} />
        </IconButton>
      </section>
      <Confirm
        isOpen={open === 'delete'}
        onClose={() => setOpen(null)}
        title={`Delete ${filesWord(assets.length)}?`}
        verb="Put into the trash"
        isDanger
        onConfirm={() => run(trashAsset, (count) => `${filesWord(count)} put into the trash.`)}
      >
        They go into the trash, from which they can be restored for a while. Links to them stop working at once.
      </Confirm>
      <TagDialog isOpen={open === 'tag'} onClose={() => setOpen(null)} assets={assets} onTag={run} />
    </>
  )
}

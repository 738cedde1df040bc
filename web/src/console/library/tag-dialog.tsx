import { type FormEvent, useState } from 'react'
import type { AssetView } from '../../../../src/api/asset-contract.ts'
import { plural } from '../format/quantity.ts'
import { Button } from '../ui/button.tsx'
import { Dialog, DialogActions } from '../ui/dialog.tsx'
import { editAsset } from './asset-actions.ts'
import { TagInput } from './tag-input.tsx'

interface TagDialogProps {
  readonly isOpen: boolean
  readonly onClose: () => void
  readonly assets: readonly AssetView[]
  readonly onTag: (act: (asset: AssetView) => Promise<unknown>, words: (count: number) => string) => Promise<void>
}

/** Adds tags to all of them, and takes others away from all of them. */
export function TagDialog(props: TagDialogProps) {
  return (
    <Dialog
      isOpen={props.isOpen}
      onClose={props.onClose}
      title={`Tags of ${plural(props.assets.length, 'file', 'files')}`}
    >
      <TagForm {...props} />
    </Dialog>
  )
}

function TagForm({ onClose, assets, onTag }: TagDialogProps) {
  const [added, setAdded] = useState<readonly string[]>([])
  const [removed, setRemoved] = useState<ReadonlySet<string>>(new Set())
  const present = [...new Set(assets.flatMap(({ tags }) => tags))].toSorted((a, b) => a.localeCompare(b))
  const submit = (event: FormEvent): void => {
    event.preventDefault()
    onClose()
    void onTag(
      (asset) => {
        const tags = [...new Set([...asset.tags.filter((tag) => !removed.has(tag)), ...added])]
        return editAsset(asset, { tags })
      },
      (count) => `The tags of ${plural(count, 'file were', 'files were')} changed.`,
    )
  }
  const toggle = (tag: string): void => {
    const next = new Set(removed)
    if (!next.delete(tag)) next.add(tag)
    setRemoved(next)
  }
  return (
    <form onSubmit={submit} className="space-y-4">
      <TagInput label="Add" tags={added} onChange={setAdded} />
      {present.length > 0 && (
        <fieldset>
          <legend className="mb-1 font-medium text-xs">Take away</legend>
          <div className="flex max-h-40 flex-wrap gap-1.5 overflow-y-auto">
            {present.map((tag) => (
              <button
                key={tag}
                type="button"
                aria-pressed={removed.has(tag)}
                onClick={() => toggle(tag)}
                className="h-7 max-w-full truncate rounded-md border border-line px-2 text-xs hover:bg-hover aria-pressed:border-bad aria-pressed:bg-bad-wash aria-pressed:text-bad aria-pressed:line-through"
              >
                {tag}
              </button>
            ))}
          </div>
        </fieldset>
      )}
      <DialogActions>
        <Button onClick={onClose}>Cancel</Button>
        <Button kind="primary" type="submit" disabled={added.length === 0 && removed.size === 0}>
          Change tags
        </Button>
      </DialogActions>
    </form>
  )
}

import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useId, useState } from 'react'
import type { AssetView } from '../../../../src/api/asset-contract.ts'
import { useAttempt } from '../ui/attempt.ts'
import { Button } from '../ui/button.tsx'
import { Dialog, DialogActions } from '../ui/dialog.tsx'
import { Field, INPUT_CLASS, TextField } from '../ui/field.tsx'
import { InlineProblem } from '../ui/states.tsx'
import { toastDone } from '../ui/toast.tsx'
import { editAsset } from './asset-actions.ts'
import { labelsQuery, putAsset } from './asset-queries.ts'
import { parseMetadata } from './metadata-text.ts'
import { TagInput } from './tag-input.tsx'

interface EditDialogProps {
  readonly asset: AssetView
  readonly isOpen: boolean
  readonly onClose: () => void
}

export function EditDialog(props: EditDialogProps) {
  return (
    <Dialog isOpen={props.isOpen} onClose={props.onClose} title={`Edit ${props.asset.name}`}>
      <EditForm {...props} />
    </Dialog>
  )
}

function EditForm({ asset, onClose }: EditDialogProps) {
  const client = useQueryClient()
  const { data: labels } = useQuery(labelsQuery)
  const folderListId = useId()
  const [name, setName] = useState(asset.name)
  const [folder, setFolder] = useState(asset.folder)
  const [tags, setTags] = useState<readonly string[]>(asset.tags)
  const [metadata, setMetadata] = useState(
    Object.keys(asset.metadata).length === 0 ? '' : JSON.stringify(asset.metadata, null, 2),
  )
  const parsed = parseMetadata(metadata)

  const { isBusy, error, submit } = useAttempt(async () => {
    if (!parsed.ok) return
    putAsset(client, await editAsset(asset, { name, folder, tags: [...tags], metadata: { ...parsed.value } }))
    onClose()
    toastDone(`${name} was changed.`)
  })

  return (
    <form onSubmit={submit} className="space-y-3">
      <TextField
        label="Name"
        value={name}
        maxLength={200}
        required
        onChange={(event) => setName(event.target.value)}
        autoFocus
      />
      <TextField
        label="Folder"
        hint="Names with slashes between them; empty: in no folder."
        value={folder}
        maxLength={500}
        list={folderListId}
        placeholder="photos/2026"
        onChange={(event) => setFolder(event.target.value)}
      />
      <datalist id={folderListId}>
        {(labels?.folders ?? [])
          .filter((each) => each !== '')
          .slice(0, 200)
          .map((each) => (
            <option key={each} value={each} />
          ))}
      </datalist>
      <TagInput label="Tags" tags={tags} onChange={setTags} />
      <Field
        label="Metadata"
        hint="A JSON object with whatever you want to keep."
        error={parsed.ok ? null : parsed.why}
      >
        {({ id, describedBy, invalid }) => (
          <textarea
            id={id}
            aria-describedby={describedBy}
            aria-invalid={invalid}
            rows={5}
            spellCheck={false}
            value={metadata}
            placeholder={'{ "photographer": "Ada" }'}
            onChange={(event) => setMetadata(event.target.value)}
            className={`${INPUT_CLASS} h-auto! py-1.5 font-mono text-xs!`}
          />
        )}
      </Field>
      <InlineProblem error={error} />
      <DialogActions>
        <Button onClick={onClose}>Cancel</Button>
        <Button kind="primary" type="submit" isBusy={isBusy} disabled={name.trim() === '' || !parsed.ok}>
          Save
        </Button>
      </DialogActions>
    </form>
  )
}

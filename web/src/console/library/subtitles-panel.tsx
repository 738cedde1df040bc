// What a video says in writing, by language: what was in the file, and what somebody added in its place or beside it.
import { useQueryClient } from '@tanstack/react-query'
import { Plus, Trash2 } from 'lucide-react'
import { useState } from 'react'
import type { AssetView } from '../../../../src/api/asset-contract.ts'
import { useAttempt } from '../ui/attempt.ts'
import { Button, IconButton } from '../ui/button.tsx'
import { Dialog, DialogActions } from '../ui/dialog.tsx'
import { Field, INPUT_CLASS, TextField } from '../ui/field.tsx'
import { Section } from '../ui/section.tsx'
import { InlineProblem, Notice } from '../ui/states.tsx'
import { toastDone } from '../ui/toast.tsx'
import { putSubtitles } from './asset-actions.ts'
import { putAsset } from './asset-queries.ts'
import { textFact } from './asset-words.ts'
import { languageWords, subtitlesOf } from './subtitles.ts'

interface PanelProps {
  readonly asset: AssetView
  /** False also while it is processed. */
  readonly mayChange: boolean
  readonly onRemove: (language: string) => void
}

export function SubtitlesPanel({ asset, mayChange, onRemove }: PanelProps) {
  const [isAdding, setAdding] = useState(false)
  const tracks = subtitlesOf(asset)
  const problem = textFact(asset, 'subtitleProblem')
  return (
    <Section
      title="Subtitles"
      description="Viewers choose among them in the player."
      actions={
        mayChange && (
          <Button isSmall icon={<Plus size={13} />} onClick={() => setAdding(true)}>
            Add
          </Button>
        )
      }
    >
      {tracks.length === 0 && <p className="text-soft">None.</p>}
      <ul className="divide-y divide-line">
        {tracks.map(({ name, language, title, isAdded }) => (
          <li key={name} className="flex items-center gap-3 py-1.5">
            <span className="min-w-0 flex-1 truncate">
              {languageWords(language)}
              {title !== null && <span className="text-soft"> · {title}</span>}
            </span>
            <span className="text-soft text-xs">{isAdded ? 'added' : 'from the file'}</span>
            {isAdded && mayChange && (
              <IconButton label={`Remove subtitles in ${languageWords(language)}`} onClick={() => onRemove(language)}>
                <Trash2 size={14} />
              </IconButton>
            )}
          </li>
        ))}
      </ul>
      {problem !== null && <Notice tone="bad">{problem}</Notice>}
      <Dialog isOpen={isAdding} onClose={() => setAdding(false)} title={`Add subtitles to ${asset.name}`}>
        <AddForm asset={asset} onClose={() => setAdding(false)} />
      </Dialog>
    </Section>
  )
}

function AddForm({ asset, onClose }: { readonly asset: AssetView; readonly onClose: () => void }) {
  const client = useQueryClient()
  const [language, setLanguage] = useState('')
  const [file, setFile] = useState<File | null>(null)
  const { isBusy, error, submit } = useAttempt(async () => {
    if (file === null) return
    putAsset(client, await putSubtitles(asset, language.trim(), file))
    onClose()
    toastDone('The playlist is made again with them.')
  })
  return (
    <form onSubmit={submit} className="space-y-3">
      <TextField
        label="Language"
        hint="A tag such as de or pt-BR. What there is in it is replaced."
        value={language}
        maxLength={35}
        required
        autoFocus
        onChange={(event) => setLanguage(event.target.value)}
      />
      <Field label="File" hint="SubRip, WebVTT or SubStation Alpha, in UTF-8, of at most 8 MiB.">
        {({ id, describedBy }) => (
          <input
            id={id}
            type="file"
            accept=".srt,.vtt,.ass,.ssa"
            aria-describedby={describedBy}
            className={`${INPUT_CLASS} h-auto! py-1.5`}
            onChange={(event) => setFile(event.target.files?.[0] ?? null)}
          />
        )}
      </Field>
      <InlineProblem error={error} />
      <DialogActions>
        <Button onClick={onClose}>Cancel</Button>
        <Button kind="primary" type="submit" isBusy={isBusy} disabled={language.trim() === '' || file === null}>
          Add
        </Button>
      </DialogActions>
    </form>
  )
}

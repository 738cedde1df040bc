import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import { streamsQuery } from '../api/queries.ts'
import { useAttempt } from '../ui/attempt.ts'
import { Button } from '../ui/button.tsx'
import { Dialog, DialogActions } from '../ui/dialog.tsx'
import { TextField } from '../ui/field.tsx'
import { InlineProblem } from '../ui/states.tsx'
import { createStream } from './stream-actions.ts'
import { complainAboutStreamId } from './stream-id.ts'

const PRESETS = [
  {
    id: 'standard',
    title: 'Standard',
    about: '2 s segments, 200 ms parts. About 1 s behind; easy on encoders and caches.',
  },
  {
    id: 'low-latency',
    title: 'Lowest latency',
    about: '500 ms segments, 100 ms parts. Well below 1 s; the encoder must set a keyframe every 500 ms.',
  },
] as const
type PresetId = (typeof PRESETS)[number]['id']

export function CreateDialog({ isOpen, onClose }: { readonly isOpen: boolean; readonly onClose: () => void }) {
  return (
    <Dialog
      isOpen={isOpen}
      onClose={onClose}
      title="Create a stream"
      description="You get addresses and a key for your encoder."
    >
      <CreateForm onClose={onClose} />
    </Dialog>
  )
}

function CreateForm({ onClose }: { readonly onClose: () => void }) {
  const client = useQueryClient()
  const navigate = useNavigate()
  const { data: streams } = useQuery(streamsQuery)
  const [id, setId] = useState('')
  const [name, setName] = useState('')
  const [preset, setPreset] = useState<PresetId>('standard')
  const complaint = complainAboutStreamId(id, streams?.map((stream) => stream.id) ?? [])

  const { isBusy, error, submit } = useAttempt(async () => {
    const settings = preset === 'low-latency' ? { segment: '500ms', part: '100ms' } : {}
    const stream = await createStream(client, { id, ...(name.trim() === '' ? {} : { name: name.trim() }), settings })
    await navigate({ to: '/streams/$id', params: { id: stream.id }, search: { tab: 'connect' } })
  })

  return (
    <form onSubmit={submit} className="space-y-4">
      <TextField
        label="Stream id"
        hint="Part of every address: letters A–Z, digits and hyphens, 64 at most. It cannot be changed later."
        error={complaint}
        value={id}
        onChange={(event) => setId(event.target.value)}
        placeholder="studio-1"
        className="font-mono"
        autoFocus
        required
      />
      <TextField
        label="Name (optional)"
        hint="What people call it. It can be changed at any time."
        value={name}
        maxLength={200}
        onChange={(event) => setName(event.target.value)}
        placeholder="Main studio"
      />
      <fieldset>
        <legend className="mb-1 font-medium text-xs">Latency</legend>
        <div className="grid gap-2">
          {PRESETS.map((each) => (
            <label
              key={each.id}
              className="flex cursor-pointer gap-2.5 rounded-lg border border-line p-3 has-checked:border-accent has-checked:bg-accent-wash"
            >
              <input
                type="radio"
                name="preset"
                checked={preset === each.id}
                onChange={() => setPreset(each.id)}
                className="mt-0.5 size-4 accent-accent"
              />
              <span>
                <span className="block font-medium">{each.title}</span>
                <span className="block text-soft text-xs">{each.about}</span>
              </span>
            </label>
          ))}
        </div>
      </fieldset>
      <InlineProblem error={error} />
      <DialogActions>
        <Button onClick={onClose}>Cancel</Button>
        <Button kind="primary" type="submit" isBusy={isBusy} disabled={id === '' || complaint !== null}>
          Create stream
        </Button>
      </DialogActions>
    </form>
  )
}

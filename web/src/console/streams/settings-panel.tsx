import { useMutation, useQueryClient } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import type { StreamSettingsView, StreamView } from '../../../../src/api/stream-contract.ts'
import { ProblemError } from '../api/client.ts'
import { Button } from '../ui/button.tsx'
import { SelectField, TextField } from '../ui/field.tsx'
import { Section } from '../ui/section.tsx'
import { InlineProblem } from '../ui/states.tsx'
import { toastDone } from '../ui/toast.tsx'
import { updateStream } from './stream-actions.ts'

type Draft = StreamSettingsView & { readonly name: string }

const DURATIONS = [
  { key: 'segment', label: 'Segment', hint: '300ms to 10s. Ideally a whole number of keyframe intervals.' },
  { key: 'part', label: 'Part', hint: '80ms to 1s. Shorter is lower latency and more requests.' },
  { key: 'window', label: 'Live window', hint: '10s to 5m of the newest media, held in memory.' },
  { key: 'switchAfter', label: 'Switch after', hint: 'Silence of the input on air before another takes its place.' },
  { key: 'returnAfter', label: 'Return after', hint: 'Health of an earlier input before it is taken again, or never.' },
  { key: 'grace', label: 'Grace time', hint: 'How long a silent stream stays up with gaps before it ends.' },
] as const

export function SettingsPanel({ stream }: { readonly stream: StreamView }) {
  const client = useQueryClient()
  const saved: Draft = { ...stream.settings, name: stream.name }
  const [draft, setDraft] = useState<Draft>(saved)
  const changed = (Object.keys(saved) as (keyof Draft)[]).filter((key) => draft[key] !== saved[key])
  const save = useMutation({
    mutationFn: () => updateStream(client, stream.id, bodyOf(draft, changed)),
    onSuccess: () =>
      toastDone(
        stream.status === 'offline'
          ? 'Settings saved.'
          : 'Settings saved. They apply from the next start of the stream.',
      ),
  })
  const set = (change: Partial<Draft>): void => setDraft({ ...draft, ...change })
  const submit = (event: FormEvent): void => {
    event.preventDefault()
    save.mutate()
  }
  const errorOf = (key: string): string | null => fieldError(save.error, key)

  return (
    <Section title="Settings" description="Changes to a stream on air take effect when it starts the next time.">
      <form onSubmit={submit} className="space-y-4">
        <TextField
          label="Name"
          value={draft.name}
          maxLength={200}
          placeholder="no name"
          onChange={(event) => set({ name: event.target.value })}
        />
        <div className="grid gap-4 sm:grid-cols-2">
          {DURATIONS.map(({ key, label, hint }) => (
            <TextField
              key={key}
              label={label}
              hint={hint}
              error={errorOf(key)}
              value={draft[key]}
              onChange={(event) => set({ [key]: event.target.value })}
              className="font-mono"
            />
          ))}
          <SelectField
            label="Keyframes"
            hint="Choose fixed only if the encoder sets a keyframe at every segment start."
            value={draft.gop}
            onChange={(event) => set({ gop: event.target.value === 'fixed' ? 'fixed' : 'auto' })}
          >
            <option value="auto">as they come</option>
            <option value="fixed">fixed: they divide the segment</option>
          </SelectField>
          <SelectField
            label="Second encoder"
            hint="What happens when an encoder connects while another one publishes."
            value={draft.onBusy}
            onChange={(event) => set({ onBusy: event.target.value as Draft['onBusy'] })}
          >
            <option value="refuse">is refused</option>
            <option value="takeover">takes over</option>
            <option value="standby">stands by as a backup</option>
          </SelectField>
        </div>
        <InlineProblem error={save.error} />
        <div className="flex gap-2">
          <Button type="submit" kind="primary" isBusy={save.isPending} disabled={changed.length === 0}>
            Save changes
          </Button>
          {changed.length > 0 && (
            <Button
              onClick={() => {
                setDraft(saved)
                save.reset()
              }}
            >
              Discard
            </Button>
          )}
        </div>
      </form>
    </Section>
  )
}

function bodyOf(
  draft: Draft,
  changed: readonly (keyof Draft)[],
): { name?: string; settings?: Partial<StreamSettingsView> } {
  const settings = Object.fromEntries(changed.filter((key) => key !== 'name').map((key) => [key, draft[key]]))
  return {
    ...(changed.includes('name') ? { name: draft.name } : {}),
    ...(Object.keys(settings).length > 0 ? { settings } : {}),
  }
}

export function fieldError(error: unknown, key: string): string | null {
  if (!(error instanceof ProblemError)) return null
  return error.problem.errors?.find(({ path }) => path.endsWith(key))?.message ?? null
}

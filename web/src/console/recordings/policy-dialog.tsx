import { useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import type { ChangedRecordingPolicyView, RecordingPolicyView } from '../../../../src/api/recording-policy-contract.ts'
import { callApi } from '../api/client.ts'
import { fieldError } from '../streams/settings-panel.tsx'
import { useAttempt } from '../ui/attempt.ts'
import { Button } from '../ui/button.tsx'
import { Dialog, DialogActions } from '../ui/dialog.tsx'
import { TextField } from '../ui/field.tsx'
import { InlineProblem } from '../ui/states.tsx'
import { toastDone } from '../ui/toast.tsx'
import { POLICY_KEY, POLICY_PATH } from './recording-queries.ts'
import { parseDays, policyWords } from './recording-words.ts'

interface PolicyProps {
  readonly policy: RecordingPolicyView
  readonly isOpen: boolean
  readonly onClose: () => void
}

const FIELDS = [
  { key: 'retentionDays', label: 'Delete after (days)', hint: '0 keeps them for ever.' },
  { key: 'hotToWarmDays', label: 'Warm after (days)', hint: 'Cheaper to keep. 0: never.' },
  { key: 'warmToColdDays', label: 'Cold after (days)', hint: 'Cheapest to keep, dearer to hear. 0: never.' },
] as const
type Field = (typeof FIELDS)[number]['key']

const NO_DAYS = 'Whole days, please, such as 30.'

export function PolicyDialog(props: PolicyProps) {
  return (
    <Dialog
      isOpen={props.isOpen}
      onClose={props.onClose}
      title="How long recordings are kept"
      description="Days count from when a recording came in."
    >
      <PolicyForm {...props} />
    </Dialog>
  )
}

function PolicyForm({ policy, onClose }: PolicyProps) {
  const client = useQueryClient()
  const [draft, setDraft] = useState<Readonly<Record<Field, string>>>({
    retentionDays: String(policy.retentionDays),
    hotToWarmDays: String(policy.hotToWarmDays),
    warmToColdDays: String(policy.warmToColdDays),
  })
  const [enabled, setEnabled] = useState(policy.enabled)
  const [applyToExisting, setApply] = useState(false)
  const isWhole = FIELDS.every(({ key }) => parseDays(draft[key]) !== null)

  const take = async (answer: Promise<ChangedRecordingPolicyView>): Promise<void> => {
    const { job, ...changed } = await answer
    client.setQueryData(POLICY_KEY, changed)
    onClose()
    toastDone(job === null ? 'New recordings are kept so.' : 'Recordings are kept so; those that are there follow.')
  }
  const save = useAttempt(async () => {
    if (!isWhole) return
    const days = Object.fromEntries(FIELDS.map(({ key }) => [key, parseDays(draft[key])]))
    await take(callApi('PUT', POLICY_PATH, { body: { ...days, enabled, applyToExisting } }))
  })
  const reset = useAttempt(async () => {
    await take(callApi('DELETE', `${POLICY_PATH}${applyToExisting ? '?applyToExisting=true' : ''}`))
  })
  const isBusy = save.isBusy || reset.isBusy
  const isAtField = FIELDS.some(({ key }) => fieldError(save.error, key) !== null)

  return (
    <form onSubmit={save.submit} className="space-y-3" noValidate>
      {FIELDS.map(({ key, label, hint }) => (
        <TextField
          key={key}
          label={label}
          hint={hint}
          error={fieldError(save.error, key) ?? (parseDays(draft[key]) === null ? NO_DAYS : null)}
          inputMode="numeric"
          value={draft[key]}
          onChange={(event) => setDraft({ ...draft, [key]: event.target.value })}
        />
      ))}
      <Check isOn={enabled} onChange={setEnabled} label="Move and delete recordings by themselves">
        Off, all of them stay where they are.
      </Check>
      <Check isOn={applyToExisting} onChange={setApply} label="Also for recordings that are there already">
        Changes when they are deleted; nothing goes within 24 hours that was not due anyway.
      </Check>
      <InlineProblem error={reset.error ?? (isAtField ? null : save.error)} />
      {policy.source === 'tenant' && (
        <p className="text-soft text-xs">Without changes here: {policyWords(policy.defaults)}.</p>
      )}
      <DialogActions>
        {policy.source === 'tenant' && (
          <Button kind="quiet" isBusy={reset.isBusy} disabled={isBusy} onClick={reset.start}>
            Use the defaults
          </Button>
        )}
        <Button onClick={onClose}>Cancel</Button>
        <Button kind="primary" type="submit" isBusy={save.isBusy} disabled={!isWhole || isBusy}>
          Save
        </Button>
      </DialogActions>
    </form>
  )
}

function Check({
  isOn,
  onChange,
  label,
  children,
}: {
  readonly isOn: boolean
  readonly onChange: (isOn: boolean) => void
  readonly label: string
  readonly children: string
}) {
  return (
    <label className="flex items-start gap-2.5">
      <input
        type="checkbox"
        checked={isOn}
        onChange={(event) => onChange(event.target.checked)}
        className="mt-0.5 size-4 shrink-0 accent-accent"
      />
      <span>
        <span className="block font-medium text-xs">{label}</span>
        <span className="block text-soft text-xs">{children}</span>
      </span>
    </label>
  )
}

import { useQueryClient } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import type { RecordingView } from '../../../../src/api/recording-contract.ts'
import { callApi } from '../api/client.ts'
import { Button } from '../ui/button.tsx'
import { Dialog, DialogActions } from '../ui/dialog.tsx'
import { TextField } from '../ui/field.tsx'
import { InlineProblem } from '../ui/states.tsx'
import { toastDone } from '../ui/toast.tsx'
import { RECORDINGS_KEY, recordingPath } from './recording-queries.ts'

interface DeleteProps {
  readonly recording: Pick<RecordingView, 'id' | 'callId'>
  readonly isOpen: boolean
  readonly onClose: () => void
}

export function DeleteRecordingDialog(props: DeleteProps) {
  return (
    <Dialog isOpen={props.isOpen} onClose={props.onClose} title="Delete this recording?">
      <DeleteForm {...props} />
    </Dialog>
  )
}

function DeleteForm({ recording: { id, callId }, onClose }: DeleteProps) {
  const client = useQueryClient()
  const [typed, setTyped] = useState('')
  const [isBusy, setBusy] = useState(false)
  const [error, setError] = useState<unknown>(null)
  const name = callId === '' ? 'delete' : callId
  const submit = async (event: FormEvent): Promise<void> => {
    event.preventDefault()
    setBusy(true)
    setError(null)
    try {
      await callApi('DELETE', recordingPath(id))
      onClose()
      toastDone(`The recording of ${callId === '' ? 'the call' : callId} was deleted.`)
      await client.invalidateQueries({ queryKey: RECORDINGS_KEY })
    } catch (failure) {
      setError(failure)
      setBusy(false)
    }
  }
  return (
    <form onSubmit={(event) => void submit(event)} className="space-y-4">
      <p>
        This cannot be undone: there is no trash for recordings. Its sound, its waveform and every link to it are gone
        at once.
      </p>
      <TextField
        label={`Type ${name} to confirm`}
        value={typed}
        onChange={(event) => setTyped(event.target.value)}
        className="font-mono"
        autoFocus
      />
      <InlineProblem error={error} />
      <DialogActions>
        <Button onClick={onClose}>Cancel</Button>
        <Button kind="danger" type="submit" isBusy={isBusy} disabled={typed !== name}>
          Delete for good
        </Button>
      </DialogActions>
    </form>
  )
}

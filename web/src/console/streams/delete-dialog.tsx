import { useQueryClient } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { type FormEvent, useState } from 'react'
import type { StreamView } from '../../../../src/api/stream-contract.ts'
import { plural } from '../format/quantity.ts'
import { Button } from '../ui/button.tsx'
import { Dialog, DialogActions } from '../ui/dialog.tsx'
import { TextField } from '../ui/field.tsx'
import { InlineProblem } from '../ui/states.tsx'
import { toastDone } from '../ui/toast.tsx'
import { deleteStream } from './stream-actions.ts'

interface DeleteDialogProps {
  readonly stream: StreamView
  readonly isOpen: boolean
  readonly onClose: () => void
}

export function DeleteDialog(props: DeleteDialogProps) {
  return (
    <Dialog isOpen={props.isOpen} onClose={props.onClose} title={`Delete ${props.stream.id}?`}>
      <DeleteForm {...props} />
    </Dialog>
  )
}

function DeleteForm({ stream, onClose }: DeleteDialogProps) {
  const client = useQueryClient()
  const navigate = useNavigate()
  const [typed, setTyped] = useState('')
  const [isBusy, setBusy] = useState(false)
  const [error, setError] = useState<unknown>(null)
  const isOnAir = stream.status === 'live' || stream.status === 'interrupted' || stream.status === 'starting'

  const submit = async (event: FormEvent): Promise<void> => {
    event.preventDefault()
    setBusy(true)
    setError(null)
    try {
      await deleteStream(client, stream.id)
      await navigate({ to: '/streams' })
      toastDone(`Stream ${stream.id} was deleted.`)
    } catch (failure) {
      setError(failure)
      setBusy(false)
    }
  }

  return (
    <form onSubmit={(event) => void submit(event)} className="space-y-4">
      <div>
        <p>This cannot be undone. What is lost:</p>
        <ul className="mt-1.5 list-disc space-y-1 pl-5 text-soft">
          {isOnAir && (
            <li className="font-medium text-bad">
              The stream is on air: the encoder is cut off and{' '}
              {stream.live.viewers === 0
                ? 'playback stops'
                : `${plural(stream.live.viewers, 'viewer loses', 'viewers lose')} the picture`}
              .
            </li>
          )}
          <li>All publish keys: encoders that use them are refused.</li>
          <li>The live window and the settings of the stream.</li>
          <li>The player page and every address of the stream stop working.</li>
        </ul>
      </div>
      <TextField
        label={`Type ${stream.id} to confirm`}
        value={typed}
        onChange={(event) => setTyped(event.target.value)}
        className="font-mono"
        autoFocus
      />
      <InlineProblem error={error} />
      <DialogActions>
        <Button onClick={onClose}>Cancel</Button>
        <Button kind="danger" type="submit" isBusy={isBusy} disabled={typed !== stream.id}>
          Delete stream
        </Button>
      </DialogActions>
    </form>
  )
}

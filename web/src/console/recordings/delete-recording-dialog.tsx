import { useQueryClient } from '@tanstack/react-query'
import type { RecordingView } from '../../../../src/api/recording-contract.ts'
import { callApi } from '../api/client.ts'
import { Confirm } from '../ui/confirm.tsx'
import { toastDone } from '../ui/toast.tsx'
import { RECORDINGS_KEY, recordingPath } from './recording-queries.ts'

export function DeleteRecordingDialog({
  recording: { id, callId },
  isOpen,
  onClose,
}: {
  readonly recording: Pick<RecordingView, 'id' | 'callId'>
  readonly isOpen: boolean
  readonly onClose: () => void
}) {
  const client = useQueryClient()
  return (
    <Confirm
      isOpen={isOpen}
      onClose={onClose}
      title="Delete this recording?"
      verb="Delete for good"
      isDanger
      typed={callId === '' ? 'delete' : callId}
      onConfirm={async () => {
        await callApi('DELETE', recordingPath(id))
        toastDone(`The recording of ${callId === '' ? 'the call' : callId} was deleted.`)
        await client.invalidateQueries({ queryKey: RECORDINGS_KEY })
      }}
    >
      This cannot be undone: there is no trash for recordings. Its sound, its waveform and every link to it are gone at
      once.
    </Confirm>
  )
}

import { useQueryClient } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import type { StreamView } from '../../../../src/api/stream-contract.ts'
import { plural } from '../format/quantity.ts'
import { Confirm } from '../ui/confirm.tsx'
import { toastDone } from '../ui/toast.tsx'
import { deleteStream } from './stream-actions.ts'

export function DeleteDialog({
  stream,
  isOpen,
  onClose,
}: {
  readonly stream: StreamView
  readonly isOpen: boolean
  readonly onClose: () => void
}) {
  const client = useQueryClient()
  const navigate = useNavigate()
  const isOnAir = stream.status === 'live' || stream.status === 'interrupted' || stream.status === 'starting'
  return (
    <Confirm
      isOpen={isOpen}
      onClose={onClose}
      title={`Delete ${stream.id}?`}
      verb="Delete stream"
      isDanger
      typed={stream.id}
      onConfirm={async () => {
        await deleteStream(client, stream.id)
        await navigate({ to: '/streams' })
        toastDone(`Stream ${stream.id} was deleted.`)
      }}
    >
      <p>This cannot be undone. What is lost:</p>
      <ul className="mt-1.5 list-disc space-y-1 pl-5">
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
    </Confirm>
  )
}

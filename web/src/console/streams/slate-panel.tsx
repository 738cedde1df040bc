import { useMutation, useQueryClient } from '@tanstack/react-query'
import { Trash2, Upload } from 'lucide-react'
import { useRef } from 'react'
import type { StreamView } from '../../../../src/api/stream-contract.ts'
import { callApi } from '../api/client.ts'
import { streamPath, streamQuery } from '../api/queries.ts'
import { formatBytes } from '../format/quantity.ts'
import { Button } from '../ui/button.tsx'
import { Section } from '../ui/section.tsx'
import { InlineProblem } from '../ui/states.tsx'
import { toastDone } from '../ui/toast.tsx'

type SlateState = NonNullable<StreamView['live']['slate']>['state']

const STATES: Readonly<Record<SlateState, string>> = {
  waiting: 'It is prepared as soon as an encoder shows what the stream looks like.',
  preparing: 'It is being prepared. Until then silence is bridged with gaps.',
  ready: 'Ready.',
  failed: 'It could not be prepared, so silence is bridged with gaps.',
  on_air: 'On air: no input brings media.',
}

/** What viewers see while no input brings media. */
export function SlatePanel({ stream }: { readonly stream: StreamView }) {
  const client = useQueryClient()
  const chooser = useRef<HTMLInputElement>(null)
  const path = `${streamPath(stream.id)}/slate`
  const refresh = () => client.invalidateQueries({ queryKey: streamQuery(stream.id).queryKey, exact: true })
  const change = useMutation({
    mutationFn: (file: File | null) => (file === null ? callApi('DELETE', path) : callApi('PUT', path, { file })),
    onSuccess: async (_, file) => {
      await refresh()
      toastDone(file === null ? 'The slate was removed.' : 'The slate was uploaded.')
    },
  })
  const { slate } = stream
  const status = stream.live.slate
  return (
    <Section
      title="Slate"
      description="Viewers see it while no input brings media, so that they never lose the stream."
      actions={
        <>
          <Button
            isSmall
            icon={<Upload size={14} />}
            isBusy={change.isPending}
            onClick={() => chooser.current?.click()}
          >
            {slate === null ? 'Upload' : 'Replace'}
          </Button>
          {slate !== null && (
            <Button isSmall icon={<Trash2 size={14} />} onClick={() => change.mutate(null)}>
              Remove
            </Button>
          )}
        </>
      }
    >
      <input
        ref={chooser}
        type="file"
        aria-label="Slate file"
        className="hidden"
        accept="image/png,image/jpeg,video/mp4"
        onChange={(event) => {
          const file = event.target.files?.[0]
          event.target.value = ''
          if (file !== undefined) change.mutate(file)
        }}
      />
      <p className="text-soft">
        {slate === null
          ? 'None: silence is bridged with gaps. A PNG or JPEG picture, or an MP4 clip of up to 60 s; at most 20 MiB.'
          : `${slate.kind.toUpperCase()}, ${formatBytes(slate.sizeBytes)}. ${STATES[status?.state ?? 'waiting']}`}
      </p>
      {status?.error != null && <p className="mt-1 text-bad text-xs">{status.error}</p>}
      <InlineProblem error={change.error} />
    </Section>
  )
}

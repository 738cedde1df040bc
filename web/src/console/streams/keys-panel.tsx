import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Eye, EyeOff, Plus, RotateCw, Trash2 } from 'lucide-react'
import { useState } from 'react'
import type { PublishKeyView } from '../../../../src/api/stream-contract.ts'
import { callApi } from '../api/client.ts'
import { publishKeysQuery, streamPath, streamQuery } from '../api/queries.ts'
import { Button, IconButton } from '../ui/button.tsx'
import { Confirm } from '../ui/confirm.tsx'
import { CopyButton } from '../ui/copy.tsx'
import { RelativeTime } from '../ui/relative-time.tsx'
import { Section } from '../ui/section.tsx'
import { ErrorState, Skeleton } from '../ui/states.tsx'
import { toastDone, toastError } from '../ui/toast.tsx'

export function KeysPanel({ streamId }: { readonly streamId: string }) {
  const client = useQueryClient()
  const keys = useQuery(publishKeysQuery(streamId))
  const [revoked, setRevoked] = useState<PublishKeyView | null>(null)
  const [isRotating, setRotating] = useState(false)

  const refresh = async (): Promise<void> => {
    await client.invalidateQueries({ queryKey: publishKeysQuery(streamId).queryKey })
    // The commands on the page show the newest key.
    await client.invalidateQueries({ queryKey: streamQuery(streamId).queryKey, exact: true })
  }
  const create = useMutation({
    mutationFn: () => callApi<PublishKeyView>('POST', `${streamPath(streamId)}/keys`),
    onSuccess: async () => {
      await refresh()
      toastDone('A new publish key is valid. Older keys stay valid until you revoke them.')
    },
    onError: toastError,
  })

  return (
    <Section
      title="Publish keys"
      description="Whoever has one of these may publish on this stream."
      actions={
        <>
          <Button isSmall icon={<Plus size={14} />} isBusy={create.isPending} onClick={() => create.mutate()}>
            Add key
          </Button>
          <Button isSmall icon={<RotateCw size={14} />} onClick={() => setRotating(true)}>
            Rotate
          </Button>
        </>
      }
    >
      {keys.isPending && <Skeleton className="h-9" />}
      {keys.isError && <ErrorState error={keys.error} onRetry={() => void keys.refetch()} />}
      {keys.isSuccess && keys.data.length === 0 && (
        <p className="text-soft">There is no key: nobody can publish on this stream until you create one.</p>
      )}
      {keys.isSuccess && keys.data.length > 0 && (
        <ul className="divide-y divide-line rounded-lg border border-line">
          {keys.data.map((key) => (
            <KeyRow key={key.id} publishKey={key} isOnly={keys.data.length === 1} onRevoke={() => setRevoked(key)} />
          ))}
        </ul>
      )}
      <Confirm
        isOpen={revoked !== null}
        onClose={() => setRevoked(null)}
        title="Revoke this publish key?"
        verb="Revoke key"
        isDanger
        onConfirm={async () => {
          await callApi('DELETE', `${streamPath(streamId)}/keys/${encodeURIComponent(revoked?.id ?? '')}`)
          await refresh()
        }}
      >
        Encoders that use it are refused when they connect the next time. A connection that is on air now stays.
      </Confirm>
      <Confirm
        isOpen={isRotating}
        onClose={() => setRotating(false)}
        title="Rotate the publish keys?"
        verb="Rotate keys"
        isDanger
        onConfirm={async () => {
          await callApi('POST', `${streamPath(streamId)}/keys`, { body: { rotate: true } })
          await refresh()
          toastDone('There is one new publish key. All older keys are refused from now on.')
        }}
      >
        A new key replaces all the keys there are. Encoders that still use an old one are refused when they connect the
        next time; a connection that is on air now stays.
      </Confirm>
    </Section>
  )
}

function KeyRow({
  publishKey,
  isOnly,
  onRevoke,
}: {
  readonly publishKey: PublishKeyView
  /** The only key cannot be revoked, only rotated. */
  readonly isOnly: boolean
  readonly onRevoke: () => void
}) {
  const [isShown, setShown] = useState(false)
  return (
    <li className="flex items-center gap-1 py-1 pr-1 pl-3">
      <div className="min-w-0 flex-1">
        <code className="block truncate font-mono text-xs">{isShown ? publishKey.key : '••••••••••••••••'}</code>
        <span className="text-soft text-xs">
          created <RelativeTime at={publishKey.createdAt} />
        </span>
      </div>
      <IconButton label={isShown ? 'Hide key' : 'Show key'} aria-pressed={isShown} onClick={() => setShown(!isShown)}>
        {isShown ? <EyeOff size={15} /> : <Eye size={15} />}
      </IconButton>
      <CopyButton text={publishKey.key} label="Copy key" />
      {!isOnly && (
        <IconButton label="Revoke key" onClick={onRevoke}>
          <Trash2 size={15} />
        </IconButton>
      )}
    </li>
  )
}

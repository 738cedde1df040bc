import { useQuery, useQueryClient } from '@tanstack/react-query'
import { KeyRound, Plus, Trash2 } from 'lucide-react'
import { useState } from 'react'
import type { ApiKeyView, CreatedApiKeyView, MeView } from '../../../../src/api/access-contract.ts'
import { callApi } from '../api/client.ts'
import { apiKeysQuery } from '../api/queries.ts'
import { useAttempt } from '../ui/attempt.ts'
import { Button, IconButton } from '../ui/button.tsx'
import { Confirm } from '../ui/confirm.tsx'
import { CopyButton } from '../ui/copy.tsx'
import { Dialog, DialogActions } from '../ui/dialog.tsx'
import { SelectField, TextField } from '../ui/field.tsx'
import { RelativeTime } from '../ui/relative-time.tsx'
import { Section } from '../ui/section.tsx'
import { EmptyState, ErrorState, InlineProblem, Notice, Skeleton } from '../ui/states.tsx'

type Role = MeView['role']

const ROLES: readonly { readonly id: Role; readonly about: string }[] = [
  { id: 'viewer', about: 'viewer: reads state and figures' },
  { id: 'operator', about: 'operator: runs streams, sees publish keys' },
  { id: 'admin', about: 'admin: everything, API keys included' },
]

export function ApiKeysPanel() {
  const client = useQueryClient()
  const keys = useQuery(apiKeysQuery)
  const [isCreating, setCreating] = useState(false)
  const [deleted, setDeleted] = useState<ApiKeyView | null>(null)
  const refresh = (): Promise<void> => client.invalidateQueries({ queryKey: apiKeysQuery.queryKey })

  return (
    <Section
      title="API keys"
      description="For programs that call the API, with “Authorization: Bearer …”."
      isFlush
      actions={
        <Button isSmall icon={<Plus size={14} />} onClick={() => setCreating(true)}>
          Create key
        </Button>
      }
    >
      {keys.isPending && (
        <div className="px-4 pb-4">
          <Skeleton className="h-16" />
        </div>
      )}
      {keys.isError && <ErrorState error={keys.error} onRetry={() => void keys.refetch()} />}
      {keys.data?.length === 0 && (
        <EmptyState icon={<KeyRound size={20} />} title="No API keys">
          The console and the CLI on this machine do not need one.
        </EmptyState>
      )}
      <ul className="border-line border-t empty:hidden">
        {keys.data?.map((key) => (
          <li key={key.id} className="flex items-center gap-3 border-line border-b py-2 pr-2 pl-4 last:border-b-0">
            <div className="min-w-0 flex-1">
              <p className="truncate font-medium">{key.name}</p>
              <p className="text-soft text-xs">
                {key.role} · created <RelativeTime at={key.createdAt} /> ·{' '}
                {key.lastUsedAt === null ? (
                  'never used'
                ) : (
                  <>
                    used <RelativeTime at={key.lastUsedAt} />
                  </>
                )}
              </p>
            </div>
            <IconButton label={`Delete ${key.name}`} onClick={() => setDeleted(key)}>
              <Trash2 size={15} />
            </IconButton>
          </li>
        ))}
      </ul>
      <CreateKeyDialog isOpen={isCreating} onClose={() => setCreating(false)} onCreated={refresh} />
      <Confirm
        isOpen={deleted !== null}
        onClose={() => setDeleted(null)}
        title={`Delete the API key “${deleted?.name ?? ''}”?`}
        verb="Delete key"
        isDanger
        onConfirm={async () => {
          await callApi('DELETE', `/api-keys/${encodeURIComponent(deleted?.id ?? '')}`)
          await refresh()
        }}
      >
        Programs that use it are refused from now on, and their WebSocket connections are closed. This cannot be undone.
      </Confirm>
    </Section>
  )
}

function CreateKeyDialog({
  isOpen,
  onClose,
  onCreated,
}: {
  readonly isOpen: boolean
  readonly onClose: () => void
  readonly onCreated: () => Promise<void>
}) {
  return (
    <Dialog isOpen={isOpen} onClose={onClose} title="Create an API key">
      <CreateKeyForm onClose={onClose} onCreated={onCreated} />
    </Dialog>
  )
}

function CreateKeyForm({
  onClose,
  onCreated,
}: {
  readonly onClose: () => void
  readonly onCreated: () => Promise<void>
}) {
  const [name, setName] = useState('')
  const [role, setRole] = useState<Role>('operator')
  const [created, setCreated] = useState<CreatedApiKeyView | null>(null)

  const { isBusy, error, submit } = useAttempt(async () => {
    setCreated(await callApi<CreatedApiKeyView>('POST', '/api-keys', { body: { name: name.trim(), role } }))
    await onCreated()
  })

  if (created !== null) {
    return (
      <div className="space-y-4">
        <Notice>Copy the key now. It is shown only this once; Mirror keeps nothing but a fingerprint of it.</Notice>
        <div className="flex items-center gap-2 rounded-lg border border-line bg-sunken py-1.5 pr-1.5 pl-3">
          <code className="min-w-0 flex-1 font-mono text-xs wrap-anywhere">{created.key}</code>
          <CopyButton text={created.key} label="Copy API key" />
        </div>
        <DialogActions>
          <Button kind="primary" onClick={onClose}>
            Done
          </Button>
        </DialogActions>
      </div>
    )
  }
  return (
    <form onSubmit={submit} className="space-y-4">
      <TextField
        label="Name"
        hint="What it is for, such as “scoreboard” or “backup script”."
        value={name}
        maxLength={100}
        onChange={(event) => setName(event.target.value)}
        autoFocus
        required
      />
      <SelectField
        label="Role"
        value={role}
        onChange={(event) => setRole(ROLES.find(({ id }) => id === event.target.value)?.id ?? 'viewer')}
      >
        {ROLES.map(({ id, about }) => (
          <option key={id} value={id}>
            {about}
          </option>
        ))}
      </SelectField>
      <InlineProblem error={error} />
      <DialogActions>
        <Button onClick={onClose}>Cancel</Button>
        <Button kind="primary" type="submit" isBusy={isBusy} disabled={name.trim() === ''}>
          Create key
        </Button>
      </DialogActions>
    </form>
  )
}

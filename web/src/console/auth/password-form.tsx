import { useQueryClient } from '@tanstack/react-query'
import { type ReactNode, useState } from 'react'
import type { MeView } from '../../../../src/api/access-contract.ts'
import { callApi } from '../api/client.ts'
import { meQuery } from '../api/queries.ts'
import { useAttempt } from '../ui/attempt.ts'
import { Button } from '../ui/button.tsx'
import { PasswordField, TextField } from '../ui/field.tsx'
import { InlineProblem } from '../ui/states.tsx'

const PASSWORD_MIN = 10

/** Name and password of the one who is logged in; for the first login and for the settings page. */
export function PasswordForm({
  me,
  verb,
  onDone,
  more,
}: {
  readonly me: MeView
  readonly verb: string
  readonly onDone: () => void
  readonly more?: ReactNode
}) {
  const client = useQueryClient()
  const [name, setName] = useState(me.name)
  const [password, setPassword] = useState('')
  const isShort = password !== '' && password.length < PASSWORD_MIN

  const { isBusy, error, submit } = useAttempt(async () => {
    const changed = await callApi<MeView>('POST', '/auth/password', { body: { name: name.trim(), password } })
    client.setQueryData(meQuery.queryKey, changed)
    setPassword('')
    onDone()
  })

  return (
    <form onSubmit={submit} className="space-y-3">
      <TextField
        label="Name"
        name="username"
        autoComplete="username"
        value={name}
        maxLength={100}
        onChange={(event) => setName(event.target.value)}
        required
      />
      <PasswordField
        label="New password"
        name="new-password"
        autoComplete="new-password"
        hint={`At least ${PASSWORD_MIN} characters; a short sentence is easy to remember.`}
        error={isShort ? `${PASSWORD_MIN - password.length} more characters, please.` : null}
        value={password}
        onChange={(event) => setPassword(event.target.value)}
        required
      />
      <InlineProblem error={error} />
      <div className="flex flex-wrap items-center gap-2 pt-1">
        <Button
          type="submit"
          kind="primary"
          isBusy={isBusy}
          disabled={name.trim() === '' || password.length < PASSWORD_MIN}
        >
          {verb}
        </Button>
        {more}
      </div>
    </form>
  )
}

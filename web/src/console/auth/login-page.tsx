import { useQueryClient } from '@tanstack/react-query'
import { getRouteApi } from '@tanstack/react-router'
import { useState } from 'react'
import type { MeView } from '../../../../src/api/access-contract.ts'
import { callApi } from '../api/client.ts'
import { meQuery } from '../api/queries.ts'
import { useAttempt } from '../ui/attempt.ts'
import { Button } from '../ui/button.tsx'
import { PasswordField, TextField } from '../ui/field.tsx'
import { InlineProblem } from '../ui/states.tsx'
import { AuthFrame } from './auth-frame.tsx'

const route = getRouteApi('/login')

export function LoginPage() {
  const { to } = route.useSearch()
  const navigate = route.useNavigate()
  const client = useQueryClient()
  const [name, setName] = useState('')
  const [password, setPassword] = useState('')

  const { isBusy, error, submit } = useAttempt(async () => {
    const me = await callApi<MeView>('POST', '/auth/login', { body: { name, password } })
    client.setQueryData(meQuery.queryKey, me)
    await navigate({ href: to ?? '/', replace: true })
  })

  return (
    <AuthFrame title="Log in to Mirror">
      <form onSubmit={submit} className="space-y-3">
        <TextField
          label="Name"
          name="username"
          autoComplete="username"
          value={name}
          onChange={(event) => setName(event.target.value)}
          autoFocus
          required
        />
        <PasswordField
          label="Password"
          name="password"
          autoComplete="current-password"
          value={password}
          onChange={(event) => setPassword(event.target.value)}
          required
        />
        <InlineProblem error={error} />
        <Button
          type="submit"
          kind="primary"
          className="w-full"
          isBusy={isBusy}
          disabled={name === '' || password === ''}
        >
          Log in
        </Button>
      </form>
      <p className="mt-4 border-line border-t pt-4 text-soft text-xs">
        The first time, or if the password is lost: open the one-time link that Mirror prints when it starts, or print a
        new one on the server with{' '}
        <code className="rounded bg-sunken px-1 py-0.5 font-mono">npx mirror login-link</code>.
      </p>
    </AuthFrame>
  )
}

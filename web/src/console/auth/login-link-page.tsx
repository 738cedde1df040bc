import { useQueryClient } from '@tanstack/react-query'
import { getRouteApi, Link } from '@tanstack/react-router'
import { useEffect, useRef, useState } from 'react'
import type { MeView } from '../../../../src/api/access-contract.ts'
import { callApi } from '../api/client.ts'
import { meQuery } from '../api/queries.ts'
import { Button, buttonClass } from '../ui/button.tsx'
import { Spinner } from '../ui/spinner.tsx'
import { InlineProblem } from '../ui/states.tsx'
import { AuthFrame } from './auth-frame.tsx'
import { PasswordForm } from './password-form.tsx'

const route = getRouteApi('/login-link')

/** Uses the one-time link, then asks once for a password. It can be set later: the console reminds of it. */
export function LoginLinkPage() {
  const { token } = route.useSearch()
  const navigate = route.useNavigate()
  const client = useQueryClient()
  const [me, setMe] = useState<MeView | null>(null)
  const [error, setError] = useState<unknown>(null)
  const isUsed = useRef(false)

  useEffect(() => {
    // The token works once: it must not be sent again when React mounts the page a second time.
    if (isUsed.current) return
    isUsed.current = true
    callApi<MeView>('POST', '/auth/login-link', { body: { token: token ?? '' } })
      .then((found) => {
        client.setQueryData(meQuery.queryKey, found)
        if (!found.passwordMissing) return navigate({ to: '/', replace: true })
        // Out of the address bar and the history, where a used token has no business.
        window.history.replaceState(null, '', '/login-link')
        setMe(found)
      })
      .catch(setError)
  }, [token, client, navigate])

  if (error !== null) {
    return (
      <AuthFrame title="This link does not work">
        <InlineProblem error={error} />
        <p className="mt-3 text-soft text-xs">
          A link works once and for a limited time. Print a new one on the server with{' '}
          <code className="rounded bg-sunken px-1 py-0.5 font-mono">npx mirror login-link</code>.
        </p>
        <Link to="/login" className={`${buttonClass()} mt-4 w-full`}>
          Log in with a password
        </Link>
      </AuthFrame>
    )
  }
  if (me === null) {
    return (
      <AuthFrame title="Logging you in">
        <div role="status" className="flex items-center justify-center gap-2 py-4 text-soft">
          <Spinner /> One moment
        </div>
      </AuthFrame>
    )
  }
  const goOn = (): void => void navigate({ to: '/', replace: true })
  return (
    <AuthFrame
      title="Welcome to Mirror"
      text="Choose how you log in from now on. The link you came by works only once."
    >
      <PasswordForm
        me={me}
        verb="Save and go on"
        onDone={goOn}
        more={
          <Button kind="quiet" onClick={goOn}>
            Later
          </Button>
        }
      />
    </AuthFrame>
  )
}

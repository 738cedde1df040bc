import { useQueryClient, useSuspenseQuery } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import type { MeView } from '../../../../src/api/access-contract.ts'
import { callApi } from '../api/client.ts'
import { meQuery } from '../api/queries.ts'
import { toastError } from '../ui/toast.tsx'

/** Who is logged in. Only below the shell, which does not open without anybody. */
export function useMe(): MeView {
  const { data } = useSuspenseQuery(meQuery)
  // Between log-out and the redirect there is a moment without anybody.
  return data ?? NOBODY
}

const NOBODY: MeView = { kind: 'user', id: '', name: '', role: 'viewer', passwordMissing: false }

export function useMayOperate(): boolean {
  return useMe().role !== 'viewer'
}

export function useMayAdminister(): boolean {
  return useMe().role === 'admin'
}

export function useLogout(): () => Promise<void> {
  const client = useQueryClient()
  const navigate = useNavigate()
  return async () => {
    try {
      await callApi('POST', '/auth/logout')
    } catch (error) {
      toastError(error)
      return
    }
    await navigate({ to: '/login' })
    client.clear()
  }
}

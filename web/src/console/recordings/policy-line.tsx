// How long recordings are kept, in one line above the list, and where an admin changes it.
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { useMayAdminister } from '../shell/session.ts'
import { Button } from '../ui/button.tsx'
import { PolicyDialog } from './policy-dialog.tsx'
import { policyQuery } from './recording-queries.ts'
import { policyPauseWords, policyWords } from './recording-words.ts'

export function PolicyLine() {
  const { data: policy } = useQuery(policyQuery)
  const mayAdminister = useMayAdminister()
  const [isOpen, setOpen] = useState(false)
  // What is not known is not told; the list below says when the server is away.
  if (policy === undefined) return <div className="h-7" />
  const pause = policyPauseWords(policy)
  return (
    <div className="flex min-h-7 flex-wrap items-center gap-x-2 text-soft text-xs">
      <p>
        {policyWords(policy)}
        {pause !== null && <span className="font-medium text-warn"> · {pause}</span>}
      </p>
      {mayAdminister && (
        <Button isSmall kind="quiet" aria-label="Change how long recordings are kept" onClick={() => setOpen(true)}>
          Change
        </Button>
      )}
      <PolicyDialog policy={policy} isOpen={isOpen} onClose={() => setOpen(false)} />
    </div>
  )
}

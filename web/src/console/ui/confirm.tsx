import { type ReactNode, useState } from 'react'
import { Button } from './button.tsx'
import { Dialog, DialogActions } from './dialog.tsx'
import { InlineProblem } from './states.tsx'

export interface ConfirmProps {
  readonly isOpen: boolean
  readonly onClose: () => void
  readonly title: string
  /** Says exactly what happens. */
  readonly children: ReactNode
  readonly verb: string
  readonly onConfirm: () => Promise<unknown>
  readonly isDanger?: boolean
}

export function Confirm(props: ConfirmProps) {
  return (
    <Dialog isOpen={props.isOpen} onClose={props.onClose} title={props.title}>
      <ConfirmBody {...props} />
    </Dialog>
  )
}

function ConfirmBody({ onClose, children, verb, onConfirm, isDanger = false }: ConfirmProps) {
  const [isBusy, setBusy] = useState(false)
  const [error, setError] = useState<unknown>(null)
  const confirm = async (): Promise<void> => {
    setBusy(true)
    setError(null)
    try {
      await onConfirm()
      onClose()
    } catch (failure) {
      setError(failure)
      setBusy(false)
    }
  }
  return (
    <div className="space-y-4">
      <div className="text-soft">{children}</div>
      <InlineProblem error={error} />
      <DialogActions>
        <Button onClick={onClose}>Cancel</Button>
        <Button kind={isDanger ? 'danger' : 'primary'} isBusy={isBusy} onClick={() => void confirm()}>
          {verb}
        </Button>
      </DialogActions>
    </div>
  )
}

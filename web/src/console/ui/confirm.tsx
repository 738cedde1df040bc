import { type ReactNode, useState } from 'react'
import { useAttempt } from './attempt.ts'
import { Button } from './button.tsx'
import { Dialog, DialogActions } from './dialog.tsx'
import { TextField } from './field.tsx'
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
  /** What has to be typed before it can be confirmed: for what nobody can take back. */
  readonly typed?: string
}

export function Confirm(props: ConfirmProps) {
  return (
    <Dialog isOpen={props.isOpen} onClose={props.onClose} title={props.title}>
      <ConfirmForm {...props} />
    </Dialog>
  )
}

function ConfirmForm({ onClose, children, verb, onConfirm, isDanger = false, typed = '' }: ConfirmProps) {
  const [text, setText] = useState('')
  const { isBusy, error, submit } = useAttempt(async () => {
    await onConfirm()
    onClose()
  })
  return (
    <form onSubmit={submit} className="space-y-4">
      <div className="text-soft">{children}</div>
      {typed !== '' && (
        <TextField
          label={`Type ${typed} to confirm`}
          value={text}
          onChange={(event) => setText(event.target.value)}
          className="font-mono"
          autoFocus
        />
      )}
      <InlineProblem error={error} />
      <DialogActions>
        <Button onClick={onClose}>Cancel</Button>
        <Button kind={isDanger ? 'danger' : 'primary'} type="submit" isBusy={isBusy} disabled={text !== typed}>
          {verb}
        </Button>
      </DialogActions>
    </form>
  )
}

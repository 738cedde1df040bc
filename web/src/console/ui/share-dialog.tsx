// A link that opens something for whoever has it, for as long as is chosen.
import { Link2 } from 'lucide-react'
import { useState } from 'react'
import { formatAbsolute } from '../format/moment.ts'
import { useAttempt } from './attempt.ts'
import { Button } from './button.tsx'
import { CopyRow } from './copy.tsx'
import { Dialog, DialogActions } from './dialog.tsx'
import { SelectField } from './field.tsx'
import { InlineProblem } from './states.tsx'

const HOUR_SEC = 3600
/** Seven days are the longest that a link may live. */
const ENDS = [
  { sec: HOUR_SEC / 4, label: '15 minutes' },
  { sec: HOUR_SEC, label: '1 hour' },
  { sec: 8 * HOUR_SEC, label: '8 hours' },
  { sec: 24 * HOUR_SEC, label: '1 day' },
  { sec: 72 * HOUR_SEC, label: '3 days' },
  { sec: 168 * HOUR_SEC, label: '7 days' },
] as const

export interface SharedPart {
  /** Null: the original. */
  readonly value: string | null
  readonly label: string
}

export interface ShareDialogProps {
  readonly isOpen: boolean
  readonly onClose: () => void
  readonly title: string
  /** More than one: it is asked which. */
  readonly parts: readonly SharedPart[]
  readonly part?: string | null
  readonly makeLink: (
    part: string | null,
    expiresInSec: number,
  ) => Promise<{ readonly url: string; readonly expiresAt: string }>
}

export function ShareDialog(props: ShareDialogProps) {
  return (
    <Dialog
      isOpen={props.isOpen}
      onClose={props.onClose}
      title={props.title}
      description="Whoever has the link may open it, without logging in, until it ends. It cannot be taken back before, but deleting ends it."
    >
      <ShareForm {...props} />
    </Dialog>
  )
}

function ShareForm({ onClose, parts, part: first = null, makeLink }: ShareDialogProps) {
  const [part, setPart] = useState(first)
  const [sec, setSec] = useState<number>(24 * HOUR_SEC)
  const [link, setLink] = useState<{ readonly url: string; readonly expiresAt: string } | null>(null)
  const { isBusy, error, submit } = useAttempt(async () => {
    setLink(await makeLink(part, sec))
  })
  return (
    <form onSubmit={submit} className="space-y-3">
      {parts.length > 1 && (
        <SelectField
          label="What"
          value={part ?? ''}
          onChange={(event) => {
            setPart(event.target.value === '' ? null : event.target.value)
            setLink(null)
          }}
        >
          {parts.map(({ value, label }) => (
            <option key={value ?? ''} value={value ?? ''}>
              {label}
            </option>
          ))}
        </SelectField>
      )}
      <SelectField
        label="Ends after"
        value={sec}
        onChange={(event) => {
          setSec(Number(event.target.value))
          setLink(null)
        }}
      >
        {ENDS.map((end) => (
          <option key={end.sec} value={end.sec}>
            {end.label}
          </option>
        ))}
      </SelectField>
      {link !== null && (
        <div className="rounded-lg border border-line px-3">
          <CopyRow label="Link" value={link.url} />
          <p className="py-2 text-soft text-xs">Opens until {formatAbsolute(Date.parse(link.expiresAt))}.</p>
        </div>
      )}
      <InlineProblem error={error} />
      <DialogActions>
        <Button onClick={onClose}>{link === null ? 'Cancel' : 'Done'}</Button>
        {link === null && (
          <Button kind="primary" type="submit" isBusy={isBusy} icon={<Link2 size={14} />}>
            Make link
          </Button>
        )}
      </DialogActions>
    </form>
  )
}

import { WifiOff } from 'lucide-react'
import { useConnection } from '../api/live-context.tsx'
import { formatElapsed } from '../format/moment.ts'
import { useNow } from '../ui/relative-time.tsx'
import { Spinner } from '../ui/spinner.tsx'

/** A blink of the network is nobody's business. */
const SHOWN_AFTER_MS = 1500

export function ConnectionBanner() {
  const { state, downSinceMs } = useConnection()
  const now = useNow()
  if (state !== 'reconnecting' || downSinceMs === null || now - downSinceMs < SHOWN_AFTER_MS) return null
  return (
    <div
      role="status"
      className="sticky top-0 z-10 flex items-center gap-2 bg-warn-wash px-4 py-2 text-warn text-xs max-md:top-12 md:px-8"
    >
      <WifiOff size={14} aria-hidden className="shrink-0" />
      <p className="tnum">
        <span className="font-medium">No connection to Mirror for {formatElapsed(now - downSinceMs)}.</span> Figures on
        this page are from before that.
      </p>
      <span className="ml-auto flex items-center gap-1.5 whitespace-nowrap">
        <Spinner /> Reconnecting
      </span>
    </div>
  )
}

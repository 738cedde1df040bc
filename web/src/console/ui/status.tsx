import type { StreamView } from '../../../../src/api/stream-contract.ts'

export type Status = StreamView['status']

interface Look {
  readonly word: string
  readonly text: string
  readonly dot: string
  /** Offline is a ring and interrupted a half: told apart without colour. */
  readonly isPulsing: boolean
}

const LOOKS: Readonly<Record<Status, Look>> = {
  live: { word: 'Live', text: 'text-ok', dot: 'bg-ok', isPulsing: true },
  starting: { word: 'Starting', text: 'text-accent', dot: 'border-2 border-accent', isPulsing: true },
  interrupted: { word: 'Interrupted', text: 'text-warn', dot: 'bg-warn rounded-none!', isPulsing: false },
  offline: { word: 'Offline', text: 'text-soft', dot: 'border-[1.5px] border-edge', isPulsing: false },
  ended: { word: 'Ended', text: 'text-soft', dot: 'border-[1.5px] border-edge', isPulsing: false },
}

export function statusWord(status: Status): string {
  return LOOKS[status].word
}

export function StatusBadge({ status, isStale = false }: { readonly status: Status; readonly isStale?: boolean }) {
  const look = LOOKS[status]
  return (
    <span
      className={`inline-flex items-center gap-1.5 whitespace-nowrap font-medium text-xs ${isStale ? 'text-soft' : look.text}`}
    >
      <span className="relative inline-flex size-2" aria-hidden>
        {look.isPulsing && !isStale && (
          <span className="absolute inset-0 animate-ring rounded-full bg-current opacity-50" />
        )}
        <span className={`relative size-2 rounded-full ${isStale ? 'border-[1.5px] border-edge' : look.dot}`} />
      </span>
      {look.word}
    </span>
  )
}

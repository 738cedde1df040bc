/** How much of something is done. */
export function Progress({
  label,
  share,
  isThin = false,
  isStill = false,
}: {
  readonly label: string
  /** 0 to 1. */
  readonly share: number
  readonly isThin?: boolean
  /** It does not move at the moment. */
  readonly isStill?: boolean
}) {
  const percent = Math.max(0, Math.min(100, share * 100))
  return (
    <div
      role="progressbar"
      aria-label={label}
      aria-valuenow={Math.floor(percent)}
      aria-valuemin={0}
      aria-valuemax={100}
      className={`overflow-hidden bg-hover ${isThin ? 'h-0.5' : 'h-1.5 rounded-full'}`}
    >
      <div
        className={`h-full rounded-full transition-[width] duration-200 ${isStill ? 'bg-edge' : 'bg-accent'}`}
        style={{ width: `${percent}%` }}
      />
    </div>
  )
}

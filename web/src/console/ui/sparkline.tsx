/** A trend in a table row. Purely decorative: the figure stands beside it. */
export function Sparkline({
  values,
  width = 72,
  height = 20,
}: {
  readonly values: readonly number[]
  readonly width?: number
  readonly height?: number
}) {
  const points = sparklinePoints(values, width, height)
  return (
    <svg width={width} height={height} viewBox={`0 0 ${width} ${height}`} aria-hidden className="shrink-0 text-accent">
      {points === '' ? (
        <line x1={0} x2={width} y1={height - 1.5} y2={height - 1.5} stroke="var(--line)" strokeDasharray="2 3" />
      ) : (
        <polyline points={points} fill="none" stroke="currentColor" strokeWidth={1.25} strokeLinejoin="round" />
      )}
    </svg>
  )
}

/** From zero, so that a steady stream is a steady line and not magnified noise. */
export function sparklinePoints(values: readonly number[], width: number, height: number): string {
  if (values.length < 2) return ''
  const max = Math.max(...values)
  if (max <= 0) return ''
  const step = width / (values.length - 1)
  const inset = 1.5
  return values
    .map((value, index) => {
      const y = height - inset - (value / max) * (height - 2 * inset)
      return `${(index * step).toFixed(1)},${y.toFixed(1)}`
    })
    .join(' ')
}

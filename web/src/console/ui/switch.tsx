/** On or off at once, without a form to be saved. */
export function Switch({
  label,
  isOn,
  isBusy,
  onChange,
}: {
  readonly label: string
  readonly isOn: boolean
  readonly isBusy: boolean
  readonly onChange: (isOn: boolean) => void
}) {
  return (
    <button
      type="button"
      role="switch"
      aria-checked={isOn}
      aria-busy={isBusy}
      disabled={isBusy}
      onClick={() => onChange(!isOn)}
      className="inline-flex min-h-9 items-center gap-2.5 font-medium text-sm md:min-h-8"
    >
      <span
        aria-hidden
        className={`flex h-5 w-9 shrink-0 items-center rounded-full border p-0.5 transition-colors ${
          isOn ? 'justify-end border-accent bg-accent' : 'border-edge bg-sunken'
        }`}
      >
        <span className={`size-3.5 rounded-full ${isOn ? 'bg-on-accent' : 'bg-edge'}`} />
      </span>
      {label}
    </button>
  )
}

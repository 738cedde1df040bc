export function LogoMark({ size = 20 }: { readonly size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 32 32" aria-hidden className="shrink-0">
      <rect width="32" height="32" rx="8" fill="#1957d2" />
      <path d="M15 7v18L6.5 20.2a1 1 0 0 1-.5-.9v-6.6a1 1 0 0 1 .5-.9z" fill="#fff" />
      <path d="M17 7v18l8.5-4.8a1 1 0 0 0 .5-.9v-6.6a1 1 0 0 0-.5-.9z" fill="#fff" fillOpacity=".5" />
    </svg>
  )
}

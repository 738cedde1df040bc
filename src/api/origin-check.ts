// Cross-site request forgery: a browser sends the cookie, so a state-changing request must come from our own pages.

export interface RequestOrigin {
  readonly host: string | undefined
  readonly origin: string | undefined
  /** Sec-Fetch-Site, which scripts cannot forge. */
  readonly fetchSite: string | undefined
}

/**
 * Compares hosts, not schemes: behind a TLS proxy the scheme differs from what we see. `publicUrl` covers a proxy that
 * rewrites Host. Without Origin and Sec-Fetch-Site it is no browser's cross-site request, but nothing proves it either.
 */
export function isSameOrigin({ host, origin, fetchSite }: RequestOrigin, publicUrl: string | null): boolean {
  if (origin === undefined) return fetchSite === 'same-origin'
  const originHost = hostOf(origin)
  if (originHost === null) return false
  return originHost === host?.toLowerCase() || (publicUrl !== null && originHost === hostOf(publicUrl))
}

function hostOf(url: string): string | null {
  return URL.canParse(url) ? new URL(url).host : null
}

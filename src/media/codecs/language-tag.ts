/** ISO 639-2 code of a container (`eng`, also the bibliographic `ger`) → BCP 47 tag (`en`, `de`); `und` when it is none. */
export function languageTag(code: string): string {
  if (!/^[A-Za-z]{3}$/.test(code)) return 'und'
  return Intl.getCanonicalLocales(code)[0] ?? 'und'
}

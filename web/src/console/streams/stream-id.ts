/** What is wrong with a stream id while somebody types it, or null. */
export function complainAboutStreamId(id: string, taken: readonly string[]): string | null {
  if (id === '') return null
  const stranger = /[^A-Za-z0-9-]/.exec(id)?.[0]
  if (stranger !== undefined) {
    const named = stranger.trim() === '' ? 'A space' : `“${stranger}”`
    return `${named} is not possible here: use letters A–Z, digits and hyphens.`
  }
  if (id.length > 64) return `That is ${id.length} characters; 64 are possible.`
  if (taken.includes(id)) return 'A stream with this id exists.'
  return null
}

// How names, tags and questions become words that two databases compare alike. Pure.

const MAX_WORDS = 200
/** PostgreSQL takes no longer lexemes than 2046 bytes; nobody searches for a word of more letters than this. */
const MAX_WORD_LETTERS = 64

/** Lower case, without accents, in letters and digits: `Überfahrt_2026.JPG` is `uberfahrt 2026 jpg`. */
export function searchWords(texts: readonly string[]): readonly string[] {
  const folded = texts.join(' ').normalize('NFKD').toLowerCase().replace(/\p{M}/gu, '').replaceAll('ß', 'ss')
  const words = folded.match(/[\p{L}\p{Nd}]+/gu) ?? []
  return [...new Set(words.map((word) => word.slice(0, MAX_WORD_LETTERS)))].slice(0, MAX_WORDS)
}

/** For SQLite FTS5: each word, or one that begins with it. */
export function fts5Query(words: readonly string[]): string {
  return words.map((word) => `"${word}"*`).join(' AND ')
}

/** The same for PostgreSQL, cast to `tsquery`. Words hold no quotes. */
export function tsQuery(words: readonly string[]): string {
  return words.map((word) => `'${word}':*`).join(' & ')
}

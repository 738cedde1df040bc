// docs/reference/hls-lint.md, made from the rules themselves.
import { ALL_RULES, CHAPTERS } from './rules/all-rules.ts'

const INTRODUCTION = `# hls-lint

Made from the rules in \`src/lint/rules\`: change them there and run \`node src/lint/write-manual.ts\`.

\`\`\`
mirror hls-lint <url> [--seconds 30] [--media all|sample|none] [--renditions 8] [--json]
\`\`\`

Watches an HLS presentation of any vendor for a while, as a player would: blocking reloads, every other one as a delta
update, preload hints, rendition reports; without low latency it polls. It judges each playlist, playlists against
earlier ones and against each other, media against what playlists say of it, and the HTTP answers. Once per watch it
also asks what a well-behaved player would not ask. A presentation that has ended is read and sampled.

- \`<url>\` is a multivariant or a media playlist. All media playlists are followed at once, up to \`--renditions\`.
- \`--media sample\` fetches initialization segments and two of each six segments with all their parts. MPEG-TS and other
  formats are fetched and hashed, but not looked into.
- The report groups findings by rule, each with its first example. \`--json\` prints all of them with statistics.
- Exit code: 0 when no MUST is broken, 1 when one is (or nothing could be loaded), 2 for wrong usage.

**MUST**: the source demands it and players may fail. **SHOULD**: the source advises it. **ADVICE**: worth knowing.
RFC 8216bis is \`draft-pantos-hls-rfc8216bis-22\`. Times measured by the watcher have slack for its own network and clock.
`

export function renderManual(): string {
  const chapters = CHAPTERS.map(({ title, rules }) => {
    const rows = rules.map(
      ({ id, severity, title: asked, source }) =>
        `| \`${id}\` | ${severity.toUpperCase()} | ${cell(asked)} | ${cell(source)} |`,
    )
    return ['', `## ${title}`, '', '| rule | | what is asked | source |', '|---|---|---|---|', ...rows, ''].join('\n')
  })
  return `${INTRODUCTION}\nThere are ${ALL_RULES.length} rules.\n${chapters.join('')}`
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|')
}

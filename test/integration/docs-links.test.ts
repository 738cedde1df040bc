import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))
const pages = globSync(['*.md', 'docs/**/*.md', 'deploy/**/*.md', 'bench/**/*.md'], { cwd: root })

test('there are pages to check', () => {
  expect(pages).toContain('README.md')
})

test.each(pages)('every link of %s leads somewhere', (page) => {
  const broken = linksOf(readFileSync(join(root, page), 'utf8')).filter((link) => !resolves(page, link))
  expect(broken).toEqual([])
})

/** Targets of links and pictures, outside of code. Addresses of other sites are not visited. */
function linksOf(markdown: string): string[] {
  const prose = markdown.replace(/^```[\s\S]*?^```/gm, '').replace(/`[^`\n]*`/g, '')
  return [...prose.matchAll(/\]\(([^)\s]+)(?:\s+"[^"]*")?\)/g)]
    .map(([, target = '']) => target)
    .filter((target) => !/^[a-z]+:/i.test(target))
}

function resolves(page: string, link: string): boolean {
  const [path = '', anchor] = link.split('#')
  const file = path === '' ? join(root, page) : resolve(root, dirname(page), path)
  if (!existsSync(file)) return false
  return anchor === undefined || headings(file).includes(anchor)
}

/** The anchors that a Markdown page gets from its headings. */
function headings(file: string): string[] {
  const titles = readFileSync(file, 'utf8').matchAll(/^#{1,6}\s+(.+)$/gm)
  return [...titles].map(([, title = '']) =>
    title
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .trim()
      .replace(/\s/g, '-'),
  )
}

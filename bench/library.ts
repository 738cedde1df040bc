// `npm run bench:library`: what uploaded content costs to take in, to process and to find, against baselines in the same
// run. What each figure means: bench/README.md.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MirrorProcess } from '../test/support/mirror-process.ts'
import { runAsCommand } from './command.ts'
import { type LibraryBenchOptions, parseOptions, type Section, USAGE } from './library/options.ts'
import { type ImageCost, measureImages, measureVideo, type VideoCost } from './library/processing.ts'
import { type LibraryBenchReport, renderReport } from './library/report.ts'
import { measureSearch, type SearchCost } from './library/search.ts'
import { measureUploads, type UploadCost, uploadOrders } from './library/uploads.ts'
import { machineFacts } from './process-usage.ts'

await runAsCommand<LibraryBenchOptions, LibraryBenchReport>({
  ...{ parse: parseOptions, usage: USAGE, run: runBench, render: renderReport },
  longestMs: ({ assets }) => 900_000 + assets,
})

async function runBench(
  options: LibraryBenchOptions,
  signal: AbortSignal,
  say: (text: string) => void,
): Promise<LibraryBenchReport> {
  const { sections, assets, isQuick } = options
  const wants = (section: Section) => sections.includes(section)
  const machine = machineFacts()
  const content = await measureContent(options, signal, say)
  const search: SearchCost[] = []
  for (const database of ['sqlite', 'postgres'] as const) {
    if (!wants('search')) break
    say(`searching among ${assets} assets (${database})`)
    search.push(await measureSearch(database, { assets, rounds: isQuick ? 20 : 200 }, signal))
  }
  return {
    version: 1,
    machine,
    options: { sections, assets, isQuick },
    ...content,
    search: wants('search') ? search : null,
  }
}

/** All that one Mirror takes in. */
async function measureContent(
  { sections, isQuick }: LibraryBenchOptions,
  signal: AbortSignal,
  say: (text: string) => void,
): Promise<Pick<LibraryBenchReport, 'uploads' | 'images' | 'video'>> {
  const nothing = { uploads: null, images: null, video: null }
  if (sections.every((section) => section === 'search')) return nothing
  await using opened = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), 'mirror-bench-library-'))
  opened.defer(() => rm(folder, { recursive: true, force: true }))
  const mirror = opened.use(await MirrorProcess.start())
  const uploads: UploadCost[] = []
  for (const order of sections.includes('uploads') ? uploadOrders(isQuick) : []) {
    say(`uploading ${order.files} × ${order.fileMiB} MiB, ${order.concurrency} at once (${order.name})`)
    uploads.push(await measureUploads(mirror, folder, order, signal))
  }
  let images: ImageCost | null = null
  if (sections.includes('images')) {
    say('processing pictures')
    const size = isQuick ? { images: 3, width: 800, height: 600 } : { images: 40, width: 4000, height: 3000 }
    images = await measureImages(mirror, folder, size, signal)
  }
  let video: VideoCost | null = null
  if (sections.includes('video')) {
    say('processing a video')
    video = await measureVideo(mirror, folder, isQuick ? 2 : 60, signal)
  }
  return { uploads: sections.includes('uploads') ? uploads : null, images, video }
}

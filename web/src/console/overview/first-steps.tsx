// An empty installation: something that moves at one press, then the way to one's own picture.
import { Link } from '@tanstack/react-router'
import { Plus } from 'lucide-react'
import type { ReactNode } from 'react'
import type { SystemView } from '../../../../src/api/system-contract.ts'
import { buttonClass } from '../ui/button.tsx'
import { CommandBlock } from '../ui/copy.tsx'

export function FirstSteps({
  system,
  testStream,
}: {
  readonly system: SystemView | null
  readonly testStream: ReactNode
}) {
  return (
    <div className="space-y-4">
      <section className="card flex items-center justify-between gap-8 overflow-hidden p-6 max-md:flex-col max-md:items-start">
        <div className="max-w-xl">
          <h2 className="text-lg">See it move first</h2>
          <p className="mt-1 mb-4 text-soft">
            The test stream is a moving picture with a burnt-in clock and a beep each second. It takes the same way as
            your own streams will: published, cut into parts, and played in this page with the latency you can read off
            the clock.
          </p>
          {testStream}
        </div>
        <TestCard />
      </section>
      <div className="grid gap-4 lg:grid-cols-2">
        <section className="card p-5">
          <h2 className="text-sm">Publish your own picture</h2>
          <p className="mt-1 text-soft">
            Create a stream. Its page shows ready-to-paste settings for OBS and commands for ffmpeg over SRT, RTMP and
            HTTP, key included.
          </p>
          <Link to="/streams" search={{ create: true }} className={`${buttonClass()} mt-4`}>
            <Plus size={15} /> Create stream
          </Link>
        </section>
        <section className="card p-5">
          <h2 className="text-sm">Or from a terminal</h2>
          <p className="mt-1 mb-3 text-soft">Inside the folder Mirror runs in:</p>
          <div className="space-y-2">
            <CommandBlock label="Start the test stream" command="npx mirror demo" />
            <CommandBlock
              label="Create a stream and print where to publish it"
              command="npx mirror stream create studio-1"
            />
          </div>
        </section>
      </div>
      {system !== null && <Reach system={system} />}
    </div>
  )
}

function Reach({ system }: { readonly system: SystemView }) {
  const isLocal = /\/\/(localhost|127\.0\.0\.1|\[::1\])/.test(system.addresses.media)
  if (!isLocal) return null
  return (
    <p className="text-soft text-xs">
      Mirror listens on this computer only. To let encoders and viewers in from the network, start it with{' '}
      <code className="rounded bg-sunken px-1 py-0.5 font-mono">MIRROR_BIND=0.0.0.0 npm start</code>.
    </p>
  )
}

/** A drawing of the test picture, so that the button says what it will bring. */
function TestCard() {
  const bars = ['#c8c8c8', '#c2c130', '#31c0c2', '#34c131', '#c130c0', '#c23131', '#3232c2']
  return (
    <svg viewBox="0 0 160 90" className="w-64 shrink-0 rounded-lg max-md:w-full" aria-hidden>
      {bars.map((fill, index) => (
        <rect key={fill} x={(index * 160) / 7} width={160 / 7 + 0.5} height={66} fill={fill} />
      ))}
      <rect y={66} width={160} height={24} fill="#16161a" />
      <rect x={44} y={27} width={72} height={16} rx={3} fill="#000" fillOpacity={0.8} />
      <text x={80} y={38.5} textAnchor="middle" fill="#fff" fontSize={9} fontWeight={600} className="tnum font-mono">
        12:04:31.480
      </text>
      <circle cx={132} cy={78} r={5} fill="#fff" />
    </svg>
  )
}

// A Ceph RADOS Gateway of one node: monitor, one OSD in memory, gateway; all on loopback and thrown away afterwards.
// Debian: ceph-mon, ceph-osd, ceph-common, radosgw. About 14 s to start, of which 9 for the gateway's pools; 130 MB.
import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { answersHttp, Daemon, findProgram } from './daemon.ts'
import { findFreePort } from './free-port.ts'
import type { S3Server } from './s3-servers.ts'

const run = promisify(execFile)
const PROGRAMS = ['ceph-mon', 'ceph-osd', 'radosgw', 'radosgw-admin', 'ceph', 'ceph-authtool', 'monmaptool']
const START_TIMEOUT_MS = 60_000
/** A second storage class beside STANDARD, as pools of another kind of disk would be. */
export const RGW_COLD_CLASS = 'COLD'

export function rgwMissing(): string | null {
  const missing = PROGRAMS.filter((name) => findProgram(name) === null)
  if (missing.length === 0) return null
  return `${missing.join(', ')} not found: apt-get install -y --no-install-recommends ceph-mon ceph-osd ceph-common radosgw`
}

export async function startRgw(): Promise<S3Server> {
  await using opened = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), 'mirror-rgw-'))
  opened.defer(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }))
  const [monPort, port] = [await findFreePort(), await findFreePort()]
  const fsid = randomUUID()
  for (const name of ['mon', 'osd', 'mgr', 'run', 'rgw']) await mkdir(join(folder, name))
  const conf = join(folder, 'ceph.conf')
  const keyring = join(folder, 'keyring')
  await writeFile(conf, configuration({ folder, fsid, monPort, port }))

  const inCluster = (program: string, ...args: string[]) => run(program, ['-c', conf, ...args], { timeout: 30_000 })
  const addKey = (name: string, ...caps: string[]) =>
    run('ceph-authtool', [keyring, '--gen-key', '-n', name, ...caps.flatMap((cap) => ['--cap', ...cap.split('=')])])
  await run('ceph-authtool', ['--create-keyring', keyring, '--gen-key', '-n', 'mon.', '--cap', 'mon', 'allow *'])
  await addKey('client.admin', 'mon=allow *', 'osd=allow *', 'mgr=allow *')
  await addKey('client.rgw.a', 'mon=allow rwx', 'osd=allow rwx')
  await addKey('osd.0', 'mon=allow profile osd', 'osd=allow *')
  const monmap = join(folder, 'monmap')
  await run('monmaptool', ['--create', '--fsid', fsid, '--addv', 'a', `[v2:127.0.0.1:${monPort}]`, monmap])
  await inCluster('ceph-mon', '--mkfs', '-i', 'a', '--monmap', monmap, '--keyring', keyring)

  const mon = opened.use(new Daemon(['ceph-mon', '-f', '-c', conf, '-i', 'a']))
  await mon.until(() => succeeds(inCluster('ceph', 'quorum_status')), START_TIMEOUT_MS)
  const osdId = randomUUID()
  await inCluster('ceph', 'osd', 'new', osdId)
  await inCluster('ceph', 'auth', 'import', '-i', keyring)
  await inCluster('ceph-osd', '-i', '0', '--mkfs', '--osd-uuid', osdId)
  const osd = opened.use(new Daemon(['ceph-osd', '-f', '-c', conf, '-i', '0']))
  await inCluster('ceph', 'osd', 'crush', 'add', 'osd.0', '1.0', 'host=h', 'root=default')
  await osd.until(
    () =>
      inCluster('ceph', 'osd', 'stat').then(
        ({ stdout }) => stdout.includes('1 up'),
        () => false,
      ),
    START_TIMEOUT_MS,
  )

  const admin = (...args: string[]) => inCluster('radosgw-admin', '-n', 'client.rgw.a', ...args)
  const [accessKey, secretKey] = ['mirror-test', randomUUID()]
  const placement = ['--placement-id', 'default-placement', '--storage-class', RGW_COLD_CLASS]
  await admin('user', 'create', '--uid=m', '--display-name=m', `--access-key=${accessKey}`, `--secret-key=${secretKey}`)
  await admin('zonegroup', 'placement', 'add', '--rgw-zonegroup', 'default', ...placement)
  await admin('zone', 'placement', 'add', '--rgw-zone', 'default', ...placement, '--data-pool', 'default.rgw.cold.data')
  const endpoint = `http://127.0.0.1:${port}`
  const gateway = opened.use(new Daemon(['radosgw', '-f', '-c', conf, '-n', 'client.rgw.a']))
  await gateway.until(() => answersHttp(endpoint), START_TIMEOUT_MS)

  const parts = opened.move()
  return { endpoint, region: 'us-east-1', accessKey, secretKey, [Symbol.asyncDispose]: () => parts.disposeAsync() }
}

async function succeeds(work: Promise<unknown>): Promise<boolean> {
  return await work.then(
    () => true,
    () => false,
  )
}

function configuration(where: { folder: string; fsid: string; monPort: number; port: number }): string {
  const { folder, fsid, monPort, port } = where
  return `[global]
fsid = ${fsid}
mon_initial_members = a
mon_host = v2:127.0.0.1:${monPort}
public_network = 127.0.0.0/8
cluster_network = 127.0.0.0/8
ms_bind_ipv6 = false
auth_cluster_required = cephx
auth_service_required = cephx
auth_client_required = cephx
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_num = 4
osd_pool_default_pgp_num = 4
osd_crush_chooseleaf_type = 0
mon_allow_pool_size_one = true
mon_data_avail_crit = 1
mon_data_avail_warn = 2
mon_max_pg_per_osd = 1000
osd_objectstore = memstore
memstore_device_bytes = 4294967296
log_file = ${folder}/$name.log
admin_socket = ${folder}/run/$name.asok
pid_file = ${folder}/run/$name.pid
run_dir = ${folder}/run
mon_data = ${folder}/mon
osd_data = ${folder}/osd
mgr_data = ${folder}/mgr
rgw_data = ${folder}/rgw
keyring = ${folder}/keyring
[client.rgw.a]
rgw_frontends = beast endpoint=127.0.0.1:${port}
rgw_dns_name = localhost
rgw_enable_usage_log = false
rgw_lc_debug_interval = 10
`
}

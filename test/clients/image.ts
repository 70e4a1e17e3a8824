/**
 * The image of all containers, without a registry: busybox that sleeps. With the machine's /usr mounted over
 * its empty one, the machine's programs run in it.
 */
import { createHash } from 'node:crypto'
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { run } from '../netns.js'

export const IMAGE = 'cni.test/pause:1'
const APPLETS = ['sh', 'sleep']

function writeRootfs(dir: string): void {
  for (const folder of ['bin', 'proc', 'sys', 'dev', 'tmp', 'etc', 'run', 'usr'])
    mkdirSync(join(dir, folder), { recursive: true })
  cpSync('/bin/busybox', join(dir, 'bin', 'busybox'))
  for (const applet of APPLETS) symlinkSync('busybox', join(dir, 'bin', applet))
  for (const name of ['lib', 'lib64']) symlinkSync(join('usr', name), join(dir, name))
}

export interface Image {
  /** OCI image layout (image-spec, image-layout.md) in one tar file. */
  readonly archive: string
  /** For clients that take a folder instead. */
  readonly rootfs: string
}

export function writeImage(dir: string): Image {
  const rootfs = join(dir, 'rootfs')
  const layout = join(dir, 'layout')
  mkdirSync(join(layout, 'blobs', 'sha256'), { recursive: true })
  writeRootfs(rootfs)
  const layer = join(dir, 'layer.tar')
  run('tar', [
    '-C',
    rootfs,
    '--sort=name',
    '--owner=0',
    '--group=0',
    '--numeric-owner',
    '-cf',
    layer,
    '.',
  ])

  const blob = (mediaType: string, content: Buffer) => {
    const hex = createHash('sha256').update(content).digest('hex')
    writeFileSync(join(layout, 'blobs', 'sha256', hex), content)
    return { mediaType, digest: `sha256:${hex}`, size: content.length }
  }
  const json = (mediaType: string, value: object) =>
    blob(mediaType, Buffer.from(JSON.stringify(value)))
  // Uncompressed: diff_id is the blob's own digest.
  const tar = blob('application/vnd.oci.image.layer.v1.tar', readFileSync(layer))
  const config = json('application/vnd.oci.image.config.v1+json', {
    architecture: process.arch === 'x64' ? 'amd64' : process.arch,
    os: 'linux',
    config: { Cmd: ['/bin/sleep', '1000000'] },
    rootfs: { type: 'layers', diff_ids: [tar.digest] },
  })
  const manifest = json('application/vnd.oci.image.manifest.v1+json', {
    schemaVersion: 2,
    config,
    layers: [tar],
  })
  const annotations = {
    'io.containerd.image.name': IMAGE,
    'org.opencontainers.image.ref.name': IMAGE,
  }
  const index = { schemaVersion: 2, manifests: [{ ...manifest, annotations }] }
  writeFileSync(join(layout, 'index.json'), JSON.stringify(index))
  writeFileSync(join(layout, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}')
  const archive = join(dir, 'image.tar')
  run('tar', ['-C', layout, '-cf', archive, 'oci-layout', 'index.json', 'blobs'])
  return { archive, rootfs }
}
